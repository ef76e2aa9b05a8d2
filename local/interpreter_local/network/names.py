"""The session's name server: the names of AWS, and in PUBLIC mode what a resolver of the caller's knows.

Recorded in SANDBOX mode (2026-10): `*.amazonaws.com` resolves, nothing else does. The addresses are ours: an
endpoint that the session may reach is the gateway's, at any other nobody listens, so that a connection is
refused at once where the service lets it time out (recorded; refusing is our choice).
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any

from .attachment import Reach
from .aws_names import parse

GATEWAY, NOBODY = "127.0.0.3", "127.0.0.4"
_HEADER = struct.Struct("!HHHHHH")
_IS_REPLY, _RECURSION_AVAILABLE, _KEPT = 0x8000, 0x0080, 0x7900
_NOERROR, _SERVFAIL, _NXDOMAIN, _NOTIMP = 0, 2, 3, 4
_A, _ANY, _IN = 1, 255, 1
_LONGEST_QUERY = 512
_TTL_SECONDS = 60
_WAITING = 64

# The IPv4 addresses of a name; None when there is no such name.
Resolver = Callable[[str], Awaitable[list[str] | None]]


class Names:
    """Answers questions, given as the bytes of a message without TCP's length."""

    def __init__(self, reach: Reach, partition: str = "aws", resolver: Resolver | None = None) -> None:
        self._reach = reach
        self._partition = partition
        self._resolver = resolver

    async def answer(self, message: bytes) -> bytes | None:
        """The reply to a query with one question; None for what is to be dropped: malformed, or no query."""
        if not _HEADER.size <= len(message) <= _LONGEST_QUERY:
            return None
        number, flags, questions, *_ = _HEADER.unpack_from(message)
        if flags & _IS_REPLY:
            return None
        if (flags >> 11) & 15:
            return _reply(number, flags, b"", _NOTIMP)
        found = _question(message) if questions == 1 else None
        if found is None:
            return None
        name, kind, cls, question = found
        if cls != _IN:
            return _reply(number, flags, question, _NOTIMP)
        try:
            addresses = await self._addresses(name)
        except OSError:
            return _reply(number, flags, question, _SERVFAIL)
        if addresses is None:
            return _reply(number, flags, question, _NXDOMAIN)
        return _reply(number, flags, question, _NOERROR, addresses if kind in (_A, _ANY) else [])

    async def _addresses(self, name: str) -> list[str] | None:
        aws = parse(name, self._partition)
        if aws is not None:
            return [GATEWAY if self._reach(aws) is not None else NOBODY]
        return await self._resolver(name) if self._resolver is not None else None


def _question(message: bytes) -> tuple[str, int, int, bytes] | None:
    """Name in lower case, type, class and the question's own bytes."""
    at, labels = _HEADER.size, []
    while True:
        if at >= len(message):
            return None
        length = message[at]
        if length == 0:
            break
        if length > 63 or at + 1 + length > len(message):
            return None
        labels.append(message[at + 1 : at + 1 + length])
        at += 1 + length
    end = at + 5
    if end > len(message) or end - _HEADER.size > 259:
        return None
    try:
        name = b".".join(labels).decode("ascii").lower()
    except UnicodeDecodeError:
        return None
    kind, cls = struct.unpack_from("!HH", message, at + 1)
    return name, kind, cls, message[_HEADER.size : end]


def _reply(number: int, flags: int, question: bytes, code: int, addresses: list[str] | None = None) -> bytes:
    sent = _IS_REPLY | (flags & _KEPT) | _RECURSION_AVAILABLE | code
    records = b"".join(
        struct.pack("!HHHIH", 0xC00C, _A, _IN, _TTL_SECONDS, 4) + IPv4Address(address).packed
        for address in (addresses or [])[:16]
    )
    counted = len(records) // 16
    return _HEADER.pack(number, sent, 1 if question else 0, counted, 0, 0) + question + records


class OverUdp(asyncio.DatagramProtocol):
    """The name server on a datagram socket; queries beyond those in work are dropped."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """See asyncio."""
        if len(self._tasks) >= _WAITING:
            return
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def error_received(self, exc: Exception) -> None:
        """Nothing to do: who asked is gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        for task in self._tasks:
            task.cancel()

    async def _answer(self, data: bytes, addr: Any) -> None:
        reply = await self._names.answer(data)
        if reply is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(reply, addr)


async def serve_udp(bound: socket.socket, names: Names) -> asyncio.DatagramTransport:
    """Answers on a bound socket until the transport is closed."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: OverUdp(names), sock=bound)
    return transport


class OverTcp(asyncio.Protocol):
    """The name server on a connection: messages behind two bytes of length, answered in order."""

    def __init__(self, names: Names, lost: Callable[[], None]) -> None:
        self._names = names
        self._lost = lost
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if self._task is not None:
            self._task.cancel()
        self._lost()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._buffer += data
        if self._task is None and len(self._buffer) >= 2:
            self._transport.pause_reading()
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while len(self._buffer) >= 2:
            length = int.from_bytes(self._buffer[:2], "big")
            if not _HEADER.size <= length <= _LONGEST_QUERY:
                self._transport.close()
                return
            if len(self._buffer) < 2 + length:
                break
            message = bytes(self._buffer[2 : 2 + length])
            del self._buffer[: 2 + length]
            reply = await self._names.answer(message)
            if reply is None:
                self._transport.close()
                return
            self._transport.write(len(reply).to_bytes(2, "big") + reply)
        self._task = None
        if not self._transport.is_closing():
            self._transport.resume_reading()
