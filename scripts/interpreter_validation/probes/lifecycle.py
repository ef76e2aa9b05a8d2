"""Start, invoke, stop: does the interpreter work at all, and is the session gone afterwards?"""

import hashlib
import secrets
import time
from typing import Any

from interpreter_validation.clients import Clients
from interpreter_validation.session import Session, Sessions, leftovers


class ProbeError(AssertionError):
    """The interpreter did something else than it should; the message says what was expected and found."""


def run(sessions: Sessions, interpreter: str, base: str) -> dict[str, float]:
    """The milliseconds of start, first invoke, second invoke and stop. ProbeError or AwsError if not passed.

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

    with sessions.open(interpreter, base) as session:
        lap("start")
        _execute(sessions, session, f"nonce = {nonce!r}")
        lap("invoke")
        code = "import hashlib; print(hashlib.sha256(nonce.encode()).hexdigest())"
        found = _execute(sessions, session, code)
        lap("invoke again")
        expected = hashlib.sha256(nonce.encode()).hexdigest()
        if found.strip() != expected:
            raise ProbeError(f"hash of the nonce: expected {expected}, found {_short(found)}")
        clock = time.perf_counter()
    lap("stop")
    _is_over(sessions, session)
    return took


def _execute(sessions: Sessions, session: Session, code: str) -> str:
    """Standard output of Python code that must not fail."""
    sessions.pace.wait("InvokeCodeInterpreter")
    reply = sessions.clients.invoke.invoke_code_interpreter(
        **session.address, name="executeCode", arguments={"language": "python", "code": code}
    )
    results: list[dict[str, Any]] = [event["result"] for event in reply["stream"] if "result" in event]
    if not results:
        raise ProbeError("the reply's event stream had no result")
    for result in results:
        if result.get("isError"):
            raise ProbeError(f"code that must run failed: {_short(str(result.get('content')))}")
    # Large output may come in several events (nobody recorded one, but the protocol allows it).
    return "".join(result.get("structuredContent", {}).get("stdout", "") for result in results)


def _is_over(sessions: Sessions, session: Session) -> None:
    clients: Clients = sessions.clients
    sessions.pace.wait("GetCodeInterpreterSession")
    status = clients.data.get_code_interpreter_session(**session.address)["status"]
    if status != "TERMINATED":
        raise ProbeError(f"session {session.id} is {status} after stop, expected TERMINATED")
    sessions.pace.wait("ListCodeInterpreterSessions")
    left = [one["sessionId"] for one in leftovers(clients, session.interpreter, sessions.run)]
    if session.id in left:
        raise ProbeError(f"session {session.id} is still listed as READY after stop")


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "…")
