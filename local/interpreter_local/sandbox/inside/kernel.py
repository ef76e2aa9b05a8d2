"""Keeps a Python kernel process: starts it, hands it code, collects its output, restarts it when it dies.

Output is read at the file descriptors, so what extensions and child processes print counts too. What arrives
between calls (a thread that the code left behind) belongs to no call and is dropped.
"""

import array
import contextlib
import fcntl
import json
import os
import queue
import selectors
import signal
import socket
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .output import Output
from .processes import prefer_as_oom_victim

TIMED_OUT = 124
# From the interrupt to the kill, for code that catches or cannot see KeyboardInterrupt.
INTERRUPT_GRACE_SECONDS = 3.0


class Child(Protocol):
    """A process that leads a process group, as subprocess.Popen has it."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def send_signal(self, sig: int) -> None: ...


# Starts a kernel process with these descriptors: its socket, its standard output, its standard error.
Start = Callable[[int, int, int], Child]


def spawn(argv: list[str], folder: Path, environment: dict[str, str]) -> Start:
    """Kernels that are programs: the command line, to which the number of the socket is added."""

    def start(requests: int, stdout: int, stderr: int) -> Child:
        return subprocess.Popen(
            [*argv, str(requests)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(requests,),
            start_new_session=True,
            preexec_fn=prefer_as_oom_victim,
        )

    return start


class Kernel:
    """The kernel of one session. Calls wait for each other: they share one namespace."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._one_call = threading.Lock()
        # None where it could not be started again: the session was at its limit of processes then.
        self._process: _Process | None = _Process(start)

    def execute(self, code: str, clear: bool, timeout: float) -> dict[str, Any]:
        """Runs code; `stdout`, `stderr`, `exit_code` (0, 1, 124, or how the kernel died) and `seconds`."""
        with self._one_call:
            process = self._process = self._process or _Process(self._start)
            process.begin()
            # Waiting for the kernel to boot, or for another call, is not execution time.
            started = time.monotonic()
            reply = process.ask({"code": code, "clear": clear}, timeout)
            note = ""
            if reply is None:
                note, reply = self._interrupt(process, timeout)
            stdout, stderr = process.end()
            seconds = time.monotonic() - started
            if reply is not None:
                exit_code = 0 if reply["ok"] else 1
            else:
                exit_code, died = process.autopsy()
                note = f"{note}{died}"
                self._process = None
                with contextlib.suppress(OSError, RuntimeError):
                    self._process = _Process(self._start)
            if note:
                exit_code = exit_code if note.startswith("The Python kernel") else TIMED_OUT
                stderr = f"{stderr.rstrip()}\n{note}"
            return {"stdout": stdout, "stderr": stderr, "exit_code": exit_code, "seconds": seconds}

    def _interrupt(self, process: "_Process", timeout: float) -> tuple[str, dict[str, Any] | None]:
        if process.ended:
            return "", None
        process.signal(signal.SIGINT)
        reply = process.answer(INTERRUPT_GRACE_SECONDS)
        if reply is None and not process.ended:
            process.signal(signal.SIGKILL)
        return f"The execution was ended after {timeout:g} seconds. ", reply


class _Process:
    """One kernel process with the thread that reads its output and its answers."""

    def __init__(self, start: Start) -> None:
        self._socket, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        self._pipes = (out_read, err_read)
        try:
            self._child = start(theirs.fileno(), out_write, err_write)
        except BaseException:
            self._close()
            raise
        finally:
            theirs.close()
            os.close(out_write)
            os.close(err_write)
        self.ended = False
        # By us, who need not look for another reason then.
        self._killed = False
        self._outputs: tuple[Output, Output] | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._partial = b""
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        try:
            self._reader.start()
        except RuntimeError:
            self.signal(signal.SIGKILL)
            self._child.wait()
            self._close()
            raise

    def _close(self) -> None:
        self._socket.close()
        for pipe in self._pipes:
            os.close(pipe)

    def begin(self) -> None:
        """From here on, output belongs to a call."""
        self._ready.wait()
        self._outputs = (Output(), Output())

    def end(self) -> tuple[str, str]:
        """Stdout and stderr since `begin`."""
        outputs, self._outputs = self._outputs, None
        assert outputs is not None
        return outputs[0].text(), outputs[1].text()

    def ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        """The answer to one request; None when the time is over or the kernel ended."""
        if not self.ended:
            with contextlib.suppress(OSError):
                self._socket.sendall(json.dumps(request).encode() + b"\n")
        return self.answer(timeout)

    def answer(self, timeout: float) -> dict[str, Any] | None:
        try:
            return self._answers.get(timeout=timeout)
        except queue.Empty:
            return None

    def signal(self, number: signal.Signals) -> None:
        self._killed = self._killed or number == signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(number)

    def autopsy(self) -> tuple[int, str]:
        """Ends the process if it runs on; its exit code as a shell gives it, and how it died."""
        self._reader.join(5)
        if not self._ends_by_itself():
            self._killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        code = self._child.wait()
        self._socket.close()
        if code >= 0:
            how = f"exited with code {code}"
        elif code == -signal.SIGKILL and not self._killed:
            how = "was killed (SIGKILL), perhaps for using more memory than the session has"
        elif code == -signal.SIGKILL:
            how = "did not answer and was killed"
        else:
            how = f"was ended by {signal.Signals(-code).name}"
        # Code 0 is no success of code that never came to its end.
        exit_code = 128 - code if code < 0 else code or 1
        return exit_code, f"The Python kernel {how}; it was restarted and its variables are lost"

    def _ends_by_itself(self) -> bool:
        """Whether it is dead, or is soon: its files are closed a moment before it is."""
        deadline = time.monotonic() + 0.2
        while (running := self._child.poll() is None) and time.monotonic() < deadline:
            time.sleep(0.005)
        return not running

    def _read(self) -> None:
        """The reader thread, until the process ends."""
        try:
            self._follow()
            self._drain()
        finally:
            # Whatever ended it (the session may have no memory left): somebody may wait for an answer.
            self.ended = True
            self._ready.set()
            self._answers.put(None)
            for pipe in self._pipes:
                os.close(pipe)

    def _follow(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            for pipe in self._pipes:
                selector.register(pipe, selectors.EVENT_READ)
            alive = True
            while alive:
                # The socket of a dead kernel stays open in a child that it forked: look at the process too.
                ready = selector.select(timeout=0.5)
                alive = self._child.poll() is None
                # The answer last: it empties the pipes, and reading an empty one waits for the next output.
                for key, _ in sorted(ready, key=lambda found: found[0].fileobj is self._socket):
                    if key.fileobj is self._socket:
                        alive = self._read_answer() and alive
                    elif not self._read_pipe(key.fd):
                        selector.unregister(key.fileobj)

    def _read_answer(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except OSError:
            return False
        if not data:
            return False
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            try:
                answer = json.loads(line)
                usable = isinstance(answer, dict) and ("ok" in answer or "ready" in answer)
            except (ValueError, RecursionError):
                usable = False
            if not usable:
                # The code wrote to the kernel's socket: nothing that comes from there can be trusted now.
                self.signal(signal.SIGKILL)
                return False
            if "ready" in answer:
                self._ready.set()
            else:
                self._drain()
                self._answers.put(answer)
        return len(self._partial) < 65536

    def _read_pipe(self, pipe: int, most: int = 65536) -> int:
        chunk = os.read(pipe, most)
        if self._outputs:
            self._outputs[self._pipes.index(pipe)].add(chunk)
        return len(chunk)

    def _drain(self) -> None:
        """What is in the pipes now: all that was printed before the answer, and no endless stream."""
        for pipe in self._pipes:
            waiting = array.array("i", [0])
            fcntl.ioctl(pipe, termios.FIONREAD, waiting)
            while waiting[0] > 0:
                waiting[0] -= self._read_pipe(pipe, waiting[0]) or waiting[0]
