"""One running sandbox, as the service sees it: calls go in, replies come out, close ends everything."""

import asyncio
import contextlib
import itertools
import os
import re
import secrets
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import cgroups, disk, launch, zygote
from .capabilities import DISK, HOST_USER, PACKAGES, Capabilities, SandboxUnavailable, plan_limits
from .folders import group_name, hold, remove_folder, session_folder
from .inside import frames
from .limits import Limits, open_files
from .python_env import PythonEnv, find, package_folders

_START_SECONDS = 30.0
# Host users of sessions, one each, where the endpoint is root: far above what user databases hand out.
_FIRST_UID, _UIDS = 0x40000000, 1 << 20
_unmounting = ThreadPoolExecutor(2, "unmount")
_uids = itertools.count(secrets.randbelow(_UIDS))
_SESSION_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class SandboxClosed(Exception):  # noqa: N818 - named for what happened, like ConnectionResetError's siblings
    """The sandbox was closed, or died; nothing more can be called in it."""


class CallError(Exception):
    """The agent could not do what it was asked: a fault of ours, not of the session's code."""


@dataclass(frozen=True)
class NetworkPlan:
    """The network of a session: its mode, and the IPv4 address of its device (None: it has no device)."""

    mode: Literal["SANDBOX", "PUBLIC", "VPC"]
    address: str | None = None


Launched = zygote.Forked | launch.Launched


class Sandbox:
    """A sandbox that is running. Made by `open_sandbox`.

    `listeners` are the sockets of the session's network namespace, non-blocking (`inside/network.py` lists
    them), `tun` is the descriptor of its network device; empty and None where there are none.
    `take_network` hands them over; what nobody took is closed with the sandbox.
    """

    def __init__(self, session_id: str, launched: Launched, clean: Callable[[], None]) -> None:
        self.session_id = session_id
        self.listeners: dict[str, socket.socket] = {}
        self.tun: int | None = None
        if isinstance(launched, zygote.Forked):
            self.listeners, self.tun = dict(launched.listeners), launched.tun
        self._launched = launched
        self._clean = clean
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._calls = 0
        self._ended = False
        self._closing: asyncio.Task[None] | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._replies: asyncio.Task[None]

    @property
    def closed(self) -> bool:
        """Whether calls can no longer be made: it was closed, or it died."""
        return self._ended or self._closing is not None

    async def call(self, op: str, /, **params: Any) -> dict[str, Any]:
        """One operation of the agent (`inside/agent.py` lists them) and its reply.

        Calls may overlap; a canceled one runs on inside, and its reply is dropped. Raises SandboxClosed when
        the sandbox is closed or dies meanwhile.
        """
        if self.closed:
            raise SandboxClosed(f"session {self.session_id} is closed")
        self._calls += 1
        number = self._calls
        data = frames.encode({"id": number, "op": op, "params": params})
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            # The whole frame is buffered at once: a cancellation cannot leave half of one behind.
            self._writer.write(data)
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()
            return await reply
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Kills every process of the session and removes its folder. May be called again, and at any time."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        # A caller that is canceled must not leave a sandbox half closed.
        await asyncio.shield(self._closing)

    def take_network(self) -> tuple[dict[str, socket.socket], int | None]:
        """The listening sockets and the network device: whoever takes them closes them."""
        taken = self.listeners, self.tun
        self.listeners, self.tun = {}, None
        return taken

    def refuse_network(self) -> None:
        """Closes what nobody took: connections to it are refused at once, instead of waiting."""
        listeners, tun = self.take_network()
        for listener in listeners.values():
            listener.close()
        if tun is not None:
            os.close(tun)

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(sock=self._launched.socket, limit=1024**2)
        if "ready" not in await self._receive():
            raise frames.FrameError("the agent did not report that it is ready")
        self._replies = asyncio.create_task(self._read_replies())

    async def _receive(self) -> dict[str, Any]:
        header = await self._reader.readexactly(frames.HEADER.size)
        body = await self._reader.readexactly(frames.body_length(header))
        return frames.decode(body)

    async def _read_replies(self) -> None:
        try:
            while True:
                # Not in a variable: when canceled, the frame is kept for long, and a reply may be large.
                self._deliver(await self._receive())
        except (OSError, EOFError, frames.FrameError, TypeError):
            # The agent is gone, or what it says cannot be understood: it may have been taken over.
            self._launched.kill()
        finally:
            self._end()

    def _deliver(self, message: dict[str, Any]) -> None:
        future = self._waiting.get(message.get("id", 0))
        if future is None or future.done():
            return
        if isinstance(message.get("result"), dict):
            future.set_result(message["result"])
        else:
            future.set_exception(CallError(str(message.get("error"))))

    def _end(self) -> None:
        self._ended = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SandboxClosed(f"session {self.session_id} ended"))

    async def _close(self) -> None:
        self._end()
        if hasattr(self, "_replies"):
            self._replies.cancel()
            # It would keep itself and what it was reading until the next full collection.
            del self._replies
        if hasattr(self, "_writer"):
            self._writer.close()
        self.refuse_network()
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._launched.close()
        self._clean()


def warm_up(home: Path, capabilities: Capabilities) -> None:
    """Boots the template in the background, so that the first session need not wait for it.

    Call it in a thread that lives as long as the sessions are to live.
    """
    if capabilities.tier != "process":
        zygote.template(home, find(capabilities.sandbox_python.parents[1]))


async def open_sandbox(
    session_id: str,
    *,
    home: Path,
    network_mode: Literal["SANDBOX", "PUBLIC", "VPC"],
    capabilities: Capabilities,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    network: NetworkPlan | None = None,
) -> Sandbox:
    """Starts a sandbox and waits until it takes calls; the first one waits for the template too.

    Await it in a thread that lives as long as the session (the event loop's). Without `network` the session
    has no network device, in any mode. Raises SandboxUnavailable with what the sandbox said when it does not
    start.
    """
    if not _SESSION_ID.fullmatch(session_id):
        raise ValueError(f"session id {session_id!r}: expected {_SESSION_ID.pattern}")
    python = find(capabilities.sandbox_python.parents[1])
    wanted = (session_id, home, capabilities, limits, network or NetworkPlan(network_mode), python)
    try:
        try:
            launched, clean = await _start_in_thread(*wanted)
        except zygote.TemplateDied:
            # It took its sessions along, but this one can still be had: from a new one.
            launched, clean = await _start_in_thread(*wanted)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxUnavailable(f"no sandbox for session {session_id}: {error}") from error
    sandbox = Sandbox(session_id, launched, clean)
    log = session_folder(home, session_id) / "log"
    try:
        async with asyncio.timeout(_START_SECONDS):
            await sandbox._connect()
    except (OSError, EOFError, TimeoutError, frames.FrameError) as error:
        said = log.read_text(errors="replace").strip() or f"{type(error).__name__}: {error}"
        await sandbox.close()
        raise SandboxUnavailable(f"the sandbox of session {session_id} did not start: {said}") from error
    except BaseException:
        await sandbox.close()
        raise
    return sandbox


Started = tuple[Launched, Callable[[], None]]


async def _start_in_thread(
    session_id: str,
    home: Path,
    capabilities: Capabilities,
    limits: Limits,
    network: NetworkPlan,
    python: PythonEnv,
) -> Started:
    # Here, not in the thread, which may end before the template is to.
    template = None if capabilities.tier == "process" else zygote.template(home, python)
    starting = asyncio.create_task(
        asyncio.to_thread(_start, session_id, home, capabilities, limits, network, python, template)
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The thread goes on; what it starts must not stay.
        starting.add_done_callback(_discard)
        raise
    except zygote.TemplateDied:
        if template is not None:
            template.close()
        raise


def _start(
    session_id: str,
    home: Path,
    capabilities: Capabilities,
    limits: Limits,
    network: NetworkPlan,
    python: PythonEnv,
    template: zygote.Template | None,
) -> Started:
    """The blocking part: a folder, control groups, a disk, a fork; and what removes them again."""
    folder = session_folder(home, session_id)
    folder.mkdir(parents=True, mode=0o700)
    lock = hold(folder)
    groups: list[Path] = []
    mounts: list[int] = []

    def clean() -> None:
        # Held until here, so that the session's end does not wait for its disk: that takes a while.
        for mount in mounts:
            _unmounting.submit(os.close, mount)
        cgroups.remove(groups)
        remove_folder(folder)
        os.close(lock)

    try:
        with contextlib.ExitStack() as held:
            hierarchies, rlimits = plan_limits(capabilities, limits)
            for hierarchy in hierarchies:
                groups.append(cgroups.create(hierarchy, group_name(home, session_id), limits))
            if template is None:
                return launch.start(python, folder / "disk", folder / "log", rlimits), clean
            uid = _FIRST_UID + next(_uids) % _UIDS if HOST_USER in capabilities.enforced else None

            def keep(descriptor: int) -> int:
                held.callback(os.close, descriptor)
                return descriptor

            mount = None
            if DISK in capabilities.enforced:
                owner = os.geteuid() if uid is None else uid
                mount = disk.new(home, limits.disk_bytes, owner, package_folders(python.venv))
                mounts.append(mount)
            else:
                disk.folder(folder / "disk", uid, package_folders(python.venv))
            plan = zygote.Plan(
                folder=session_id,
                log=keep(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)),
                uid=uid,
                disk=mount,
                groups=[keep(os.open(group / "cgroup.procs", os.O_WRONLY)) for group in groups],
                rlimits=(*rlimits, ("NOFILE", open_files(limits))),
                address=network.address,
                packages=PACKAGES in capabilities.enforced,
            )
            return template.fork(plan), clean
    except BaseException:
        clean()
        raise


def _discard(starting: asyncio.Task[Started]) -> None:
    if starting.cancelled() or starting.exception() is not None:
        return
    launched, clean = starting.result()
    if isinstance(launched, zygote.Forked):
        launched.refuse_network()
    launched.close()
    clean()
