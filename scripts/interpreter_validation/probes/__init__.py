"""What is tried on an interpreter; one file each.

Each gives `run(sessions, record, settings)` → ProbeResult, or raises ProbeError with what was expected and
found, UntoldError where it could not find out, or the error of AWS that it met.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from interpreter_fleet.manifest import DEFAULT_PROBES as DEFAULT
from interpreter_fleet.manifest import Record
from interpreter_validation import declared
from interpreter_validation.result import ProbeResult
from interpreter_validation.session import Sessions
from interpreter_validation.settings import Settings

from . import identity, isolation, libraries, lifecycle, limits, network, storage, tools

Probe = Callable[[Sessions, Record, Settings], ProbeResult]

# In the order in which they are tried.
PROBES: dict[str, Probe] = {
    "declared": declared.run,
    "lifecycle": lifecycle.run,
    "network": network.run,
    "storage": storage.run,
    "identity": identity.run,
    "tools": tools.run,
    "isolation": isolation.run,
    "libraries": libraries.run,
    "limits": limits.run,
}

_GET, _START, _STOP = "GetCodeInterpreter", "StartCodeInterpreterSession", "StopCodeInterpreterSession"
_INVOKE, _LIST, _IS_OVER = "InvokeCodeInterpreter", "ListCodeInterpreterSessions", "GetCodeInterpreterSession"
# The least that each calls in a session, and how many sessions it opens; those of `_SHARE` open one together.
_INVOKES = {
    "lifecycle": 2,
    "network": 1,
    "storage": 1,
    "identity": 1,
    "tools": 12,
    "isolation": 8,
    "libraries": 1,
    "limits": 1,
}
_SESSIONS = {"lifecycle": 1, "tools": 1, "isolation": 3}
_SHARE = frozenset({"network", "storage", "identity", "libraries", "limits"})


def calls(names: Iterable[str]) -> Counter[str]:
    """The requests of the service's API that these probes make of one interpreter, if nothing goes wrong."""
    tried = set(names)
    sessions = sum(_SESSIONS.get(name, 0) for name in tried) + bool(tried & _SHARE)
    found = Counter(
        {_START: sessions, _STOP: sessions, _INVOKE: sum(_INVOKES.get(name, 0) for name in tried)}
    )
    # Once an interpreter: sessions that killed runs have left, and at the end those of this run.
    found[_LIST] = 2 * int(sessions > 0) + ("lifecycle" in tried)
    found[_IS_OVER] = int("lifecycle" in tried)
    found[_GET] = int("declared" in tried)
    return +found


__all__ = ["DEFAULT", "PROBES", "Probe", "calls"]
