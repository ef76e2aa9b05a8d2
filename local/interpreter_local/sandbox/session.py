"""One running sandbox, as the service sees it: calls go in, replies come out, close ends everything."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from . import cgroups, disk
from .capabilities import DISK, Capabilities, SandboxUnavailable, plan_limits
from .folders import group_name, hold, remove_folder, session_folder
from .inside import frames
from .inside.agent import SESSION_MARK
from .inside.processes import end, marked
from .launch import Launched, Plan, start
from .limits import Limits
from .python_env import find

_START_SECONDS = 30.0
_SESSION_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class SandboxClosed(Exception):  # noqa: N818 - named for what happened, like ConnectionResetError's siblings
    """The sandbox was closed, or died; nothing more can be called in it."""


class CallError(Exception):
    """The agent could not do what it was asked: a fault of ours, not of the session's code."""


class Sandbox:
    """A sandbox that is running. Made by `open_sandbox`."""

    def __init__(self, session_id: str, launched: Launched, clean: Callable[[], None]) -> None:
        self.session_id = session_id
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
                message = await self._receive()
                future = self._waiting.get(message.get("id", 0))
                if future is None or future.done():
                    continue
                if isinstance(message.get("result"), dict):
                    future.set_result(message["result"])
                else:
                    future.set_exception(CallError(str(message.get("error"))))
        except (OSError, EOFError, frames.FrameError, TypeError):
            # The agent is gone, or what it says cannot be understood: it may have been taken over.
            self._launched.process.kill()
        finally:
            self._end()

    def _end(self) -> None:
        self._ended = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SandboxClosed(f"session {self.session_id} ended"))

    async def _close(self) -> None:
        self._end()
        if hasattr(self, "_replies"):
            self._replies.cancel()
        if hasattr(self, "_writer"):
            self._writer.close()
        else:
            self._launched.socket.close()
        await asyncio.to_thread(_kill, self._launched)
        await asyncio.to_thread(self._clean)


def _kill(launched: Launched) -> None:
    """Ends the session's processes: in a sandbox the first takes the rest along, else they carry a mark."""
    process = launched.process
    if launched.mark:
        # The agent ends what it started when its socket closes; it may itself be dead or stopped.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if launched.mark:
        end(lambda: marked(SESSION_MARK, launched.mark), 0)


async def open_sandbox(
    session_id: str,
    *,
    home: Path,
    network_mode: Literal["SANDBOX", "PUBLIC", "VPC"],
    capabilities: Capabilities,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Sandbox:
    """Starts a sandbox and waits until it takes calls.

    Await it in a thread that lives as long as the session (the event loop's). Sessions have no network in any
    mode yet. Raises SandboxUnavailable with what the sandbox said when it does not start.
    """
    if not _SESSION_ID.fullmatch(session_id):
        raise ValueError(f"session id {session_id!r}: expected {_SESSION_ID.pattern}")
    folder = session_folder(home, session_id)
    folder.mkdir(parents=True, mode=0o700)
    lock = hold(folder)
    groups: list[Path] = []

    def clean() -> None:
        cgroups.remove(groups)
        remove_folder(folder)
        os.close(lock)

    try:
        used = folder / "disk"
        if DISK in capabilities.enforced:
            await asyncio.to_thread(_new_disk, home, limits, used)
        else:
            used.mkdir(mode=0o711)
        hierarchies, rlimits = plan_limits(capabilities, limits)
        groups += [
            cgroups.create(hierarchy, group_name(home, session_id), limits) for hierarchy in hierarchies
        ]
        python = find(capabilities.sandbox_python.parents[1])
        plan = Plan(
            isolated=capabilities.tier != "process",
            as_root=capabilities.tier != "process" and os.geteuid() == 0,
            python=python,
            disk=used,
            log=folder / "log",
            groups=tuple(groups),
            rlimits=rlimits,
        )
        launched = start(plan)
    except BaseException as error:
        await asyncio.to_thread(clean)
        if isinstance(error, (OSError, subprocess.CalledProcessError)):
            raise SandboxUnavailable(f"no sandbox for session {session_id}: {error}") from error
        raise
    sandbox = Sandbox(session_id, launched, clean)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await sandbox._connect()
    except (OSError, EOFError, TimeoutError, frames.FrameError) as error:
        said = (folder / "log").read_text(errors="replace").strip() or f"{type(error).__name__}: {error}"
        await sandbox.close()
        raise SandboxUnavailable(f"the sandbox of session {session_id} did not start: {said}") from error
    except BaseException:
        await sandbox.close()
        raise
    return sandbox


def _new_disk(home: Path, limits: Limits, at: Path) -> None:
    disk.copy(disk.template(home, limits.disk_bytes), at)
