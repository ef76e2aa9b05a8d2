"""IPv4 packets as bytes: read strictly, answered with an error, sent one hop on. No I/O.

Formats: RFC 791 (IPv4), 9293 (TCP), 768 (UDP), 792 and 1812 (ICMP).
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

Protocol = Literal["tcp", "udp", "icmp"]

ICMP, TCP, UDP = 1, 6, 17
_NAMES: dict[int, Protocol] = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}
_HEADER = struct.Struct("!BBHHHBBH4s4s")
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_ECHO_REPLY, _UNREACHABLE, _ECHO, _TIME_EXCEEDED = 0, 3, 8, 11
_PROHIBITED = 13  # communication administratively prohibited
_TTL = 64
# What an ICMP error quotes of the packet that caused it (RFC 1812: as much as fits into 576 bytes).
_QUOTED = 576 - 20 - 8


class MalformedError(ValueError):
    """Not a packet that is forwarded; the message says what is wrong with it, without its data."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; addresses are four bytes, `ports` are (source, target), of an echo its (id, id).

    `quoted` is the packet that an ICMP error speaks about, as (source, target, protocol, ports).
    """

    raw: bytes
    source: bytes
    target: bytes
    protocol: int
    ttl: int
    ports: tuple[int, int]
    flags: int = 0
    quoted: tuple[bytes, bytes, int, tuple[int, int]] | None = None

    @property
    def opens(self) -> bool:
        """Whether it may begin a flow: a SYN, a datagram, an echo request."""
        if self.protocol == TCP:
            return self.flags & (_SYN | _ACK | _RST | _FIN) == _SYN
        return self.protocol == UDP or (self.protocol == ICMP and self.raw[20] == _ECHO)


@dataclass(frozen=True, slots=True)
class Flow:
    """What a session wants to reach; `port` is 0 for ICMP echo."""

    protocol: Protocol
    address: IPv4Address
    port: int


def flow_of(packet: Packet) -> Flow:
    """The flow that a packet of a session opens."""
    port = 0 if packet.protocol == ICMP else packet.ports[1]
    return Flow(_NAMES[packet.protocol], IPv4Address(packet.target), port)


def parse(raw: bytes) -> Packet:
    """Reads one packet whole; MalformedError for all else.

    Refused on purpose: fragments (a device of 65,520 bytes makes none for TCP, and only of datagrams beyond
    that), IP options (source routes), protocols other than TCP, UDP and ICMP echo with its errors, IPv6.
    """
    if len(raw) < 20:
        raise MalformedError(f"{len(raw)} bytes, expected at least 20")
    first, _, length, _, fragment, ttl, protocol, _, source, target = _HEADER.unpack_from(raw)
    if first >> 4 != 4:
        raise MalformedError(f"IP version {first >> 4}, expected 4")
    if first != 0x45:
        raise MalformedError("IP options")
    if length != len(raw):
        raise MalformedError(f"length field {length}, found {len(raw)} bytes")
    if fragment & 0x3FFF:
        raise MalformedError("a fragment")
    if checksum(raw[:20]):
        raise MalformedError("header checksum")
    if protocol == TCP:
        if len(raw) < 40 or len(raw) < 20 + (offset := raw[32] >> 4) * 4 or offset < 5:
            raise MalformedError("TCP header")
        ports = struct.unpack_from("!HH", raw, 20)
        return Packet(raw, source, target, protocol, ttl, ports, raw[33])
    if protocol == UDP:
        if len(raw) < 28 or struct.unpack_from("!H", raw, 24)[0] != len(raw) - 20:
            raise MalformedError("UDP header")
        return Packet(raw, source, target, protocol, ttl, struct.unpack_from("!HH", raw, 20))
    if protocol == ICMP:
        return _icmp(raw, source, target, ttl)
    raise MalformedError(f"protocol {protocol}, expected TCP, UDP or ICMP")


def _icmp(raw: bytes, source: bytes, target: bytes, ttl: int) -> Packet:
    if len(raw) < 28:
        raise MalformedError("ICMP header")
    kind = raw[20]
    if kind in (_ECHO, _ECHO_REPLY) and raw[21] == 0:
        (identifier,) = struct.unpack_from("!H", raw, 24)
        return Packet(raw, source, target, ICMP, ttl, (identifier, identifier))
    if kind in (_UNREACHABLE, _TIME_EXCEEDED):
        return Packet(raw, source, target, ICMP, ttl, (0, 0), quoted=_quoted(raw[28:]))
    raise MalformedError(f"ICMP type {kind}")


def _quoted(inner: bytes) -> tuple[bytes, bytes, int, tuple[int, int]]:
    if len(inner) < 28 or inner[0] != 0x45:
        raise MalformedError("an ICMP error that quotes no packet")
    protocol = inner[9]
    if protocol == ICMP:
        (identifier,) = struct.unpack_from("!H", inner, 24)
        ports = (identifier, identifier)
    elif protocol in (TCP, UDP):
        ports = struct.unpack_from("!HH", inner, 20)
    else:
        raise MalformedError(f"an ICMP error about protocol {protocol}")
    return inner[12:16], inner[16:20], protocol, ports


def next_hop(packet: Packet) -> bytes:
    """The packet with one from its time to live, which must be above 1."""
    (check,) = struct.unpack_from("!H", packet.raw, 10)
    check += 0x100  # RFC 1624: the field before lost 0x100, so the complement gains it
    check = (check & 0xFFFF) + (check >> 16)
    return b"".join(
        (
            packet.raw[:8],
            bytes((packet.ttl - 1,)),
            packet.raw[9:10],
            struct.pack("!H", check),
            packet.raw[12:],
        )
    )


def prohibited(packet: Packet, router: bytes) -> bytes | None:
    """The answer that ends an attempt at once: for a SYN or a datagram ICMP "administratively prohibited".

    A connect() then fails with "no route to host". TCP within a connection gets a reset. None where nothing
    may be answered (a reset, an ICMP error, a broadcast).
    """
    to_many = 224 <= packet.target[0] < 240 or packet.target == b"\xff\xff\xff\xff"
    if to_many or packet.quoted is not None or packet.source == packet.target:
        return None
    if packet.protocol == TCP and not packet.opens:
        return _reset(packet)
    if packet.protocol == ICMP and not packet.opens:
        return None
    return _error(packet, router, _UNREACHABLE, _PROHIBITED)


def time_exceeded(packet: Packet, router: bytes) -> bytes | None:
    """The answer to a packet whose time to live ends here, for traceroute; None to an ICMP error."""
    return None if packet.quoted is not None else _error(packet, router, _TIME_EXCEEDED, 0)


def _error(packet: Packet, router: bytes, kind: int, code: int) -> bytes:
    body = packet.raw[:_QUOTED]
    return _datagram(router, packet.source, ICMP, _checked(struct.pack("!BBHI", kind, code, 0, 0) + body, 2))


def _reset(packet: Packet) -> bytes | None:
    if packet.flags & _RST:
        return None
    (acknowledged,) = struct.unpack_from("!I", packet.raw, 28)
    if packet.flags & _ACK:
        numbers, flags = (acknowledged, 0), _RST
    else:
        numbers, flags = (0, next_sequence(packet)), _RST | _ACK
    source, target = packet.ports
    return _bare_segment(packet.target, packet.source, (target, source), numbers, flags)


def next_sequence(packet: Packet) -> int:
    """The number that the peer of a TCP packet's sender expects next, if it has all before."""
    (sequence,) = struct.unpack_from("!I", packet.raw, 24)
    payload = len(packet.raw) - 20 - (packet.raw[32] >> 4) * 4
    used: int = payload + bool(packet.flags & _SYN) + bool(packet.flags & _FIN)
    return int(sequence + used) & 0xFFFFFFFF


def reset(source: bytes, target: bytes, ports: tuple[int, int], sequence: int) -> bytes:
    """A TCP packet that ends a connection for the target, at the number that it expects next."""
    return _bare_segment(source, target, ports, (sequence, 0), _RST)


def _bare_segment(
    source: bytes, target: bytes, ports: tuple[int, int], numbers: tuple[int, int], flags: int
) -> bytes:
    segment = struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 0, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, TCP, len(segment))
    check = checksum(pseudo + segment)
    return _datagram(source, target, TCP, segment[:16] + struct.pack("!H", check) + segment[18:])


def _datagram(source: bytes, target: bytes, protocol: int, payload: bytes) -> bytes:
    header = _HEADER.pack(0x45, 0, 20 + len(payload), 0, 0, _TTL, protocol, 0, source, target)
    return _checked(header, 10) + payload


def _checked(data: bytes, at: int) -> bytes:
    return data[:at] + struct.pack("!H", checksum(data)) + data[at + 2 :]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071); 0 over data that holds its own."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
