"""The outside host: stands for the internet, on this machine. `outside.test`, 198.51.100.7 (TEST-NET-2).

It answers HTTP on 80 and 443, whatever the path, in JSON: method, path, host, the peer that it saw, bytes
received. `/bytes/N` sends N bytes. On 7 it echoes, TCP and UDP. A guest has a limited number of connections,
for each of them takes a descriptor of the endpoint's.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from . import serving
from .public import OUTSIDE

NAME = "outside.test"
MAX_GUESTS, MAX_FOR_ONE = 512, 64
MAX_BYTES = 2**30
_HANDSHAKE_SECONDS = 5.0
# 251 is prime: a piece that is lost or doubled shifts all that follows.
PATTERN = bytes(range(251)) * 261

_Message = dict[str, Any]
_Factory = Callable[[], asyncio.Protocol]


async def app(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    """The ASGI application."""
    received = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        received += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    size = scope["path"].removeprefix("/bytes/")
    if size.isdecimal() and size.isascii() and int(size) <= MAX_BYTES:
        await _send(send, "application/octet-stream", int(size), _pattern(int(size)))
        return
    answer = {
        "server": NAME,
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode("latin-1"),
        "host": dict(scope["headers"]).get(b"host", b"").decode("latin-1"),
        "peer": scope["client"][0],
        "received": received,
    }
    body = json.dumps(answer).encode() + b"\n"
    await _send(send, "application/json", len(body), [body])


async def _send(
    send: Callable[[_Message], Awaitable[None]], kind: str, size: int, parts: Iterable[bytes]
) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _pattern(size: int) -> Iterator[bytes]:
    for start in range(0, size, len(PATTERN)):
        yield PATTERN[: size - start]


class Outside:
    """The host at work on its sockets, until `close`. Needs a running event loop; owns the sockets."""

    def __init__(
        self,
        *,
        http: socket.socket,
        https: socket.socket,
        echo: socket.socket,
        datagrams: socket.socket,
        tls: ssl.SSLContext,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = (http, https, echo, datagrams)
        self._guests: dict[socket.socket, str] = {}
        self._entering: set[asyncio.Task[None]] = set()
        # Its guests are code under test: what they send is bounded as what they send to AWS.
        serve = serving.http(app)

        def web() -> asyncio.Protocol:
            return serve(lambda: None)

        for listener, factory, context in (
            (http, web, None),
            (https, web, tls),
            (echo, _Echo, None),
        ):
            listener.setblocking(False)
            self._loop.add_reader(listener, self._accept, listener, factory, context)
        datagrams.setblocking(False)
        self._loop.add_reader(datagrams, _answer, datagrams)

    def close(self) -> None:
        """Closes every socket and connection."""
        for opened in self._sockets:
            self._loop.remove_reader(opened)
            opened.close()
        for task in self._entering:
            task.cancel()
        for guest in self._guests:
            if guest.fileno() >= 0:
                # The transport that reads it sees its end, and closes it.
                guest.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, factory: _Factory, tls: ssl.SSLContext | None) -> None:
        try:
            guest, (address, _) = listener.accept()
        except OSError:
            return  # it went away meanwhile; or no descriptor is left, and it waits
        self._guests = {one: peer for one, peer in self._guests.items() if one.fileno() >= 0}
        from_there = sum(peer == address for peer in self._guests.values())
        if len(self._guests) >= MAX_GUESTS or from_there >= MAX_FOR_ONE:
            guest.close()
            return
        self._guests[guest] = address
        guest.setblocking(False)
        _watch(guest)
        task = self._loop.create_task(self._enter(guest, factory, tls))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    async def _enter(self, guest: socket.socket, factory: _Factory, tls: ssl.SSLContext | None) -> None:
        wait = _HANDSHAKE_SECONDS if tls else None
        try:
            await self._loop.connect_accepted_socket(factory, guest, ssl=tls, ssl_handshake_timeout=wait)
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError: not TLS, or not our authority's friend
            guest.close()


def _watch(guest: socket.socket) -> None:
    """A guest that is gone without a word is let go after a minute (tcp(7); Linux, as all of the street)."""
    guest.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
    guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)


class _Echo(asyncio.Protocol):
    """RFC 862; takes no more than its guest takes back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()


def _answer(datagrams: socket.socket) -> None:
    try:
        data, peer = datagrams.recvfrom(65535)
        datagrams.sendto(data, peer)
    except OSError:
        return  # an ICMP error about an earlier answer, or the device is full: a datagram may be lost


__all__ = ["MAX_BYTES", "NAME", "OUTSIDE", "PATTERN", "Outside"]
