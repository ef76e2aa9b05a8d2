"""The network namespace of a session, set up before its privileges are gone: addresses, sockets, a device.

The sockets are the endpoint's to answer; the session only finds addresses on which somebody listens. What the
endpoint does not take is closed, and a connection is then refused at once. Structures: Linux,
include/uapi/linux/{if,route,if_tun}.h.
"""

import ctypes
import fcntl
import os
import socket
import struct

# Where the endpoint answers. The name server's address is recorded; the others lie beside it.
LISTENERS = {
    "dns": (socket.SOCK_DGRAM, "127.0.0.2", 53),
    "dns-tcp": (socket.SOCK_STREAM, "127.0.0.2", 53),
    "aws": (socket.SOCK_STREAM, "127.0.0.3", 443),
    "aws-http": (socket.SOCK_STREAM, "127.0.0.3", 80),
    "metadata": (socket.SOCK_STREAM, "169.254.169.254", 80),
}
DEVICE, MTU = "eth0", 65520
_SIOCADDRT, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x890B, 0x8913, 0x8914
_SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCSIFMTU, _TUNSETIFF = 0x8916, 0x891C, 0x8922, 0x400454CA
_IFF_UP, _IFF_TUN, _IFF_NO_PI, _RTF_UP = 0x1, 0x1, 0x1000, 0x1


def listeners() -> dict[str, socket.socket]:
    """Brings the loopback device up and gives its listening sockets, by name, non-blocking."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _up(control, "lo")
        _address(control, "lo:1", "169.254.169.254")
    return {name: _listen(kind, address, port) for name, (kind, address, port) in LISTENERS.items()}


def _listen(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(128)
    sock.setblocking(False)
    return sock


def tun(node: str, address: str) -> int:
    """Makes the device that carries all other traffic, with this address and the default route.

    The descriptor reads and writes IP packets. OSError where `node`, the machine's /dev/net/tun, cannot be
    used.
    """
    device = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("=16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            _address(control, DEVICE, address)
            fcntl.ioctl(control, _SIOCSIFMTU, struct.pack("=16si20x", DEVICE.encode(), MTU))
            _up(control, DEVICE)
            _default_route(control)
    except BaseException:
        os.close(device)
        raise
    return device


def _up(control: socket.socket, device: str) -> None:
    request = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("=16sH22x", device.encode(), 0))
    flags = struct.unpack("=16xH22x", request)[0] | _IFF_UP
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("=16sH22x", device.encode(), flags))


def _address(control: socket.socket, device: str, address: str) -> None:
    """Gives a device, or a label of it such as lo:1, one address and no neighbours."""
    for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.255")):
        fcntl.ioctl(control, request, struct.pack("=16s16s8x", device.encode(), _sockaddr(value)))


def _default_route(control: socket.socket) -> None:
    name = ctypes.create_string_buffer(DEVICE.encode())
    anywhere = _sockaddr("0.0.0.0")  # noqa: S104 - a destination
    route = struct.pack(
        "@L16s16s16sHhLPhPLLH",
        *(0, anywhere, anywhere, anywhere, _RTF_UP, 0, 0, 0, 0, ctypes.addressof(name), 0, 0, 0),
    )
    fcntl.ioctl(control, _SIOCADDRT, route)


def _sockaddr(address: str) -> bytes:
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
