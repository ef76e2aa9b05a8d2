"""executeCommand, startCommandExecution, getTask and stopTask."""

from typing import Any

from interpreter_local.sandbox import Sandbox

from . import arguments as args
from . import result


async def execute_command(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Runs a command in a new shell. Recorded: all output is stdout if it succeeds, stderr if not."""
    done = await sandbox.call("execute_command", command=args.command(arguments, "command"))
    return _ended(done, {})


async def start_command_execution(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Starts a command in the background and names its task."""
    done = await sandbox.call("start_command", command=args.command(arguments, "command"))
    structured = {"taskId": done["task_id"], "taskStatus": "submitted", "stdout": "", "stderr": ""}
    return result.make([result.text("Successfully started a command execution task")], structured=structured)


async def get_task(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """How a task is doing. Recorded: no output before the end. Unrecorded: the reply for a failed task."""
    task_id = args.required(arguments, "taskId")
    task = await sandbox.call("get_task", task_id=task_id)
    status = task["status"]
    if status is None:
        return _unknown(task_id)
    if "exit_code" not in task:
        structured = {"taskStatus": status, "stdout": "", "stderr": ""}
        return result.make([result.text(f"Task is {status}")], structured=structured)
    ended = _ended(task, {"taskStatus": status})
    if not ended["content"]:
        ended["content"] = [result.text(f"Task is {status}")]
    return ended


async def stop_task(sandbox: Sandbox, arguments: dict[str, Any]) -> dict[str, Any]:
    """Ends a task's processes. Recorded: a task that has ended cannot be canceled."""
    task_id = args.required(arguments, "taskId")
    done = await sandbox.call("stop_task", task_id=task_id)
    if done["stopped"]:
        return result.make([result.text("Successfully canceled a command execution task")])
    if done["status"] is None:
        return _unknown(task_id)
    return result.failure(f"Task cannot be canceled (current status: TaskStatus.{done['status'].upper()})")


def _ended(done: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    failed = done["exit_code"] != 0
    stdout, stderr = ("", done["output"]) if failed else (done["output"], "")
    rest = {"exitCode": done["exit_code"], "executionTime": done["seconds"]}
    made = result.of_output(stdout, stderr, rest, is_error=failed)
    made["structuredContent"] = {**first, **made["structuredContent"]}
    return made


def _unknown(task_id: str) -> dict[str, Any]:
    # Unrecorded.
    return result.failure(f"Task not found: {task_id}")
