"""Can sessions import what was declared, and in which versions?"""

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import ask
from interpreter_validation.result import ProbeError, ProbeResult
from interpreter_validation.session import Sessions
from interpreter_validation.settings import Settings
from interpreter_validation.verdict import Verdict

NAME = "libraries"


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """`libraries` of fleet.yaml, else a few that the service documents as preinstalled."""
    wanted = record.libraries or settings.libraries
    with sessions.shared(record.id, record.base) as session:
        found = ask(sessions, session, "libraries", names=list(wanted))
    broken = {name: one["error"] for name, one in found.items() if one["error"]}
    if broken:
        raise ProbeError(
            f"cannot be imported: {', '.join(broken)}",
            expected=", ".join(wanted),
            seen="; ".join(f"{name}: {error}" for name, error in broken.items()),
            todo="declare what the service has preinstalled, or install it at the start of each session"
            " (SANDBOX has no way to a package index)",
        )
    versions = ", ".join(f"{name} {one['version'] or 'without version'}" for name, one in found.items())
    return ProbeResult(NAME, Verdict.PASS, versions)
