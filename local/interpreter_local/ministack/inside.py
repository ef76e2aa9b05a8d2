"""AWS for requests from inside sessions: past every entrance of MiniStack but AWS's own APIs."""

from typing import Any

from ministack import app as gateway
from ministack.core import iam_evaluator, responses
from ministack.services import s3, sts

from interpreter_local.home import REGION
from interpreter_local.network import Routed, operations

from . import context, requests


class SessionAws:
    """AWS for requests from inside sessions; see `network.Aws`."""

    def usable(self, access_key: str, headers: dict[str, str], query: dict[str, list[str]]) -> bool:
        """Not for keys that stand for root, nor for one that MiniStack would not read from this request."""
        if gateway.extract_access_key_id(headers, query) != access_key:
            return False
        if iam_evaluator.is_root_access_key(access_key):
            return False
        return bool(sts._sessions.get(access_key, {}).get("PrincipalType") != "Root")

    def bucket_region(self, bucket: str) -> str | None:
        """Where a bucket is, whoever owns it; None when there is none."""
        owner = s3._bucket_owner_account(bucket)
        if owner is None:
            return None
        with responses.request_scope(owner, REGION):
            return str(s3.bucket_region(bucket))

    async def forward(self, scope: Any, receive: Any, send: Any, routed: Routed) -> None:
        """MiniStack's application, in which only AWS's own APIs are left: see `install_routing`."""
        token = context.routed.set(routed)
        try:
            await gateway.app({**scope, "path": routed.path}, receive, send)
        finally:
            context.routed.reset(token)


def install_routing() -> None:
    """Sends requests from sessions to the service that the gateway chose, past every other entrance.

    MiniStack finds services and its administration by path, whatever the host; in a bucket a path is a key.
    """

    async def without_shortcuts(old: Any, *args: Any, **kwargs: Any) -> Any:
        return None if context.routed.get() else await old(*args, **kwargs)

    async def only_one_operation(
        old: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: Any, request_id: str
    ) -> Any:
        routed = context.routed.get()
        if routed is None:
            return await old(method, path, headers, body, query, request_id)
        fault = operations.fault(routed.service, path, headers, query, body)
        return None if fault is None else requests.refused(fault, request_id)

    async def handle_s3(old: Any, *args: Any, **kwargs: Any) -> Any:
        routed = context.routed.get()
        if routed and routed.service == "s3":
            # The bucket stands in the path now, which is not what was signed.
            return await s3.handle_request(*args, **kwargs, signed_path=routed.signed_path)
        return await old(*args, **kwargs)

    context.wrap(gateway, "_handle_pre_body_request", without_shortcuts)
    context.wrap(gateway, "_handle_post_body_shortcuts", only_one_operation)
    context.wrap(gateway, "_handle_special_data_plane_request", without_shortcuts)
    context.wrap(
        gateway, "_extract_s3_vhost_bucket", lambda old, host: None if context.routed.get() else old(host)
    )
    old = gateway.SERVICE_HANDLERS["s3"]
    gateway.SERVICE_HANDLERS["s3"] = lambda *args, **kwargs: handle_s3(old, *args, **kwargs)


def refused_by_endpoint(
    policy: str, key: str, action: str, region: str, resource: str, keys: dict[str, Any]
) -> Any:
    """What a VPC endpoint's policy says against a request that IAM allows; None when it allows it too."""
    account = responses.get_account_id()
    anonymous = not key
    principal = None if anonymous else iam_evaluator.resolve_principal(key, account)
    if isinstance(principal, iam_evaluator.AuthError):
        return principal
    evaluated = iam_evaluator.EvalContext(
        principal_arn="" if principal is None else principal.arn,
        principal_type="Anonymous" if principal is None else principal.type,
        principal_account="" if principal is None else principal.account,
        action=action,
        resource_arn=resource,
        region=region,
        service_context={name.lower(): value for name, value in keys.items()},
        principal_keys={} if principal is None else principal.keys,
    )
    decided = iam_evaluator.evaluate_resource_policy(policy, evaluated)
    if decided.decision == "Allow":
        return None
    decided.principal_arn = evaluated.principal_arn
    return decided
