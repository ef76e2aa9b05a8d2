"""The template: one process with the usual libraries loaded, of which every session is a fork.

It runs in bubblewrap, in a process namespace of its own that dies with the endpoint; it has one thread, no
network and no secrets, and reads nothing but the endpoint's requests. Each request is a socket, on which the
fork says how to end it (a pidfd of itself), is told what session it is to be, with the descriptors for it,
and tells what it opened in its network namespace, or what went wrong. So the template knows nothing of
any session, and no session finds another's settings in the memory that they share.
"""

import gc
import importlib.util
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from . import agent, first, linux
from .confine import confine
from .processes import prefer_as_oom_victim

_MOST = 65536
_DESCRIPTORS = 16
_KERNEL = "kernels.python_kernel"


def main() -> None:
    """Runs the template; standard input is the endpoint's socket."""
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    hello = json.loads(control.recv(_MOST))
    shell = _preload(hello["libraries"], hello["warm"])
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError(f"threads are left after importing {', '.join(hello['libraries'])}")
    program = None if hello["filter"] is None else bytes.fromhex(hello["filter"])
    # What is loaded is never collected: a collection in a session would touch, and so copy, all of it.
    gc.collect()
    gc.freeze()
    # The endpoint waits for the sessions, by pidfd. Nobody waits for them here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _serve(control, shell, program)


def _preload(libraries: list[str], warm: bool) -> Any:
    """Imports what is installed of these and makes the IPython shell, which each kernel finds as new."""
    for name in libraries:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            importlib.import_module(name)
    shell = None
    if warm:
        python_kernel = importlib.import_module(_KERNEL)
        shell = python_kernel.new_shell()
        python_kernel.warm_up(shell)
    # The code of a session must not find this code by import.
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parents[1])]
    # OpenBLAS ends its threads before a fork, and starts them again where they are needed.
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return shell


def _serve(control: socket.socket, shell: Any, program: bytes | None) -> None:
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _MOST, 1)
        if not message:
            return
        with socket.socket(fileno=descriptors[0]) as reply:
            try:
                linux.unshare(linux.CLONE_NEWPID)
                pid = os.fork()
                if pid == 0:
                    _never_return(_session, reply, shell, program)
                linux.setns(own, linux.CLONE_NEWPID)
            except OSError as error:
                linux.setns(own, linux.CLONE_NEWPID)
                reply.send(json.dumps({"error": str(error)}).encode())


def _session(reply: socket.socket, shell: Any, program: bytes | None) -> None:
    """What the fork does: becomes process 1 of the session, and forks its agent."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Descriptors are closed by number; the objects around them live as long as this frame, so to the end.
    _close_all_but(0, 1, 2, reply.fileno())
    socket.send_fds(reply, [b"{}"], [os.pidfd_open(os.getpid())])
    message, descriptors, _, _ = socket.recv_fds(reply, _MOST, _DESCRIPTORS)
    settings = json.loads(message)
    given = dict(zip(settings["descriptors"], descriptors, strict=True))
    groups = [descriptor for name, descriptor in given.items() if name.startswith("group")]
    try:
        sockets, device = confine(settings, given.get("disk"), groups, given["log"], program)
    except Exception as error:  # noqa: BLE001 - whatever it is, the endpoint must hear of it
        reply.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    opened = {name: sock.fileno() for name, sock in sockets.items()}
    if device is not None:
        opened["tun"] = device
    socket.send_fds(reply, [json.dumps({"opened": list(opened)}).encode()], list(opened.values()))
    _close_all_but(0, 1, 2, given["agent"])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _never_return(_agent, settings["workspace"], given["agent"], theirs)
    theirs.close()
    os.close(given["agent"])
    first.serve(pid, ours, lambda *descriptors: _never_return(_kernel, shell, *descriptors))


def _agent(workspace: str, endpoint: int, process_1: socket.socket) -> None:
    linux.prctl(linux.PR_SET_NAME, b"agent")
    # What it imports late must not be a file of the session's.
    sys.path[:] = [folder for folder in sys.path if folder]
    agent.run(socket.socket(fileno=endpoint), Path(workspace), partial(first.fork, process_1))


def _kernel(shell: Any, requests: int, stdout: int, stderr: int) -> None:
    """What a kernel does in its fork of process 1."""
    os.setsid()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    _close_all_but(0, 1, 2, requests)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    linux.prctl(linux.PR_SET_NAME, b"python")
    prefer_as_oom_victim()
    kernel = sys.modules[_KERNEL]
    for name in [name for name in sys.modules if name.partition(".")[0] in ("inside", "kernels")]:
        del sys.modules[name]
    kernel.serve_forked(socket.socket(fileno=requests), shell)


def _never_return(part: Callable[..., None], *arguments: Any) -> NoReturn:
    """Runs the part of a fork and ends it: nothing of what its parent was doing may go on in it."""
    code = 1
    try:
        part(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - to the log, and no further
        traceback.print_exc()
    finally:
        os._exit(code)


def _close_all_but(*kept: int) -> None:
    at = 0
    for descriptor in sorted(kept):
        if at < descriptor:  # closerange(0, 0) closes everything
            os.closerange(at, descriptor)
        at = descriptor + 1
    os.closerange(at, 1 << 30)
