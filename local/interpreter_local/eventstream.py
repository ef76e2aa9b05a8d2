"""Encodes messages of `application/vnd.amazon.eventstream`; does no I/O.

Layout (Smithy's event stream specification): total length, header length, CRC of those eight bytes, headers,
payload, CRC of everything before; all numbers big-endian, each header a name, type 7 (string) and a value.
"""

import struct
import zlib

_STRING = 7


def encode(headers: dict[str, str], payload: bytes) -> bytes:
    """One message; header names and values are strings."""
    packed = b"".join(_header(name, value) for name, value in headers.items())
    total = 16 + len(packed) + len(payload)
    prelude = struct.pack(">II", total, len(packed))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(kind: str, payload: bytes) -> bytes:
    """An event of the stream: `kind` is the name of the member in the model, the payload JSON."""
    return encode(
        {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}, payload
    )


def _header(name: str, value: str) -> bytes:
    raw_name, raw = name.encode(), value.encode()
    return struct.pack(">B", len(raw_name)) + raw_name + struct.pack(">BH", _STRING, len(raw)) + raw
