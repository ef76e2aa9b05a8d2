"""Code of ours in somebody's session: send a script, read the one answer that it prints."""

import json
import secrets
from collections.abc import Mapping
from importlib import resources
from typing import Any

from botocore.eventstream import ParserError
from botocore.exceptions import ReadTimeoutError
from urllib3.exceptions import HTTPError

from .clients import words
from .result import ProbeError, SilentError, UntoldError
from .session import Session, Sessions

_SHORT = 300


def call(sessions: Sessions, session: Session, tool: str, **arguments: Any) -> dict[str, Any]:
    """One tool's result: content and structured content of all events together.

    SilentError if no reply comes, UntoldError if it is not whole: botocore leaves the errors of a stream that
    is cut as they are, and an event that ends in the middle does not come at all.
    """
    sessions.pace.wait("InvokeCodeInterpreter")
    invoke = sessions.clients.invoke
    try:
        reply = invoke.invoke_code_interpreter(**session.address, name=tool, arguments=arguments)
    except ReadTimeoutError as error:
        raise SilentError(
            f"{tool}: no reply within {invoke.meta.config.read_timeout:g} s: {words(error)}",
            todo="see whether the service, and the network between, answer at all; then run it again",
        ) from error
    try:
        results: list[dict[str, Any]] = [event["result"] for event in reply["stream"] if "result" in event]
    except (HTTPError, ParserError, OSError) as error:
        raise UntoldError(
            f"{tool}: the reply's event stream broke: {type(error).__name__}: {error}"
        ) from error
    if not results:
        raise UntoldError(f"{tool}: the reply's event stream ended before a result")
    # Large output may come in several events (nobody recorded one, but the protocol allows it).
    structured = dict(results[-1].get("structuredContent") or {})
    for stream in ("stdout", "stderr"):
        parts = [(one.get("structuredContent") or {}).get(stream) or "" for one in results]
        structured[stream] = "".join(parts)
    return {
        "content": [block for one in results for block in one.get("content") or []],
        "structuredContent": structured,
        "isError": any(one.get("isError") for one in results),
    }


def execute(sessions: Sessions, session: Session, code: str) -> str:
    """Standard output of Python code that must not fail."""
    result = call(sessions, session, "executeCode", language="python", code=code)
    if result["isError"]:
        raise ProbeError(f"code that must run failed: {short(str(result['content']))}")
    return str(result["structuredContent"]["stdout"])


def ask(sessions: Sessions, session: Session, script: str, **told: Any) -> dict[str, Any]:
    """Runs `probes/inside/<script>.py` in the session: `main(told)` there, its answer here (JSON).

    UntoldError when the script broke or its answer is not there: that tells about the probe, not about what
    it looked for.
    """
    mark = secrets.token_hex(8)
    source = resources.files("interpreter_validation").joinpath(f"probes/inside/{script}.py").read_text()
    code = "\n".join(
        (
            source,
            "import json as _json",
            f"print({mark!r} + _json.dumps(main(_json.loads({json.dumps(told)!r}))))",
        )
    )
    result = call(sessions, session, "executeCode", language="python", code=code)
    out = str(result["structuredContent"]["stdout"])
    lines = [line.removeprefix(mark) for line in out.splitlines() if line.startswith(mark)]
    if result["isError"] or len(lines) != 1:
        problem = short(str(result["content"])[-_SHORT:])
        raise UntoldError(f"the probe's code broke in the session: {problem}")
    try:
        found = json.loads(lines[0])
    except ValueError as error:
        raise UntoldError(f"the probe's answer cannot be read: {error}") from error
    if not isinstance(found, Mapping):
        raise UntoldError(f"the probe's answer is no object: {short(lines[0])}")
    return dict(found)


def short(text: str) -> str:
    """Quoted, and cut when it is long."""
    return repr(text if len(text) <= _SHORT else text[:_SHORT] + "…")
