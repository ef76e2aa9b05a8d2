"""Messages on the socket between the endpoint and a sandbox: a big-endian u32 length, then that much JSON."""

import json
import socket
import struct
from typing import Any

HEADER = struct.Struct(">I")
# The service takes 100 MB a request or response (AWS quota); base64 in JSON makes 134 MB of it.
MAX_FRAME = 256 * 1024 * 1024


class FrameError(ValueError):
    """The other side sent something that is not a frame."""


def encode(message: dict[str, Any]) -> bytes:
    """One frame. Lone surrogates, which JSON on the wire may hold, survive the trip."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(body) > MAX_FRAME:
        raise FrameError(f"a message of {len(body)} bytes, at most {MAX_FRAME} are allowed")
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> dict[str, Any]:
    """The message in a frame's body."""
    try:
        message = json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError(f"a {type(message).__name__}, expected an object")
    return message


def body_length(header: bytes) -> int:
    """How many bytes follow this header."""
    length: int = HEADER.unpack(header)[0]
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes, at most {MAX_FRAME} are allowed")
    return length


def receive(sock: socket.socket) -> dict[str, Any] | None:
    """The next message from a blocking socket, None at its end."""
    header = _exactly(sock, HEADER.size)
    if header is None:
        return None
    body = _exactly(sock, body_length(header))
    return None if body is None else decode(body)


def _exactly(sock: socket.socket, count: int) -> bytes | None:
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = sock.recv_into(view)
        if got == 0:
            return None
        view = view[got:]
    return bytes(data)
