"""IAM's answers for callers and stacks, and role sessions for the sessions of interpreters."""

import re
import secrets
import string
import time
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import iam, sts

from interpreter_local.identity import SERVICE_PRINCIPAL
from interpreter_local.network import Attachment, Credentials, NotAssumableError, vpc
from interpreter_local.state import Scope

from . import context, ec2

_ROLE = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/(?:.*/)?([^/]+)")
# The longest that AWS lets a role session last that another role's session (here: the service) starts.
_ROLE_SESSION_SECONDS = 3600
_KEY_ALPHABET = string.ascii_uppercase + "234567"


class RequestIdentity:
    """IAM's answers for the caller of the current request."""

    def cannot_pass(self, role_arn: str) -> str | None:
        """See `identity.Identity`."""
        denied = iam_evaluator.enforce(
            context.access_key.get(),
            "iam:PassRole",
            "iam",
            responses.get_region(),
            resource_arn=role_arn,
            service_context={"iam:PassedToService": SERVICE_PRINCIPAL},
        )
        if denied is None:
            return None
        caller = getattr(denied, "principal_arn", "")
        return f"User: {caller} is not authorized to perform: iam:PassRole on resource: {role_arn}"

    def not_assumable(self, scope: Scope, role_arn: str, interpreter_arn: str) -> str | None:
        """See `identity.Identity`: the trust policy is evaluated with the source that AWS would send."""
        matched = _ROLE.fullmatch(role_arn)
        if matched is None or matched[1] != scope.account:
            return f"{role_arn} is not a role of account {scope.account}"
        with responses.request_scope(scope.account, scope.region):
            role = iam._roles.get(matched[2])
        if role is None or role["Arn"] != role_arn:
            return f"role {role_arn} does not exist"
        asked = iam_evaluator.EvalContext(
            principal_arn=SERVICE_PRINCIPAL,
            principal_type="Service",
            principal_account=scope.account,
            action="sts:AssumeRole",
            resource_arn=role_arn,
            region=scope.region,
            service_context={"aws:sourceaccount": scope.account, "aws:sourcearn": interpreter_arn},
        )
        trust = role["AssumeRolePolicyDocument"]
        decided = iam_evaluator.evaluate_resource_policy(trust, asked, service=SERVICE_PRINCIPAL)
        if decided.decision == "Allow":
            return None
        return (
            f"the trust policy of {role_arn} does not let {SERVICE_PRINCIPAL} assume it "
            f"with aws:SourceAccount {scope.account} and aws:SourceArn {interpreter_arn}"
        )

    def network_problems(self, scope: Scope, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """See `identity.Identity`."""
        return vpc.problems(ec2.records(scope), config)


class SessionIdentities:
    """Role sessions for the sessions of interpreters; see `network.Identities`."""

    def mint(self, session: Attachment) -> Credentials:
        """An hour of the execution role, its trust policy asked once more.

        The role session's name is unrecorded; ours is the session's id.
        """
        role_arn = session.role_arn or ""
        scope = Scope(session.account, session.region, session.partition)
        if refusal := RequestIdentity().not_assumable(scope, role_arn, session.interpreter_arn):
            raise NotAssumableError(refusal)
        with responses.request_scope(session.account, session.region):
            role = iam._roles.get(role_arn.rpartition("/")[2])
        made = Credentials(
            access_key="ASIA" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(16)),
            secret_key=secrets.token_urlsafe(30),
            token=secrets.token_urlsafe(240),
            expiration=time.time() + _ROLE_SESSION_SECONDS,
        )
        name = f"{role['RoleName']}/{session.session_id}"
        sts.register_session(
            made.access_key,
            {
                "Arn": f"arn:{session.partition}:sts::{session.account}:assumed-role/{name}",
                "UserId": f"{role['RoleId']}:{session.session_id}",
                "SecretAccessKey": made.secret_key,
                "SessionToken": made.token,
                "Expiration": made.expiration,
                "AccountId": session.account,
                "PrincipalType": "AssumedRole",
            },
        )
        return made

    def forget(self, access_key: str) -> None:
        """From now on nobody knows this key."""
        sts._sessions.pop(access_key, None)


class StackIdentity(RequestIdentity):
    """The same for CloudFormation, which acts with the rights of whoever may deploy the stack."""

    def cannot_pass(self, role_arn: str) -> str | None:
        """Nothing: MiniStack does not evaluate the rights of a stack's resources."""
        return None
