"""Start, invoke, stop: does the interpreter work at all, and is the session gone afterwards?"""

import hashlib
import secrets
import time

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import execute, short
from interpreter_validation.clients import Clients
from interpreter_validation.result import ProbeError, ProbeResult, UntoldError
from interpreter_validation.session import Session, Sessions, leftovers
from interpreter_validation.settings import Settings
from interpreter_validation.verdict import Verdict

NAME = "lifecycle"


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """Takes the milliseconds of start, first invoke, second invoke and stop.

    The nonce is set in one call and hashed in the next: the right answer cannot come without code that
    runs in a session that keeps its state.
    """
    nonce = secrets.token_hex(16)
    took: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        took[name] = (now - clock) * 1000
        clock = now

    with sessions.open(record.id, record.base) as session:
        lap("start")
        execute(sessions, session, f"nonce = {nonce!r}")
        lap("invoke")
        code = "import hashlib; print(hashlib.sha256(nonce.encode()).hexdigest())"
        found = execute(sessions, session, code)
        lap("invoke again")
        expected = hashlib.sha256(nonce.encode()).hexdigest()
        if found.strip() != expected:
            raise ProbeError(
                f"hash of the nonce: expected {expected}, found {short(found)}",
                expected=expected,
                seen=short(found),
                todo="the session answers without running the code, or loses its state between two calls:"
                " start one by hand and run `x = 1`, then `print(x)`",
            )
        clock = time.perf_counter()
    lap("stop")
    _is_over(sessions, session)
    return ProbeResult(NAME, Verdict.PASS, milliseconds=took)


def _is_over(sessions: Sessions, session: Session) -> None:
    clients: Clients = sessions.clients
    if session.problem:
        # It is in the report as what is left; whether this interpreter's sessions end was not tried.
        raise UntoldError(f"session {session.id} could not be stopped: {session.problem}")
    todo = f"stop session {session.id} by hand; what runs in it goes on, and is billed, until its time is up"
    sessions.pace.wait("GetCodeInterpreterSession")
    status = clients.data.get_code_interpreter_session(**session.address)["status"]
    if status != "TERMINATED":
        raise ProbeError(
            f"session {session.id} is {status} after stop, expected TERMINATED",
            expected="TERMINATED",
            seen=status,
            todo=todo,
        )
    sessions.pace.wait("ListCodeInterpreterSessions")
    left = [one["sessionId"] for one in leftovers(clients, session.interpreter, sessions.run)]
    if session.id in left:
        raise ProbeError(
            f"session {session.id} is still listed as READY after stop",
            expected="not listed as READY",
            seen="listed as READY",
            todo=todo,
        )
