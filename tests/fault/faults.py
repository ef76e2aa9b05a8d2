"""What can go wrong between a client and a service, and which of it happens to which request.

A plan is a function of one request; the same seed gives the same faults, whatever the order of threads: each
choice hangs on the operation, on what it is for, and on how often that was asked before.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Answered instead of the service, which sees nothing of the request.
ERRORS = ("throttle", "internal", "gateway", "expired", "skewed")
# Nothing is answered, and the service sees nothing of it: closed, or held open without a word.
SILENT = ("refused", "half-open")
# The service has acted; then the reply is lost, held back, cut, or no longer what it was.
AFTERWARDS = ("lost", "withheld", "cut", "garbled", "slow")
# Of an event stream: its message ends in the middle, does not match its checksum, is an exception; or there
# is no message at all.
STREAMS = ("truncated", "checksum", "event-throttle", "event-internal", "empty")
# Replies that are wrong: no honest run passes with them.
LIES = ("wrong-hash", "lying-stop")

INVOKE, STOP = "InvokeCodeInterpreter", "StopCodeInterpreterSession"
_ONLY = {"wrong-hash": INVOKE, "lying-stop": STOP} | dict.fromkeys(STREAMS, INVOKE)
_SESSIONS = (
    "StartCodeInterpreterSession",
    INVOKE,
    STOP,
    "GetCodeInterpreterSession",
    "ListCodeInterpreterSessions",
    "GetCodeInterpreter",
)


@dataclass(frozen=True)
class Request:
    """What was asked for: the operation, the service's name in signatures, and what it is about."""

    operation: str
    service: str
    about: str


# The fault of a request, None for none.
Plan = Callable[[Request], str | None]


def _base(about: str) -> str:
    """Which interpreter it is about, without what differs from one endpoint to the next; "" if none."""
    found = re.search(r"(?:^|/)([a-z]+)(?:__|-role-)", about)
    return found[1] if found else ""


def fits(fault: str, request: Request) -> bool:
    """Whether a request can have this fault."""
    if fault == "garbled":
        return request.operation != INVOKE
    return _ONLY.get(fault, request.operation) == request.operation


def planned(**faults: Sequence[str | None]) -> Plan:
    """The next fault of its operation's list for each request, then none: `planned(Start…=["lost"])`."""
    left = {operation: list(listed) for operation, listed in faults.items()}
    return lambda request: left[request.operation].pop(0) if left.get(request.operation) else None


def always(**faults: str) -> Plan:
    """The same fault for every request of an operation."""
    return lambda request: faults.get(request.operation)


def seeded(seed: int) -> Plan:
    """One of four kinds of bad day: none, some requests, all after a moment, one operation."""
    chance = random.Random(f"plan {seed}")
    kind = chance.choices(("none", "some", "after", "one"), (4, 68, 14, 14))[0]
    asked: Counter[str] = Counter()
    if kind == "none":
        return lambda request: None
    if kind == "some":
        share = chance.choice((0.03, 0.1, 0.1, 0.25, 0.5))
        everything = (*ERRORS, *SILENT, *AFTERWARDS, *STREAMS, *LIES)

        def some(request: Request) -> str | None:
            key = f"{request.operation} {_base(request.about)}"
            asked[key] += 1
            own = random.Random(f"{seed} {key} {asked[key]}")
            if own.random() >= share:
                return None
            return own.choice([fault for fault in everything if fits(fault, request)])

        return some
    if kind == "after":
        # Counted over all requests, so with more than one thread not the same each time.
        first, fault = chance.randrange(60), chance.choice((*ERRORS, *SILENT))

        def after(request: Request) -> str | None:
            asked[""] += 1
            return fault if asked[""] > first else None

        return after
    operation = chance.choice(_SESSIONS)
    probe = Request(operation, "bedrock-agentcore", "")
    everything = (*ERRORS, *SILENT, *AFTERWARDS, *STREAMS, *LIES)
    only = chance.choice([fault for fault in everything if fits(fault, probe)])
    return lambda request: only if request.operation == operation else None
