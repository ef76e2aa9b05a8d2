"""The nine tools of InvokeCodeInterpreter: arguments in, the `result` member of the stream event out."""

from collections.abc import Awaitable, Callable
from typing import Any

from interpreter_local.sandbox import Sandbox

from . import code, commands, files, result
from .arguments import MissingArgumentError, ToolInputError

_TOOLS: dict[str, Callable[[Sandbox, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "executeCode": code.execute_code,
    "executeCommand": commands.execute_command,
    "startCommandExecution": commands.start_command_execution,
    "getTask": commands.get_task,
    "stopTask": commands.stop_task,
    "writeFiles": files.write_files,
    "readFiles": files.read_files,
    "listFiles": files.list_files,
    "removeFiles": files.remove_files,
}
NAMES = frozenset(_TOOLS)

__all__ = ["NAMES", "ToolInputError", "invoke"]


async def invoke(sandbox: Sandbox, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Runs one tool in a session. The result is ready for JSON, blobs as base64 text; a failure of the
    session's code is a result with isError true.

    Raises ToolInputError for an unknown tool and for arguments of the wrong type or value (those a tool does
    not know are ignored), SandboxClosed when the session ends meanwhile.
    """
    if name not in _TOOLS:
        raise ToolInputError("name", f"found {name!r}, expected one of {', '.join(sorted(NAMES))}")
    try:
        return result.bounded(await _TOOLS[name](sandbox, arguments))
    except MissingArgumentError as error:
        return result.failure(str(error))
