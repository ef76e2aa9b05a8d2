"""All nine tools of InvokeCodeInterpreter, each by what it must do; texts are nowhere relied on."""

import base64
import secrets
import time
from typing import Any

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import call, short
from interpreter_validation.result import ProbeError, ProbeResult
from interpreter_validation.session import Session, Sessions
from interpreter_validation.settings import Settings
from interpreter_validation.verdict import Verdict

NAME = "tools"
_DEADLINE_SECONDS = 30.0


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """Takes the milliseconds of each tool's first call."""
    took: dict[str, float] = {}
    text, raw = f"é {secrets.token_hex(8)}\n", secrets.token_bytes(32)
    with sessions.open(record.id, record.base) as session:

        def use(tool: str, **arguments: Any) -> dict[str, Any]:
            began = time.perf_counter()
            result = call(sessions, session, tool, **arguments)
            took.setdefault(tool, (time.perf_counter() - began) * 1000)
            if result["isError"]:
                raise _wrong(tool, "no error", short(str(result["content"])))
            return result

        use(
            "writeFiles",
            content=[{"path": "canary.txt", "text": text}, {"path": "canary.bin", "blob": raw}],
        )
        _expect("listFiles", {"canary.txt", "canary.bin"} <= _names(use("listFiles", directoryPath="")))
        _expect(
            "readFiles", _read(use("readFiles", paths=["canary.txt", "canary.bin"])) == [text.encode(), raw]
        )
        out = use("executeCode", language="python", code="print(open('canary.txt').read())")
        _expect("executeCode", text.strip() in out["structuredContent"]["stdout"])
        out = use("executeCommand", command="cat canary.txt")
        _expect("executeCommand", text.strip() in out["structuredContent"]["stdout"])
        use("removeFiles", paths=["canary.txt", "canary.bin"])
        left = _names(use("listFiles", directoryPath=""))
        _expect("removeFiles", not {"canary.txt", "canary.bin"} & left)
        _tasks(sessions, session, use)
    return ProbeResult(NAME, Verdict.PASS, f"{len(took)} tools work", milliseconds=took)


def _tasks(sessions: Sessions, session: Session, use: Any) -> None:
    quick = use("startCommandExecution", command="echo $((6 * 7))")["structuredContent"].get("taskId")
    endless = use("startCommandExecution", command="sleep 600")["structuredContent"].get("taskId")
    done = _status(sessions, session, use, quick, "completed")
    _expect("getTask", "42" in done["structuredContent"]["stdout"])
    use("stopTask", taskId=endless)
    _status(sessions, session, use, endless, "canceled")


def _status(sessions: Sessions, session: Session, use: Any, task: Any, wanted: str) -> dict[str, Any]:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while True:
        found: dict[str, Any] = use("getTask", taskId=task)
        status = found["structuredContent"].get("taskStatus")
        if status == wanted:
            return found
        if status not in ("submitted", "working") or time.monotonic() > deadline:
            raise _wrong("getTask", f"task status {wanted}", str(status))
        if sessions.canceled.wait(0.2):
            raise _wrong("getTask", f"task status {wanted}", "interrupted")


def _names(result: dict[str, Any]) -> set[str]:
    return {str(one.get("name")) for one in result["content"]}


def _read(result: dict[str, Any]) -> list[bytes]:
    resources = sorted((one["resource"] for one in result["content"] if "resource" in one), key=_suffix)
    return [
        one["text"].encode() if one.get("text") is not None else _bytes(one.get("blob")) for one in resources
    ]


def _suffix(resource: dict[str, Any]) -> bool:
    return not str(resource.get("uri")).endswith(".txt")


def _bytes(found: Any) -> bytes:
    return found if isinstance(found, bytes) else base64.b64decode(found or "")


def _expect(tool: str, holds: bool) -> None:
    if not holds:
        raise _wrong(tool, "the files and output of this probe", "something else")


def _wrong(tool: str, expected: str, seen: str) -> ProbeError:
    return ProbeError(
        f"{tool}: expected {expected}, found {seen}",
        expected=expected,
        seen=seen,
        todo=f"call {tool} by hand in a new session; agents that rely on it will fail",
    )
