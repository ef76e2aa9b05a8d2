"""Serves HTTP on listening sockets that were made in a session's network namespace."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_HANDSHAKE_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 30
# Beyond, the parser would collect for ever. S3 takes 8 KiB.
_MOST_HEAD_BYTES = 64 * 1024
# What a field of one letter takes beside it, as HTTP/2 counts fields (RFC 9113, 6.5.2).
_FIELD_BYTES = 32
# Requests that are read before the one in work is answered. No client of AWS sends more than one.
_MOST_WAITING = 8
# A session writes what it likes into requests: what is wrong with them is its own affair, not our log's.
_log = logging.getLogger(f"{__name__}.requests")
_log.setLevel(logging.ERROR)

App = Callable[[Any, Any, Any], Any]
# Makes the protocol of a new connection; the argument is to be called when the connection is lost.
Factory = Callable[[Callable[[], None]], asyncio.Protocol]


class Door:
    """Accepts on one socket, with TLS if a context is given, at most `most` connections at a time.

    What is beyond waits in the socket's own queue: a session can only keep itself waiting.
    """

    def __init__(
        self,
        listener: socket.socket,
        factory: Factory,
        *,
        most: int,
        context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._factory = factory
        self._most = most
        self._context = context
        self._connections = 0
        self._accepting = False
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.BaseTransport] = set()
        listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Closes the socket and cuts every connection."""
        if self._closed:
            return
        self._closed = True
        self._pause()
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        for transport in list(self._transports):
            _cut(transport)

    def _resume(self) -> None:
        if not self._accepting and not self._closed:
            self._accepting = True
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _pause(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            # No descriptors left, or the like: try again when one of ours is free.
            self._pause()
            self._loop.call_later(1.0, self._resume)
            return
        connection.setblocking(False)
        self._connections += 1
        if self._connections >= self._most:
            self._pause()
        task = self._loop.create_task(self._serve(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        gone = False
        transport: asyncio.BaseTransport | None = None

        def lost() -> None:
            nonlocal gone
            if not gone:
                gone = True
                self._connections -= 1
                if transport is not None:
                    self._transports.discard(transport)
                if self._connections < self._most:
                    self._resume()

        try:
            # Without it every small reply waits for the other side's delayed acknowledgement.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = self._context() if self._context is not None else None
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: self._factory(lost),
                connection,
                ssl=context,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if context is not None else None,
            )
        except (OSError, asyncio.CancelledError):
            # No handshake: the client does not trust us, asked for another name, or went away.
            connection.close()
            lost()
            return
        if gone:
            return
        self._transports.add(transport)
        if self._closed:
            _cut(transport)


def _cut(transport: asyncio.BaseTransport) -> None:
    abort = getattr(transport, "abort", None)
    with contextlib.suppress(OSError):
        abort() if abort is not None else transport.close()


class _Http(HttpToolsProtocol):
    """uvicorn's protocol with an application of its own and a word when the connection is lost."""

    def __init__(self, app: App, lost: Callable[[], None]) -> None:
        super().__init__(_config(), ServerState(), {})
        self.app = app
        self.logger = _log
        self.access_log = False
        self._told = lost
        self._head_bytes = 0
        # Since the parser last said something: it collects a header, or what stands behind a chunk's length.
        self._silent_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._silent_bytes += len(data)
        super().data_received(data)
        if self._silent_bytes > _MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= _MOST_WAITING:
            raise ValueError(f"more than {_MOST_WAITING} requests wait for an answer")
        super().on_message_begin()
        self._head_bytes = self._silent_bytes = 0

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        super().on_body(body)

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(name + value)
        super().on_header(name, value)

    def _count(self, part: bytes) -> None:
        self._silent_bytes = 0
        self._head_bytes += len(part) + _FIELD_BYTES
        if self._head_bytes > _MOST_HEAD_BYTES:
            raise ValueError(f"the head has more than {_MOST_HEAD_BYTES} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._told()


def http(app: App) -> Factory:
    """The factory of connections that speak HTTP/1.1 to an ASGI application."""
    return lambda lost: _Http(app, lost)


@cache
def _config() -> Config:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("each connection has an application of its own")

    config = Config(
        nothing,
        interface="asgi3",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    config.load()
    return config
