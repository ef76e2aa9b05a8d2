"""Starts a session without isolation (the tier `process`): the agent as a program of this machine."""

import json
import os
import secrets
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import layout
from .inside.agent import SESSION_MARK
from .inside.processes import end, marked
from .python_env import PythonEnv

_INSIDE = Path(__file__).resolve().parent / "inside"
_KERNEL = _INSIDE.parents[1] / "kernels/python_kernel.py"
_START = "import sys; sys.path.append(sys.argv[1]); from inside.agent import main; main(sys.argv[2])"


@dataclass(frozen=True)
class Launched:
    """The agent, its socket, and the mark that its processes carry in their environment."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    mark: str

    def kill(self) -> None:
        """Ends the agent; `close` ends the rest."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends the session's processes, as far as they can be found."""
        self.socket.close()
        # The agent ends what it started when its socket closes; it may itself be dead or stopped.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        self.kill()
        self.process.wait()
        end(lambda: marked(SESSION_MARK, self.mark), 0)


def start(python: PythonEnv, disk: Path, log: Path, rlimits: tuple[tuple[str, int], ...] = ()) -> Launched:
    """Starts the agent with its workspace and temporary folder in `disk`; OSError when that fails."""
    ours, theirs = socket.socketpair()
    mark = secrets.token_hex(16)
    workspace, temporary = disk / "var", disk / "tmp"
    for folder in (workspace, temporary):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "socket": theirs.fileno(),
        "workspace": str(workspace),
        "kernel": [str(python.python), str(_KERNEL)],
        "rlimits": {"CORE": 0, **dict(rlimits)},
        "mark": mark,
    }
    argv = [str(python.python), "-I", "-S", "-c", _START, str(_INSIDE.parent), json.dumps(settings)]
    try:
        with theirs, log.open("ab") as said:
            process = subprocess.Popen(
                argv,
                env={**layout.environment(workspace, python.venv, temporary), SESSION_MARK: mark},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
    except BaseException:
        ours.close()
        raise
    return Launched(process, ours, mark)
