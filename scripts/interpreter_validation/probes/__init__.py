"""What is tried on an interpreter; one file each.

Each gives `run(sessions, record, settings)` → ProbeResult, or raises ProbeError with what was expected and
found, UntoldError where it could not find out, or the error of AWS that it met.
"""

from collections.abc import Callable

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

__all__ = ["DEFAULT", "PROBES", "Probe"]
