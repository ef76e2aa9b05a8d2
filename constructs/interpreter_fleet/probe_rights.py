"""What a function needs for the probes of its interpreters, in as many policies and roles as IAM asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from interpreter_fleet import grants
from interpreter_fleet.canary_function import POLICY_HOLDS
from interpreter_fleet.execution_role import ROLE_PATH
from interpreter_fleet.interpreter import CodeInterpreter
from interpreter_fleet.manifest import DEFAULT_PROBES
from interpreter_fleet.naming import SEPARATOR

# IAM quota "Managed policies per role".
_POLICIES = 10
# Two ARNs each, of at most 110 and 80 characters, in the 10,240 of all inline policies of a role.
_MAX_BUCKETS = 45
# The mark in the keys of objects that the storage probe puts where the interpreter must not read.
_MARK = "interpreter-fleet-canary-"
_SESSIONS = (*grants.USE, "bedrock-agentcore:GetCodeInterpreterSession", *grants.LIST_SESSIONS)
_DECLARED = ("bedrock-agentcore:GetCodeInterpreter", "bedrock-agentcore:ListTagsForResource")
_EGRESS = ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeRouteTables")
_ROLES = ("iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies")


@dataclass(frozen=True)
class Chosen:
    """An interpreter, and the probes that are tried on it."""

    interpreter: CodeInterpreter
    probes: tuple[str, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        """Of the interpreter's own API; all but `declared` open sessions."""
        sessions = _SESSIONS if set(self.probes) - {"declared"} else ()
        return (*sessions, *(_DECLARED if "declared" in self.probes else ()))


def choose(interpreters: Sequence[CodeInterpreter], probes: Sequence[str]) -> list[Chosen]:
    """What each interpreter chooses itself, unless `probes` are given."""
    return [Chosen(one, tuple(probes or one.probes or DEFAULT_PROBES)) for one in interpreters]


def parts(chosen: Sequence[Chosen], size: int) -> list[list[list[Chosen]]]:
    """Parts of at most `size` interpreters, one role each, and in each the interpreters of one policy."""
    made: list[list[list[Chosen]]] = []
    for together in _policies(chosen, min(size, POLICY_HOLDS)):
        if not made or len(made[-1]) == _POLICIES or sum(map(len, made[-1])) + len(together) > size:
            made.append([])
        made[-1].append(together)
    return made


def _policies(chosen: Sequence[Chosen], most: int) -> Iterator[list[Chosen]]:
    """Those that need the same, in the order in which they are given."""
    alike: dict[tuple[str, ...], list[Chosen]] = {}
    for one in chosen:
        alike.setdefault(one.actions, []).append(one)
    for found in alike.values():
        for start in range(0, len(found), most):
            yield found[start : start + most]


def grant(function: lambda_.Function, part: Sequence[Sequence[Chosen]], fleet: str) -> None:
    """Lets it run these probes on these interpreters, every generation of them, and on no other.

    Interpreters stand in managed policies: IAM takes 10,240 characters of all inline policies of a role.
    """
    assert function.role is not None
    stack = cdk.Stack.of(function)
    for number, together in enumerate(part):
        iam.ManagedPolicy(
            function,
            f"Probes{number}",
            description="Probes of a canary on the interpreters that it is for",
            roles=[function.role],
            statements=[
                iam.PolicyStatement(
                    actions=list(together[0].actions),
                    resources=[_arn_pattern(one.interpreter.base) for one in together],
                )
            ],
        )

    def allow(actions: Sequence[str], resources: list[str]) -> None:
        function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=resources))

    allow(grants.LOOKUP, [f"{records_arn(stack)}/{fleet}/*"])
    members = [one for together in part for one in together]
    if any("declared" in one.probes for one in members):
        allow(_ROLES, [f"arn:{stack.partition}:iam::{stack.account}:role{ROLE_PATH}*"])
    if any("declared" in one.probes and one.interpreter.network.mode == "VPC" for one in members):
        allow(_EGRESS, ["*"])
    if any("declared" in one.probes for one in members):
        # Of all buckets of the fleet, whichever interpreters are in this part.
        allow(["s3:GetBucketPolicy"], [f"arn:{stack.partition}:s3:::*"])
    buckets = _buckets(stack, members)
    if len(buckets) > _MAX_BUCKETS:
        raise ValueError(
            f"found {len(buckets)} buckets of {len(members)} interpreters; allowed: at most {_MAX_BUCKETS}"
            " for one function, see `per_function`"
        )
    if buckets:
        allow(["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"], buckets)
        allow(["s3:ListBucketVersions"], [one.partition("/")[0] for one in buckets])


def _arn_pattern(base: str) -> str:
    """`CodeInterpreter.arn_pattern` in the form that takes least of a template: there are thousands."""
    where = "arn:${AWS::Partition}:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}"
    return cdk.Fn.sub(f"{where}:code-interpreter-custom/{base}{SEPARATOR}*")


def records_arn(stack: cdk.Stack) -> str:
    """The ARN under which the records of all fleets are."""
    return f"arn:{stack.partition}:ssm:{stack.region}:{stack.account}:parameter/interpreter-fleet"


def _buckets(stack: cdk.Stack, members: Sequence[Chosen]) -> list[str]:
    """What the storage probe puts and deletes, to have something that the interpreter is refused."""
    return list(
        dict.fromkeys(
            f"arn:{stack.partition}:s3:::{one.interpreter.storage.bucket}/*{_MARK}*"
            for one in members
            if one.interpreter.storage is not None and "storage" in one.probes
        )
    )
