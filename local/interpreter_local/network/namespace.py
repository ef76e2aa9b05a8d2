"""Run as a script: makes the street's network namespace, hands its sockets over, and waits to be let go.

`python namespace.py FD`, where FD is one end of a socket pair. Standard library only: it starts for each
endpoint, and whatever it imports would be waited for.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys

OUTSIDE = "198.51.100.7"
# In this order on the socket: the device, then these.
PORTS = {"http": 80, "https": 443, "echo": 7}
SESSIONS_ROUTER, SESSIONS_MASK = "100.64.0.1", "255.192.0.0"
MTU = 65520

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI, _IFF_UP = 0x400454CA, 0x1, 0x1000, 0x1
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCSIFMTU = 0x8914, 0x8916, 0x891C, 0x8922


def enter(libc: ctypes.CDLL) -> None:
    """A new network namespace; without root also a user namespace in which we may set it up."""
    uid, gid = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNET if uid == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"no network namespace: {os.strerror(code)}")
    if uid != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def up(name: str, address: str = "", mask: str = "255.255.255.255", mtu: int = 0) -> None:
    """Sets an interface up, with an address if one is given (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        wire = name.encode()
        if address:
            for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
                data = struct.pack("16sHH4s8x", wire, socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(control, request, data)
        if mtu:
            fcntl.ioctl(control, _SIOCSIFMTU, struct.pack("16si20x", wire, mtu))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", wire, _IFF_UP))


def tun(name: str) -> int:
    """The descriptor of a new TUN device in this namespace: IPv4 packets, nothing before them."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        raise OSError(error.errno, f"/dev/net/tun is not usable: {error.strerror}") from error
    return device


def listening(port: int) -> socket.socket:
    """A TCP socket on the outside host's address."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((OUTSIDE, port))
    opened.listen(128)
    return opened


def main(channel: socket.socket) -> None:
    """Makes everything, sends it, and stays until the other end closes."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    try:
        enter(libc)
        device = tun("street0")
        up("lo")
        up("lo:1", OUTSIDE)
        up("street0", SESSIONS_ROUTER, SESSIONS_MASK, MTU)
        sockets = [listening(port) for port in PORTS.values()]
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((OUTSIDE, PORTS["echo"]))
    except OSError as error:
        channel.sendall(json.dumps({"error": error.strerror or str(error)}).encode())
        return
    forwards = True
    try:
        # What slirp4netns needs: packets go on to its device, and it finds the sessions behind ours.
        for path in ("ip_forward", "conf/all/proxy_arp"):
            with open(f"/proc/sys/net/ipv4/{path}", "w") as file:
                file.write("1")
    except OSError:
        forwards = False
    descriptors = [device, *(opened.fileno() for opened in (*sockets, datagrams))]
    socket.send_fds(channel, [json.dumps({"forwards": forwards}).encode()], descriptors)
    channel.recv(1)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
