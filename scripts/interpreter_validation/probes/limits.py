"""Does a session have the documented hardware, and no more: 2 vCPU, 8 GB of memory, 10 GB of disk?

Nothing is used up for it: the processor is measured by how much of its time four busy processes get in a
second, memory and disk are read.
"""

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import ask
from interpreter_validation.result import ProbeError, ProbeResult, UntoldError
from interpreter_validation.session import Sessions
from interpreter_validation.settings import Settings
from interpreter_validation.verdict import Verdict

NAME = "limits"
# Above: clocks are read apart. Below: kernel and file system keep a part (9.1 GB of disk were recorded).
_MORE, _LESS = 1.25, 0.8


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """Less processor time than documented is no finding: the machine may be busy."""
    with sessions.shared(record.id, record.base) as session:
        found = ask(sessions, session, "limits", memory_gb=settings.hardware["memory_gb"])
    documented = settings.hardware
    wrong, untold = [], []
    for name, floor in (("vcpus", 0.0), ("memory_gb", _LESS), ("disk_gb", _LESS)):
        seen = found[name]
        if seen is None:
            untold.append(name)
        elif not floor * documented[name] <= seen <= _MORE * documented[name]:
            wrong.append(f"{name} is {seen:.1f}, documented is {documented[name]:g}")
    if wrong:
        raise ProbeError(
            "; ".join(wrong),
            expected=", ".join(f"{name} {value:g}" for name, value in documented.items()),
            seen=", ".join(f"{name} {found[name]}" for name in documented),
            todo="on AWS ask support; on a local endpoint `interpreter-local status` says what it limits",
        )
    if untold:
        raise UntoldError(f"a session cannot read its own limit of {', '.join(untold)}")
    detail = ", ".join(f"{name} {found[name]:.1f}" for name in documented)
    return ProbeResult(NAME, Verdict.PASS, detail)
