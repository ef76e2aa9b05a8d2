"""executeCode."""

from typing import Any

from interpreter_local.sandbox import Sandbox

from . import arguments as args
from . import result

# What runs each language, the default first (AWS docs, "Runtime selection").
_RUNTIMES = {
    "python": ("python",),
    "javascript": ("deno", "nodejs"),
    "typescript": ("deno", "nodejs"),
}


async def execute_code(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Runs Python in the session's IPython shell, whose variables stay, or a program in another language.

    Recorded for Python, and taken over for the others: both streams are stripped, an error is stderr with
    exit code 1 and isError true, executionTime is in seconds. Unrecorded: that a runtime of another language
    is refused, and so is clearContext (AWS docs: Python only) where no context is kept.
    """
    code = args.required(arguments, "code")
    language = args.choice(arguments, "language", tuple(_RUNTIMES), "python")
    runtimes = _RUNTIMES[language]
    runtime = args.choice(arguments, "runtime", runtimes, runtimes[0])
    clear = args.flag(arguments, "clearContext")
    if clear and language != "python":
        raise args.ToolInputError("arguments.clearContext", f"found true for {language}, expected python")
    done = await sandbox.call("execute_code", code=code, clear=clear, language=language, runtime=runtime)
    rest = {"exitCode": done["exit_code"], "executionTime": done["seconds"]}
    return result.of_output(
        done["stdout"].strip(), done["stderr"].strip(), rest, is_error=done["exit_code"] != 0
    )
