"""Two sessions share no file, variable, process or port; nothing of a session is in the next."""

import secrets
from typing import Any

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import ask, execute, short
from interpreter_validation.result import ProbeError, ProbeResult, UntoldError
from interpreter_validation.session import Session, Sessions
from interpreter_validation.settings import Settings
from interpreter_validation.verdict import Verdict

NAME = "isolation"


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """Marks one session, looks in another beside it, and in a third after the first is stopped."""
    mark = f"canary{secrets.token_hex(8)}"
    with sessions.open(record.id, record.base) as first:
        execute(sessions, first, f"{mark} = 1")
        left = ask(sessions, first, "isolation_leave", mark=mark)
        # That what is looked for can be found at all.
        own = _look(sessions, first, mark, left)
        if missing := sorted({"file", "environment", "process", "port"} - set(own)):
            raise ProbeError(f"a session does not see its own {', '.join(missing)}", seen=str(own))
        with sessions.open(record.id, record.base) as second:
            _nothing("a session beside it", _look(sessions, second, mark, left))
    with sessions.open(record.id, record.base) as third:
        _nothing("the next session", _look(sessions, third, mark, left))
    return ProbeResult(NAME, Verdict.PASS, "no file, variable, process or port is shared or survives")


def _look(sessions: Sessions, session: Session, mark: str, left: dict[str, Any]) -> list[str]:
    found = list(ask(sessions, session, "isolation_look", mark=mark, port=left["port"])["found"])
    answer = execute(sessions, session, f"print({mark!r} in globals())").strip()
    if answer not in ("True", "False"):
        raise UntoldError(f"whether a variable is defined: expected True or False, found {short(answer)}")
    return [*found, "variable"] if answer == "True" else found


def _nothing(where: str, found: list[str]) -> None:
    if found:
        raise ProbeError(
            f"{where} sees what was left in a session: {', '.join(found)}",
            expected="nothing",
            seen=", ".join(found),
            todo="let no two users' code run on this interpreter until AWS support has an answer",
        )
