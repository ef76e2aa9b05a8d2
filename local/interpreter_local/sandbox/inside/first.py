"""Process 1 of a session: buries the dead, and forks kernels when the agent asks.

A kernel is a fork of this process, so it has the libraries loaded that the template has, also after a
restart. The agent cannot fork one: it has threads.
"""

import contextlib
import os
import select
import signal
import socket
import struct
import threading
from collections.abc import Callable
from typing import NoReturn

_NUMBER = struct.Struct("=i")


class Forked:
    """A process that process 1 forked for the agent, with the part of Popen that the agent needs."""

    def __init__(self, pid: int, ending: int) -> None:
        self.pid = pid
        self._ending = ending
        self._returncode: int | None = None
        self._looking = threading.Lock()

    def poll(self) -> int | None:
        """The exit code, minus the number of the signal that ended it, None while it lives."""
        with self._looking:
            if self._returncode is None and select.select([self._ending], [], [], 0)[0]:
                self._collect()
            return self._returncode

    def wait(self) -> int:
        """Waits for the end and gives the exit code."""
        with self._looking:
            return self._collect() if self._returncode is None else self._returncode

    def _collect(self) -> int:
        data = os.read(self._ending, _NUMBER.size)
        os.close(self._ending)
        self._returncode = os.waitstatus_to_exitcode(_NUMBER.unpack(data)[0] if data else signal.SIGKILL)
        return self._returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def fork(first: socket.socket, *descriptors: int) -> Forked:
    """The agent's side: asks process 1 for a kernel with these descriptors (socket, stdout, stderr)."""
    ending, theirs = os.pipe()
    try:
        socket.send_fds(first, [b"kernel"], [*descriptors, theirs])
    finally:
        os.close(theirs)
    data = os.read(ending, _NUMBER.size)
    if not data:
        os.close(ending)
        raise OSError("process 1 could not fork a kernel")
    return Forked(_NUMBER.unpack(data)[0], ending)


def serve(agent: int, requests: socket.socket, kernel: Callable[[int, int, int], NoReturn]) -> NoReturn:
    """Process 1's loop, until the agent (its pid) is gone: then all of the session goes.

    `kernel` runs in each fork, with the descriptors that came with the request.
    """
    endings: dict[int, int] = {}
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    poller = select.poll()
    poller.register(wake, select.POLLIN)
    poller.register(requests, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == wake:
                os.read(wake, 4096)
                _bury(endings, agent)
            else:
                message, descriptors, _, _ = socket.recv_fds(requests, 16, 4)
                if not message:
                    os._exit(0)
                if len(descriptors) == 4:
                    _fork(descriptors, endings, kernel)
                for descriptor in descriptors:
                    if descriptor not in endings.values():
                        os.close(descriptor)


def _fork(
    descriptors: list[int], endings: dict[int, int], kernel: Callable[[int, int, int], NoReturn]
) -> None:
    try:
        pid = os.fork()
    except OSError:
        # The agent sees that the pipe is closed. (The session has all the processes that it may have.)
        return
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            kernel(*descriptors[:3])
        finally:
            os._exit(1)
    endings[pid] = descriptors[3]
    os.write(descriptors[3], _NUMBER.pack(pid))


def _bury(endings: dict[int, int], agent: int) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            os._exit(0)
        if pid == agent:
            os._exit(0)
        if pid == 0:
            return
        ending = endings.pop(pid, None)
        if ending is not None:
            # The agent reads it when it looks; a broken pipe is an agent that is about to be buried itself.
            with contextlib.suppress(BrokenPipeError):
                os.write(ending, _NUMBER.pack(status))
            os.close(ending)
