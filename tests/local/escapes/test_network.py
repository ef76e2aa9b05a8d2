"""Sockets: of the machine, of other sessions, and of every family and protocol."""

import contextlib
import socket

import pytest

FAMILIES = [family for family in range(1, 47) if family not in (1, 2, 10, 16)]
SHUT = ("EPERM", "EACCES")


@pytest.mark.holds("full", "rootless")
def test_loopback_of_the_machine(session):
    """Nothing on the machine's loopback can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "localhost"):
            assert session.outcome(f"socket.create_connection(({address!r}, {port}), 2)") == "ECONNREFUSED"
        assert session.outcome(f"socket.create_connection(('::1', {port}), 2)") in (
            "ECONNREFUSED",
            "EADDRNOTAVAIL",
            "ENETUNREACH",
        )


@pytest.mark.holds("full", "rootless")
def test_addresses_of_the_machine_and_beyond(session):
    """No address of the machine, its network or the world can be reached in SANDBOX mode."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect(("192.0.2.1", 9))
            own = probe.getsockname()[0]
            assert session.outcome(f"socket.create_connection(({own!r}, {port}), 2)") == "ENETUNREACH"
    for address in ("192.0.2.1", "10.0.0.1", "169.254.0.1", "172.17.0.1"):
        assert session.outcome(f"socket.create_connection(({address!r}, 80), 2)") == "ENETUNREACH"
        assert session.outcome(f"socket.socket(2, 2).sendto(b'x', ({address!r}, 53))") == "ENETUNREACH"


@pytest.mark.holds("full", "rootless")
def test_sockets_of_another_session(fresh):
    """What listens in one session cannot be reached from another: TCP, UNIX, abstract."""
    one, other = fresh(), fresh()
    one.python(
        "a = socket.create_server(('127.0.0.1', 4711))\n"
        "b = socket.socket(1); b.bind('\\0there'); b.listen()\n"
        "c = socket.socket(1); c.bind('/tmp/there'); c.listen()"
    )
    assert one.outcome("socket.create_connection(('127.0.0.1', 4711), 2) and 'own'") == "own"

    assert other.outcome("socket.create_connection(('127.0.0.1', 4711), 2)") == "ECONNREFUSED"
    assert other.outcome("socket.socket(1).connect('\\0there')") == "ECONNREFUSED"
    assert other.outcome("socket.socket(1).connect('/tmp/there')") == "ENOENT"


@pytest.mark.holds("full", "rootless")
def test_unix_sockets_of_the_machine(session, tmp_path):
    """Neither abstract UNIX sockets of the machine nor those with a path can be reached."""
    for name in ("\0interpreter-escapes", str(tmp_path / "socket")):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen()
            assert session.outcome(f"socket.socket(1).connect({name!r})") in ("ECONNREFUSED", "ENOENT")


@pytest.mark.holds("full", "rootless")
def test_families(session):
    """There are no sockets of other families: no vsock, packet, Bluetooth, XDP, AF_ALG, TIPC, …"""
    tried = f"for family in {FAMILIES} for kind in (1, 2, 3, 5)"
    code = f"print(*[outcome(lambda: socket.socket(family, kind)) {tried}])"

    assert set(session.python(code).split()) == {"EAFNOSUPPORT"}


@pytest.mark.holds("full", "rootless")
def test_protocols(session):
    """Sockets speak TCP and UDP: others, for which the kernel would load modules, are not supported."""
    code = (
        "for family in (2, 10):\n"
        "    for kind in (1, 2, 3, 4, 5, 6, 10):\n"
        "        for protocol in (*range(256), 262):\n"
        "            made = outcome(lambda: socket.socket(family, kind, protocol) and (kind, protocol))\n"
        "            if isinstance(made, tuple): print(family, *made)"
    )
    usual = {
        f"{family} {kind} {protocol}"
        for family in (2, 10)
        for kind, protocol in ((1, 0), (1, 6), (2, 0), (2, 17))
    }
    ping = {"2 2 1", "10 2 58"}

    assert usual <= set(session.python(code).splitlines()) <= usual | ping


@pytest.mark.holds("full", "rootless")
def test_raw_sockets(session):
    """No packets can be made by hand."""
    for family, protocol in ((2, 1), (2, 6), (2, 17), (10, 58)):
        assert session.outcome(f"socket.socket({family}, socket.SOCK_RAW, {protocol})") == "EPERM"
    assert session.outcome("socket.socket(2, socket.SOCK_RAW, 255)") == "EPROTONOSUPPORT"


@pytest.mark.holds("full", "rootless")
def test_netlink(session):
    """Of netlink there are only the routing tables, and they cannot be changed."""
    others = "print(*[outcome(lambda: socket.socket(16, 3, protocol)) for protocol in range(1, 32)])"
    assert set(session.python(others).split()) == {"EPROTONOSUPPORT"}
    # RTM_NEWADDR 20 (a second address on lo), RTM_DELADDR 21, RTM_NEWROUTE 24, RTM_DELLINK 17.
    change = (
        "import struct\n"
        "def ask(kind, body):\n"
        "    s = socket.socket(16, 3, 0); s.bind((0, 0))\n"
        "    s.send(struct.pack('=IHHII', 16 + len(body), kind, 5, 1, 0) + body)\n"
        "    return errno.errorcode[-struct.unpack('=i', s.recv(4096)[16:20])[0]]\n"
        "ip = bytes([10, 9, 8, 7])\n"
        "address = struct.pack('=BBBBIHH4sHH4s', 2, 32, 0, 0, 1, 8, 2, ip, 8, 1, ip)\n"
        "route = struct.pack('=BBBBBBBBIHHI', 2, 0, 0, 0, 254, 3, 0, 1, 0, 8, 4, 1)\n"
        "link = struct.pack('=BBHiII', 0, 0, 0, 1, 0, 0)\n"
        "print(ask(20, address), ask(21, address), ask(24, route), ask(17, link))"
    )
    assert session.python(change) == "EPERM EPERM EPERM EPERM"


@pytest.mark.holds("full", "rootless")
def test_devices_of_the_network(session):
    """Network devices can be neither made nor changed."""
    down = (
        "import fcntl, struct\n"
        "print(outcome(lambda: fcntl.ioctl(socket.socket(2, 2), {}, struct.pack('=16sH22x', b'lo', 0))))"
    )
    for request in (0x8914, 0x8916, 0x8922, 0x890B):
        assert session.python(down.format(request)) in (*SHUT, "EFAULT", "EINVAL")
    assert session.outcome("open('/dev/net/tun', 'r+b')") == "ENOENT"


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize(
    "address",
    ["('127.0.0.2', 53)", "('127.0.0.3', 443)", "('127.0.0.3', 80)", "('169.254.169.254', 80)"],
)
def test_taking_the_place_of_the_endpoint(session, address):
    """A session cannot listen where the endpoint answers: names, AWS, credentials."""
    for kind in ("socket.SOCK_STREAM", "socket.SOCK_DGRAM"):
        bind = (
            f"s = socket.socket(2, {kind}); s.setsockopt(1, 2, 1); s.setsockopt(1, 15, 1)\n"
            f"print(outcome(lambda: s.bind({address})))"
        )
        assert session.python(bind) in ("EACCES", "EADDRINUSE")
