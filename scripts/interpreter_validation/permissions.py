"""The least-privilege policy of each command: what it calls, on what, and nothing else.

Actions and the resources that each takes: service authorization references. ListCodeInterpreters, Service
Quotas, EC2's descriptions and IAM's account summary take "*" only. `canary` is for the default probes; the
others need nothing more.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Place = Literal[
    "records",
    "all records",
    "interpreters",
    "all interpreters",
    "execution roles",
    "canary objects",
    "buckets",
    "stacks",
    "bootstrap",
    "everything",
]

_START = "bedrock-agentcore:StartCodeInterpreterSession"
_INVOKE = "bedrock-agentcore:InvokeCodeInterpreter"
_STOP = "bedrock-agentcore:StopCodeInterpreterSession"
_GET_SESSION = "bedrock-agentcore:GetCodeInterpreterSession"
_LIST_SESSIONS = "bedrock-agentcore:ListCodeInterpreterSessions"
_GET = "bedrock-agentcore:GetCodeInterpreter"
_LIST = "bedrock-agentcore:ListCodeInterpreters"
_TAGS = "bedrock-agentcore:ListTagsForResource"


@dataclass(frozen=True)
class Need:
    """Actions on one kind of resource; `sid` says what for.

    `option` is the command's option with which alone it is needed, as in `--yes`.
    """

    sid: str
    place: Place
    actions: tuple[str, ...]
    option: str = ""


_RECORDS = Need("Records", "records", ("ssm:GetParametersByPath",))
# Siblings of other fleets count for the storage probe, their interpreters are no strangers.
_ALL_RECORDS = Need("Records", "all records", ("ssm:GetParametersByPath",))
_LIMITS = Need("Limits", "everything", ("servicequotas:ListServiceQuotas",))
_USE_TODAY = Need("UseToday", "everything", (_LIST,))
_SESSIONS_TODAY = Need("SessionsToday", "everything", (_LIST_SESSIONS,))
_ASSEMBLY = (
    Need("Deployed", "stacks", ("cloudformation:DescribeStacks", "cloudformation:GetTemplate"), "--assembly"),
    Need("RolesToday", "everything", ("iam:GetAccountSummary",), "--assembly"),
    Need("RoleTrust", "execution roles", ("iam:GetRole",), "--assembly"),
    Need("Buckets", "buckets", ("s3:ListBucket",), "--assembly"),
    Need("Networks", "everything", ("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"), "--assembly"),
    Need("Bootstrap", "bootstrap", ("ssm:GetParameter",), "--assembly"),
    Need("Increase", "everything", ("servicequotas:RequestServiceQuotaIncrease",), "--request-increase"),
)
_CANARY = (
    Need("Canary", "interpreters", (_GET, _START, _INVOKE, _STOP, _GET_SESSION, _LIST_SESSIONS, _TAGS)),
    Need("Strangers", "all interpreters", (_GET, _TAGS)),
    Need("StrangersList", "everything", (_LIST,)),
    Need(
        "Roles",
        "execution roles",
        ("iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"),
    ),
    Need("PlantedObjects", "canary objects", ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")),
    Need("BucketPolicies", "buckets", ("s3:GetBucketPolicy", "s3:ListBucketVersions")),
    Need("RecordsDeployed", "stacks", ("cloudformation:ListStackResources", "cloudformation:GetTemplate")),
    # Of interpreters in VPC mode that declare what they reach.
    Need(
        "Egress",
        "everything",
        ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeRouteTables"),
    ),
)
_SWEEP = (
    Need("Interpreters", "everything", (_LIST,)),
    Need("Strays", "all interpreters", (_LIST_SESSIONS, _GET, _TAGS)),
    Need("Stacks", "stacks", ("cloudformation:ListStackResources",)),
    # Asked by the interpreter's id, it names no stack.
    Need("StackOf", "everything", ("cloudformation:DescribeStackResources",)),
    Need("PlantedObjects", "buckets", ("s3:ListBucketVersions",)),
    Need("Remove", "all interpreters", (_STOP, "bedrock-agentcore:DeleteCodeInterpreter"), "--yes"),
    Need("RemoveObjects", "canary objects", ("s3:DeleteObject", "s3:DeleteObjectVersion"), "--yes"),
)

NEEDS: Mapping[str, tuple[Need, ...]] = MappingProxyType(
    {
        "preflight": (_RECORDS, _LIMITS, _USE_TODAY, _SESSIONS_TODAY, *_ASSEMBLY),
        "canary": (_ALL_RECORDS, _LIMITS, *_CANARY),
        "sweep": (_RECORDS, _LIMITS, *_SWEEP),
        "all": (_ALL_RECORDS, _LIMITS, _SESSIONS_TODAY, *_ASSEMBLY, *_CANARY),
        # The function of the construct CanaryGate, which the deployment makes with these rights.
        "gate": (Need("Canary", "interpreters", (_START, _INVOKE, _STOP, _GET_SESSION)),),
    }
)
COMMANDS = tuple(NEEDS)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,37}")


@dataclass(frozen=True)
class Scope:
    """Where a policy is for; "*" where it is for any."""

    partition: str = "aws"
    region: str = "*"
    account: str = "*"
    fleet: str | None = None
    bases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if wrong := [one for one in self.bases if not _NAME.fullmatch(one)]:
            raise ValueError(f"found the interpreter {wrong[0]!r}; allowed: the base name of one")
        if not re.fullmatch(r"\*|\d{12}", self.account):
            raise ValueError(f"found the account {self.account!r}; allowed: 12 digits")

    def resources(self, place: Place) -> list[str]:
        """The ARNs of a kind of resource."""
        where = f"{self.region}:{self.account}"
        custom = f"arn:{self.partition}:bedrock-agentcore:{where}:code-interpreter-custom"
        # IAM takes a call by path as one on the path itself; whoever may read it reads all below it.
        records = f"arn:{self.partition}:ssm:{where}:parameter/interpreter-fleet"
        own = [f"{records}/{self.fleet}"] if self.fleet else []
        found: dict[Place, list[str]] = {
            "records": own or [records],
            "all records": [records, *own],
            # The base name and two underscores: every generation of an interpreter, and no other.
            "interpreters": [f"{custom}/{base}__*" for base in self.bases] or [f"{custom}/*"],
            "all interpreters": [f"{custom}/*"],
            "execution roles": [f"arn:{self.partition}:iam::{self.account}:role/BedrockAgentCore/*"],
            "canary objects": [f"arn:{self.partition}:s3:::*/*interpreter-fleet-canary-*"],
            "buckets": [f"arn:{self.partition}:s3:::*"],
            "stacks": [f"arn:{self.partition}:cloudformation:{where}:stack/*"],
            "bootstrap": [f"arn:{self.partition}:ssm:{where}:parameter/cdk-bootstrap/*"],
            "everything": ["*"],
        }
        return found[place]


def needs(command: str, options: Sequence[str] = ()) -> tuple[Need, ...]:
    """What a command needs, with these of its options."""
    return tuple(one for one in NEEDS[command] if not one.option or one.option in options)


def options_of(command: str) -> tuple[str, ...]:
    """The options of a command that need more."""
    return tuple(dict.fromkeys(one.option for one in NEEDS[command] if one.option))


def policy(command: str, scope: Scope, options: Sequence[str] = ()) -> dict[str, Any]:
    """The policy document under which a command runs with these of its options."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": need.sid,
                "Effect": "Allow",
                "Action": list(need.actions),
                "Resource": _one_or_more(scope.resources(need.place)),
            }
            for need in needs(command, options)
        ],
    }


def as_json(command: str, scope: Scope, options: Sequence[str] = ()) -> str:
    """The same as text, for `aws iam put-role-policy`."""
    return json.dumps(policy(command, scope, options), indent=2)


def _one_or_more(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
