"""executeCode."""

from typing import Any

from interpreter_local.sandbox import Sandbox

from . import arguments as args
from . import result

_LANGUAGES = ("python", "javascript", "typescript")
_RUNTIMES = ("nodejs", "deno", "python")


async def execute_code(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Runs Python in the session's IPython shell; variables stay for the next call.

    Recorded: both streams are stripped, a traceback is stderr, executionTime is in seconds.
    """
    code = args.required(arguments, "code")
    language = args.choice(arguments, "language", _LANGUAGES, "python")
    args.choice(arguments, "runtime", _RUNTIMES, None)
    clear = args.flag(arguments, "clearContext")
    if language != "python":
        return result.of_output(
            "",
            f"{language} is not available in the local endpoint yet, only python",
            {"exitCode": 1, "executionTime": 0.0},
            is_error=True,
        )
    done = await sandbox.call("execute_code", code=code, clear=clear)
    rest = {"exitCode": done["exit_code"], "executionTime": done["seconds"]}
    return result.of_output(
        done["stdout"].strip(), done["stderr"].strip(), rest, is_error=done["exit_code"] != 0
    )
