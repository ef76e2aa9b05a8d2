"""What a session may reach outside: public addresses, but never this machine nor its private networks."""

import array
import fcntl
import socket
import struct
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network

from .packets import Flow

# Stands for the internet: TEST-NET-2 (RFC 5737), so it is nobody's.
OUTSIDE = IPv4Address("198.51.100.7")
# The IANA special-purpose registry (RFC 6890 and its updates), multicast, and addresses under which cloud
# providers serve their machines' metadata within public ranges.
SPECIAL = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's WireServer
    )
)
_SIOCGIFCONF = 0x8912
_IFREQ = 16 + 24  # 64-bit Linux


def own_addresses() -> frozenset[IPv4Address]:
    """Every IPv4 address of this machine's interfaces, asked of the kernel now (netdevice(7))."""
    room = 64 * _IFREQ
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        while True:
            buffer = array.array("B", bytes(room))
            answer = fcntl.ioctl(asked, _SIOCGIFCONF, struct.pack("iP", room, buffer.buffer_info()[0]))
            used: int = struct.unpack("iP", answer)[0]
            if used < room:
                break
            room *= 2  # a buffer that was filled may have been too short
    # struct ifreq: the name in 16 bytes, then a sockaddr_in, whose address is at 4.
    found = buffer.tobytes()
    return frozenset(IPv4Address(found[at + 20 : at + 24]) for at in range(0, used, _IFREQ))


def refusal(
    flow: Flow, *, internet: bool, own: Callable[[], Iterable[IPv4Address]] = own_addresses
) -> str | None:
    """Why a flow does not leave the machine's sessions, or None: it may.

    `internet`: whether there is a way beyond the outside host.
    """
    if flow.address == OUTSIDE:
        return None
    if any(flow.address in network for network in SPECIAL):
        return f"{flow.address} is not a public address"
    if flow.address in own():
        return f"{flow.address} is this machine"
    return None if internet else "there is no way to the internet here"
