"""What the service remembers: interpreters and sessions, apart for each account and region."""

import secrets
import string
import time
from dataclasses import dataclass, field
from typing import Any

from .network import Attached
from .sandbox import Sandbox

MANAGED_ID = "aws.codeinterpreter.v1"
_ID_ALPHABET = string.ascii_letters + string.digits
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Scope:
    """Whose request it is; also what ARNs are made of."""

    account: str
    region: str
    partition: str = "aws"


@dataclass
class Interpreter:
    """A custom code interpreter: what it was created with, and its life so far."""

    id: str
    arn: str
    created: "Created"
    created_at: str
    ready_at: float
    tags: dict[str, str] = field(default_factory=dict)
    # The client token of the request that created it.
    token: str = ""

    @property
    def status(self) -> str:
        """CREATING until it is ready."""
        return "READY" if time.monotonic() >= self.ready_at else "CREATING"


# The members of CreateCodeInterpreter's request, by their names in the model.
Created = dict[str, Any]


@dataclass
class Session:
    """A session of an interpreter; `sandbox` and `attached` (its network) are None once it is over."""

    id: str
    scope: Scope
    interpreter_id: str
    name: str | None
    timeout_seconds: int
    created_at: str
    # When it started, by the sessions' clock.
    started: float
    status: str = "READY"
    last_updated_at: str = ""
    # The client token of the request that started it.
    token: str = ""
    # That of the request that stopped it, if it had one.
    stopped_by: str | None = None
    # Why it ended, for calls that run meanwhile: "stopped", "timeout", "died".
    ended_by: str = ""
    sandbox: Sandbox | None = None
    attached: Attached | None = None


@dataclass(frozen=True)
class QuotaChange:
    """An increase of a quota that somebody asked for: `at` in seconds since 1970, `caller` an ARN."""

    id: str
    code: str
    value: float
    at: float
    caller: str


@dataclass
class Region:
    """One account in one region."""

    interpreters: dict[str, Interpreter] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    # The ids of those that are over, in the order in which they ended.
    over: dict[str, None] = field(default_factory=dict)
    # (operation, client token) → (parameters, reply): repeated requests get the first reply.
    tokens: dict[tuple[str, str], tuple[dict[str, Any], Any]] = field(default_factory=dict)
    # Quotas that were raised, by code, and the requests that raised them.
    quotas: dict[str, float] = field(default_factory=dict)
    quota_changes: list[QuotaChange] = field(default_factory=list)


@dataclass
class Store:
    """Everything, by account and region. Lost when the endpoint ends."""

    regions: dict[tuple[str, str], Region] = field(default_factory=dict)

    def of(self, scope: Scope) -> Region:
        """The part that a request may see."""
        return self.regions.setdefault((scope.account, scope.region), Region())


def timestamp(seconds: float | None = None) -> str:
    """ISO 8601 with nine fractional digits and Z (recorded length: 30 characters)."""
    nanoseconds = time.time_ns() if seconds is None else int(seconds * 1e9)
    whole, fraction = divmod(nanoseconds, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{fraction:09d}Z"


def interpreter_id(name: str) -> str:
    """`<name>-<ten letters or digits>` (recorded)."""
    return f"{name}-{''.join(secrets.choice(_ID_ALPHABET) for _ in range(10))}"


def session_id() -> str:
    """A ULID: 48 bits of milliseconds, 80 random bits, in Crockford's base 32 (recorded)."""
    number = (time.time_ns() // 10**6 << 80) | secrets.randbits(80)
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
