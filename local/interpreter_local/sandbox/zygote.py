"""The endpoint's side of the template: one for each folder of an endpoint, from which sessions fork."""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket as Socket  # noqa: N812 - a field has the module's name
from typing import Any, BinaryIO

from . import bwrap, layout, seccomp
from .python_env import PythonEnv

# What sessions find loaded, if it is installed: what most code imports first.
LIBRARIES = ("numpy", "numpy.random", "pandas", "matplotlib.pyplot", "boto3")
# Loading them takes a second or two, on a busy machine more.
_BOOT_SECONDS = 60.0
_START = "import sys; sys.path.append(sys.argv[1]); from inside.zygote import main; main()"
_SESSION_SECONDS = 30.0
# In an endpoint's folder: the certificates that its sessions trust.
TRUSTED = "tls/sessions.pem"
# The template's descriptors close one after the other when it dies.
_HANG_UP_MILLISECONDS = 200
# No core dumps: a limit of 1 byte keeps them also from a program that the machine may have for them, where
# 0 does not (Linux, core(5)). And no priority over others, which a desktop's user may have.
_RLIMITS = {"CORE": 1, "RTPRIO": 0, "NICE": 0}


class TemplateDied(OSError):  # noqa: N818 - named for what happened
    """The template ended before it gave a session."""


@dataclass(frozen=True)
class Plan:
    """What one session is forked with: descriptors stay the caller's.

    `folder` names its folder among the sessions', `uid` is its user on this machine (None: the endpoint's),
    `disk` a mount (None: the folder `disk` in its folder), `groups` are open `cgroup.procs`, `address` is
    that of its network device (None: it has none), `packages`: whether it can install some.
    """

    folder: str
    log: int
    uid: int | None = None
    disk: int | None = None
    groups: Sequence[int] = ()
    rlimits: Sequence[tuple[str, int]] = ()
    address: str | None = None
    packages: bool = False


@dataclass(frozen=True)
class Forked:
    """A session: the agent's socket, its process 1 (a pidfd), and what it opened for the endpoint."""

    socket: Socket
    pidfd: int
    listeners: dict[str, Socket] = field(default_factory=dict)
    tun: int | None = None

    def kill(self) -> None:
        """Ends every process of the session; they are all gone when the pidfd becomes readable."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Kills the session and waits for its end. What it opened belongs to whoever took it."""
        self.kill()
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        poller.poll(_SESSION_SECONDS * 1000)
        os.close(self.pidfd)
        self.socket.close()

    def refuse_network(self) -> None:
        """Closes what the session opened: connections to it are refused at once."""
        for listener in self.listeners.values():
            listener.close()
        if self.tun is not None:
            os.close(self.tun)


@dataclass(frozen=True)
class Template:
    """A running template. `log` holds what it says: the reason when it dies."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    log: BinaryIO
    kept: Sequence[str]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def fork(self, plan: Plan) -> Forked:
        """A new session; blocks until it is shut in, at first until the template has booted.

        OSError with what went wrong, TemplateDied if that was the template.
        """
        ours, theirs = socket.socketpair()
        reply, answering = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = {"agent": theirs.fileno(), "log": plan.log}
        if plan.disk is not None:
            given["disk"] = plan.disk
        given.update({f"group {number}": group for number, group in enumerate(plan.groups)})
        settings = {
            "session": plan.folder,
            "workspace": str(layout.WORKSPACE),
            "uid": plan.uid,
            "inside": layout.UID,
            "hostname": "localhost",
            "address": plan.address,
            "rlimits": {**_RLIMITS, **dict(plan.rlimits)},
            "kept": self.kept,
            "venv": str(layout.VENV) if plan.packages else None,
            "descriptors": list(given),
        }
        forked = None
        try:
            with reply:
                with theirs:
                    with answering:
                        socket.send_fds(self.control, [b"fork"], [answering.fileno()])
                    # Not to the template: sessions that it forks later would find it in their memory.
                    socket.send_fds(reply, [json.dumps(settings).encode()], list(given.values()))
                reply.settimeout(_BOOT_SECONDS)
                _, descriptors = self._answer(reply)
                forked = Forked(ours, descriptors[0])
                reply.settimeout(_SESSION_SECONDS)
                answer, descriptors = self._answer(reply)
        except BaseException as error:
            ours.close() if forked is None else forked.close()
            if isinstance(error, (BrokenPipeError, ConnectionResetError)):
                raise self._gone() from error
            raise
        opened = dict(zip(answer["opened"], descriptors, strict=True))
        tun = opened.pop("tun", None)
        listeners = {name: socket.socket(fileno=descriptor) for name, descriptor in opened.items()}
        return Forked(ours, forked.pidfd, listeners, tun)

    def _answer(self, reply: socket.socket) -> tuple[dict[str, Any], list[int]]:
        message, descriptors, _, _ = socket.recv_fds(reply, 65536, 16)
        if not message:
            raise self._gone()
        answer: dict[str, Any] = json.loads(message)
        if "error" in answer:
            raise OSError(answer["error"])
        return answer, descriptors

    def _gone(self) -> OSError:
        """Why nobody answers: the template is gone, or only the fork."""
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        if not poller.poll(_HANG_UP_MILLISECONDS):
            return OSError("the session's first process ended before it was shut in")
        said = os.pread(self.log.fileno(), 1024**2, 0).decode(errors="replace").strip().splitlines()
        return TemplateDied(said[-1] if said else "the sessions' template ended without a word")

    def close(self) -> None:
        """Ends the template, and every session that lives."""
        self.control.close()
        self.process.kill()
        self.process.wait()
        self.log.close()


def boot(home: Path, python: PythonEnv, libraries: Sequence[str] = LIBRARIES) -> Template:
    """Starts a template and does not wait for it. It dies with the thread that calls this.

    OSError when a program is missing.
    """
    sessions = home.absolute() / "sessions"
    sessions.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    texts = {
        Path("/etc/passwd"): _memory("passwd", layout.PASSWD.encode()),
        Path("/etc/group"): _memory("group", layout.GROUP.encode()),
        Path("/etc/hosts"): _memory("hosts", layout.HOSTS.encode()),
        Path("/etc/resolv.conf"): _memory("resolv.conf", layout.RESOLV_CONF.encode()),
    }
    bundle = home / TRUSTED
    if bundle.exists():
        content = bundle.read_bytes()
        texts.update({path: _memory("trusted", content) for path in layout.TRUSTED})
    memory = list(texts.values())
    log = os.fdopen(os.memfd_create("log"), "r+b")
    try:
        args = bwrap.arguments(python, sessions, texts)
        memory.append(_memory("arguments", b"\0".join(map(os.fsencode, args)) + b"\0"))
        command = [str(layout.VENV / "bin/python"), "-c", _START, str(layout.AGENT)]
        with theirs:
            process = subprocess.Popen(
                [str(bwrap.program()), "--args", str(memory[-1]), "--", *command],
                # Empty: bwrap's own environment can be read where it is process 1.
                env={},
                cwd="/",
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                pass_fds=memory,
                start_new_session=True,
            )
    except BaseException:
        ours.close()
        log.close()
        raise
    finally:
        for descriptor in memory:
            os.close(descriptor)
    hello = {
        "libraries": list(libraries),
        "warm": bool(libraries),
        "filter": seccomp.program().hex() if seccomp.supported() else None,
    }
    # If it is dead already, the first session will say so.
    with contextlib.suppress(BrokenPipeError):
        ours.send(json.dumps(hello).encode())
    kept = [str(path) for path in (python.base, python.venv) if path.is_relative_to(layout.TEMPORARY)]
    return Template(process, ours, log, kept)


_templates: dict[tuple[Path, Path], Template] = {}
_changing = threading.Lock()


def template(home: Path, python: PythonEnv) -> Template:
    """The template of an endpoint's folder; boots one where none runs. Does not wait for it.

    Call it in a thread that lives as long as the sessions are to live.
    """
    home = home.absolute()
    key = (home, python.venv)
    with _changing:
        found = _templates.get(key)
        if found is None or not found.alive:
            if found is not None:
                found.close()
            found = _templates[key] = boot(home, python)
        return found


def close_templates(home: Path | None = None) -> None:
    """Ends the templates of a folder, or all, with their sessions."""
    with _changing:
        for key in [key for key in _templates if home is None or home.absolute() == key[0]]:
            _templates.pop(key).close()


atexit.register(close_templates)


def _memory(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
