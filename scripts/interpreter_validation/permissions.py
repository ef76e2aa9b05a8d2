"""The least-privilege policy of each command: what it calls, on what, and nothing else.

Actions and the resources that each takes: service authorization reference of Amazon Bedrock AgentCore, AWS
Systems Manager and Service Quotas. ListCodeInterpreters and Service Quotas take "*" only.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Place = Literal["records", "interpreters", "everything"]

_START = "bedrock-agentcore:StartCodeInterpreterSession"
_INVOKE = "bedrock-agentcore:InvokeCodeInterpreter"
_STOP = "bedrock-agentcore:StopCodeInterpreterSession"
_GET_SESSION = "bedrock-agentcore:GetCodeInterpreterSession"
_LIST_SESSIONS = "bedrock-agentcore:ListCodeInterpreterSessions"
_GET = "bedrock-agentcore:GetCodeInterpreter"


@dataclass(frozen=True)
class Need:
    """Actions on one kind of resource; `sid` says what for."""

    sid: str
    place: Place
    actions: tuple[str, ...]


_RECORDS = Need("Records", "records", ("ssm:GetParametersByPath",))
_LIMITS = Need("Limits", "everything", ("servicequotas:ListServiceQuotas",))
_USE_TODAY = Need("UseToday", "everything", ("bedrock-agentcore:ListCodeInterpreters",))
_SESSIONS_TODAY = Need("SessionsToday", "everything", (_LIST_SESSIONS,))
_CANARY = Need("Canary", "interpreters", (_GET, _START, _INVOKE, _STOP, _GET_SESSION, _LIST_SESSIONS))
_SWEEP = Need("Sweep", "interpreters", (_LIST_SESSIONS, _STOP))

NEEDS: Mapping[str, tuple[Need, ...]] = MappingProxyType(
    {
        "preflight": (_RECORDS, _LIMITS, _USE_TODAY, _SESSIONS_TODAY),
        "canary": (_RECORDS, _LIMITS, _CANARY),
        "sweep": (_RECORDS, _LIMITS, _SWEEP),
        "all": (_RECORDS, _LIMITS, _USE_TODAY, _SESSIONS_TODAY, _CANARY),
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
        if place == "records":
            # IAM takes a call by path as one on the path itself; whoever may read it reads all below it.
            path = f"interpreter-fleet/{self.fleet}" if self.fleet else "interpreter-fleet"
            return [f"arn:{self.partition}:ssm:{where}:parameter/{path}"]
        if place == "interpreters":
            # The base name and two underscores: every generation of an interpreter, and no other.
            names = [f"{base}__*" for base in self.bases] or ["*"]
            return [
                f"arn:{self.partition}:bedrock-agentcore:{where}:code-interpreter-custom/{name}"
                for name in names
            ]
        return ["*"]


def policy(command: str, scope: Scope) -> dict[str, Any]:
    """The policy document under which a command runs."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": need.sid,
                "Effect": "Allow",
                "Action": list(need.actions),
                "Resource": _one_or_more(scope.resources(need.place)),
            }
            for need in NEEDS[command]
        ],
    }


def as_json(command: str, scope: Scope) -> str:
    """The same as text, for `aws iam put-role-policy`."""
    return json.dumps(policy(command, scope), indent=2)


def _one_or_more(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
