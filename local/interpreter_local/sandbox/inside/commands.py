"""Shell commands: each in a new shell under a pseudo-terminal, as the live service runs them.

One terminal for both streams, so lines end in CRLF and programs colour their output. Recorded from the live
service: a shell a call, merged streams, 128 + n for a signal.
"""

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import NamedTuple

from .output import Output
from .processes import descendants, end, marked, prefer_as_oom_victim
from .unnamed import unnamed

# On Amazon Linux /bin/sh is bash, and says so in its messages; Debian's is dash.
SHELL = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
TIMED_OUT = 124
# As shells have it: found, but not to be run.
NOT_STARTED = 126
# What a command that was told to stop may take to clean up.
GRACE_SECONDS = 0.5
_MARK = "INTERPRETER_COMMAND_ID"
# Linux takes up to 128 KiB.
_LONGEST_ARGUMENT = 100_000


class Finished(NamedTuple):
    """What a command printed (both streams), its exit code, and how long it ran."""

    output: str
    exit_code: int
    seconds: float


class Command:
    """One command, from its start to its end. One that cannot be started fails: its session is at a limit."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        self._mark = os.urandom(16).hex()
        self._output = Output()
        self._started = time.monotonic()
        self._terminal: int
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._start(command.encode("utf-8", "replace"), folder, environment)
        except OSError as error:
            self._output.add(f"/bin/sh: {error.strerror}\r\n".encode())

    def _start(self, script: bytes, folder: Path, environment: dict[str, str]) -> None:
        with contextlib.ExitStack() as ours:
            self._terminal, slave = os.openpty()
            failed = ours.enter_context(contextlib.ExitStack())
            failed.callback(os.close, self._terminal)
            ours.callback(os.close, slave)
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            # Unrecorded: what a command reads. End of file, so that nothing waits for a person.
            nothing = os.open(os.devnull, os.O_RDONLY)
            ours.callback(os.close, nothing)
            passed: tuple[int, ...] = ()
            if len(script) > _LONGEST_ARGUMENT:
                passed = (unnamed(Path(environment["TMPDIR"]), script),)
                ours.callback(os.close, passed[0])
                script = f". /dev/fd/{passed[0]}".encode()
            self._process = subprocess.Popen(
                [b"/bin/sh", b"-c", script],
                executable=SHELL,
                cwd=folder,
                env={**environment, _MARK: self._mark},
                pass_fds=passed,
                preexec_fn=lambda: _become_leader(slave, nothing),
            )
            failed.pop_all()

    def wait(self, timeout: float) -> Finished:
        """Collects the output until the shell ends; after `timeout` seconds ends it, with exit code 124."""
        if self._process is None:
            return self._finished(NOT_STARTED)
        deadline = self._started + timeout
        poller = select.poll()
        poller.register(self._terminal, select.POLLIN)
        pause = 5
        try:
            while self._process.poll() is None:
                if time.monotonic() >= deadline:
                    self.kill()
                    # It is dead: nobody else takes note of that, and a zombie would stay.
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(1)
                    self._drain()
                    return self._finished(TIMED_OUT)
                if poller.poll(pause) and not self._read():
                    # The command closed its terminal and runs on: only its end is left to wait for.
                    poller.unregister(self._terminal)
                    pause = 1
                pause = min(pause * 2, 100)
            self._drain()
        finally:
            os.close(self._terminal)
        code = self._process.returncode
        return self._finished(128 - code if code < 0 else code)

    def kill(self) -> None:
        """Ends the command with everything it started: first asks, then kills."""
        end(self._alive, GRACE_SECONDS)

    def _alive(self) -> set[int]:
        if self._process is None:
            return set()
        shell = set() if self._process.poll() is not None else {self._process.pid}
        # A program can overwrite its environment, and with it the mark; the shell itself is known anyway.
        started = marked(_MARK, self._mark) if sys.platform == "linux" else descendants(self._process.pid)
        return shell | started

    def _read(self) -> bool:
        try:
            chunk = os.read(self._terminal, 65536)
        except OSError:
            # EIO: nobody has the other end open.
            return False
        self._output.add(chunk)
        return bool(chunk)

    def _drain(self) -> None:
        """What was printed before the end; what a process left behind prints later is lost."""
        poller = select.poll()
        poller.register(self._terminal, select.POLLIN)
        deadline = time.monotonic() + 1
        while poller.poll(0) and time.monotonic() < deadline and self._read():
            continue

    def _finished(self, code: int) -> Finished:
        return Finished(self._output.text(), code, time.monotonic() - self._started)


def _become_leader(terminal: int, stdin: int) -> None:
    os.login_tty(terminal)
    os.dup2(stdin, 0)
    os.close(stdin)
    prefer_as_oom_victim()
