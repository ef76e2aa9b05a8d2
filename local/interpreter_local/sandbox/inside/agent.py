"""The agent of one session: the only one of its processes that the endpoint talks to.

In a sandbox it is forked from process 1 (`run`); without isolation it is a program of its own (`main`).
Each request {"id", "op", "params"} is answered, from a thread of its own, by {"id", "result"} or
{"id", "error"}, in the order in which they end. When the endpoint goes away, so does the agent, and with it
the sandbox.
"""

import contextlib
import json
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import files, frames, linux
from .commands import Command
from .kernel import Kernel, Start, spawn
from .processes import descendants, end, marked
from .runtimes import Runtimes, prepare
from .tasks import Tasks

# AWS quota "Synchronous request timeout": 15 minutes. What the live service answers then is unrecorded.
SYNC_SECONDS = 15 * 60.0

# In the environment of what runs outside of a sandbox, so that it can be found again.
SESSION_MARK = "INTERPRETER_SESSION_MARK"


class Agent:
    """The operations of one session."""

    def __init__(self, workspace: Path, start_kernel: Start, environment: dict[str, str]) -> None:
        self._workspace = workspace
        self._environment = environment
        packages = prepare(workspace, environment)
        self._kernel = Kernel(start_kernel)
        self._runtimes = Runtimes(workspace, environment)
        self._one_code = threading.Lock()
        self._tasks = Tasks(workspace, environment)
        self.operations: dict[str, Callable[..., dict[str, Any]]] = {
            "execute_code": self._execute_code,
            "execute_command": self._execute_command,
            "start_command": self._tasks.start,
            "get_task": self._tasks.describe,
            "stop_task": self._tasks.stop,
            "write_files": lambda **params: files.write(workspace, **params),
            "read_files": lambda paths: files.read(workspace, paths, packages),
            "list_files": lambda path: files.listing(workspace, path, packages),
            "remove_files": lambda paths: files.remove(workspace, paths),
        }

    def _execute_code(
        self,
        code: str,
        clear: bool = False,
        timeout: float = SYNC_SECONDS,
        language: str = "python",
        runtime: str = "python",
    ) -> dict[str, Any]:
        # One after the other, whatever the language: they work on the same files. Unrecorded.
        with self._one_code:
            if runtime == "python":
                return self._kernel.execute(code, clear, timeout)
            return self._runtimes.execute(language, runtime, code, timeout)

    def _execute_command(self, command: str, timeout: float = SYNC_SECONDS) -> dict[str, Any]:
        return Command(command, self._workspace, self._environment).wait(timeout)._asdict()


def serve(endpoint: socket.socket, agent: Agent) -> None:
    """Answers requests until the endpoint closes its side."""
    writing = threading.Lock()

    def answer(request: dict[str, Any]) -> None:
        try:
            reply = {"result": agent.operations[request["op"]](**request["params"])}
            data = frames.encode({"id": request["id"], **reply})
        except Exception as error:  # noqa: BLE001 - every request is answered, whatever goes wrong
            data = frames.encode({"id": request["id"], "error": f"{type(error).__name__}: {error}"})
        with writing, contextlib.suppress(OSError):
            endpoint.sendall(data)

    endpoint.sendall(frames.encode({"ready": True}))
    while (request := frames.receive(endpoint)) is not None:
        try:
            threading.Thread(target=answer, args=(request,), daemon=True).start()
        except RuntimeError:
            # The session is at its limit of processes: here, and what needs a process more fails.
            answer(request)


def run(endpoint: socket.socket, workspace: Path, start_kernel: Start) -> None:
    """The agent in a sandbox, until the endpoint closes its side."""
    serve(endpoint, Agent(workspace, start_kernel, dict(os.environ)))


def main(argument: str) -> None:
    """The agent without a sandbox, with the settings that the launcher passes as JSON."""
    settings = json.loads(argument)
    endpoint = socket.socket(fileno=settings["socket"])
    endpoint.set_inheritable(False)
    if sys.platform == "linux":
        # The session's other processes cannot read its memory and descriptors.
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
    _limit_itself(settings["rlimits"])
    workspace, environment = Path(settings["workspace"]), dict(os.environ)
    os.chdir(workspace)
    try:
        serve(endpoint, Agent(workspace, spawn(settings["kernel"], workspace, environment), environment))
    finally:
        # No pid namespace takes the others along.
        mark = settings["mark"]
        end(lambda: (descendants(os.getpid()) | marked(SESSION_MARK, mark)) - {os.getpid()}, 0.1)
        # Without waiting for threads that still run a command.
        os._exit(0)


def _limit_itself(limits: dict[str, int]) -> None:
    """Resource limits by name ("DATA", "NPROC"), where no cgroup holds them; children inherit them."""
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(number, (value, value))
