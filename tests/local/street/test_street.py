"""The outside host as sessions see it: over the router, from an address of their own, and nothing else."""

import hashlib
import json
import os
import socket
import ssl
import textwrap
from pathlib import Path

import pytest

from interpreter_local.network import namespace
from interpreter_local.network.outside import MAX_FOR_ONE, PATTERN
from interpreter_local.network.public import own_addresses
from interpreter_local.network.street import open_street

from .conftest import until

FETCH = "import urllib.request as u; print(u.urlopen({!r}, timeout=5).read().decode())"
CONNECT = """
import socket
opened = socket.create_connection(({!r}, {}), 5)
print("connected", opened.recv(100))
"""


def test_http_names_the_peer_that_it_saw(session):
    one = session()

    answer = json.loads(one.run(FETCH.format("http://198.51.100.7/a/path?q=1")))

    assert (answer["method"], answer["path"], answer["query"]) == ("GET", "/a/path", "q=1")
    assert (answer["peer"], answer["host"]) == (one.address, "198.51.100.7")


def test_https_has_the_hosts_certificate(session, certificate):
    code = f"""
    import ssl, urllib.request as u
    context = ssl.create_default_context(cafile={str(certificate)!r})
    print(u.urlopen("https://198.51.100.7/", timeout=5, context=context).status)
    """
    assert session().run(textwrap.dedent(code)) == "200"


def test_port_7_echoes_over_tcp_and_udp(session):
    code = """
    import socket
    stream = socket.create_connection(("198.51.100.7", 7), 5)
    stream.sendall(b"one")
    print(stream.recv(100))
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.settimeout(5)
    datagram.sendto(b"two", ("198.51.100.7", 7))
    print(datagram.recv(100))
    """
    assert session().run(textwrap.dedent(code)).split() == ["b'one'", "b'two'"]


@pytest.mark.parametrize(
    "sent",
    ["b'GET / HTTP/1.1' + b'\\r\\nX:' * 100_000", "b'GET / HTTP/1.1\\r\\n\\r\\n' * 100_000"],
    ids=["endless-head", "requests-that-nobody-waits-for"],
)
def test_what_a_guest_sends_takes_no_room_without_end(session, sent):
    """The host is in the endpoint's process."""
    code = f"""
    import socket
    stream = socket.create_connection(("198.51.100.7", 80), 5)
    try:
        stream.sendall({sent})
        while stream.recv(65536):
            pass
        print("closed")
    except ConnectionError:
        print("closed")
    except TimeoutError:
        print("taken")
    """
    assert session().run(textwrap.dedent(code)) == "closed"


def test_a_download_of_20_mb_arrives_whole(session):
    code = """
    import hashlib, urllib.request as u
    reply = u.urlopen("http://198.51.100.7/bytes/20000000", timeout=30)
    print(hashlib.sha256(reply.read()).hexdigest())
    """
    expected = hashlib.sha256((PATTERN * (20_000_000 // len(PATTERN) + 1))[:20_000_000])

    assert session().run(textwrap.dedent(code)) == expected.hexdigest()


def test_an_upload_arrives_whole(session):
    code = """
    import json, urllib.request as u
    reply = u.urlopen("http://198.51.100.7/", data=bytes(5_000_000), timeout=30)
    print(json.load(reply)["received"])
    """
    assert session().run(textwrap.dedent(code)) == "5000000"


def test_a_closed_port_of_the_host_refuses(session):
    assert session().run(CONNECT.format("198.51.100.7", 8080)).startswith("ConnectionRefusedError")


def test_one_guest_cannot_take_every_connection(session):
    """Each connection is a descriptor of the endpoint's; beyond its share a guest is sent away."""
    greedy, other = session(), session()
    code = f"""
    import socket, time
    opened = [socket.create_connection(("198.51.100.7", 7), 5) for _ in range({MAX_FOR_ONE} + 20)]
    answered = 0
    for one in opened:
        try:
            one.sendall(b"x")
            answered += one.recv(1) == b"x"
        except ConnectionError:
            continue
    print(answered)
    """
    assert int(greedy.run(textwrap.dedent(code))) == MAX_FOR_ONE
    assert json.loads(other.run(FETCH.format("http://198.51.100.7/")))["peer"] == other.address


def test_a_session_that_ends_leaves_no_connection_behind(runner, session, descriptors):
    """Its end cannot say goodbye, for its device is gone; the router resets what it had open."""
    one = session()
    before = descriptors()
    code = """
    import socket, time
    opened = [socket.create_connection(("198.51.100.7", port), 5) for port in (7, 7, 80, 443)]
    opened[0].sendall(b"x")
    opened[0].recv(1)
    print("open")
    time.sleep(60)
    """
    one.start(textwrap.dedent(code))
    runner.run(until(lambda: descriptors() >= before + 4))

    one.kill()

    runner.run(until(lambda: descriptors() < before))  # its device, too


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_server_of_this_machine_is_not_reached(session, host, own_address):
    """Whether it listens on loopback or on every address."""
    with socket.create_server((host, 0)) as server:
        port = server.getsockname()[1]
        # The control: it is there for this machine.
        socket.create_connection((own_address if host == "0.0.0.0" else host, port), 5).close()

        said = session().run(CONNECT.format(own_address, port))

        assert said.startswith("OSError [Errno 113]"), said  # at once: no route to host


def test_sessions_do_not_reach_each_other(session):
    one, other = session(), session()
    serve = """
    import socket
    with socket.create_server(("0.0.0.0", 5000)) as server:
        server.settimeout(1.5)
        server.accept()
    """
    served = other.start(textwrap.dedent(serve))

    said = one.run("import time; time.sleep(0.5)\n" + CONNECT.format(other.address, 5000))

    assert said.startswith("OSError [Errno 113]"), said
    assert served().startswith("TimeoutError")


def test_a_session_cannot_use_anothers_address(session):
    """Both a packet from a forged address and the answer to it stay out."""
    one, other = session(), session()
    code = f"""
    import runpy, socket
    runpy.run_path({namespace.__file__!r})["up"]("eth0:1", {other.address!r})
    forged = socket.create_connection(("198.51.100.7", 80), 1, source_address=({other.address!r}, 0))
    """
    assert one.run(textwrap.dedent(code)).startswith("TimeoutError")
    assert one.port.counts["not the session's address"] > 0


@pytest.mark.parametrize(
    "address", ["10.0.2.2", "169.254.169.254", "192.168.0.1", "100.64.0.1", "240.0.0.1", "93.184.216.34"]
)
def test_nothing_else_is_reached_and_it_shows_at_once(session, address):
    """Without a way to the internet that holds for public addresses as well."""
    assert session().run(CONNECT.format(address, 80)).startswith("OSError [Errno 113]")


def test_ping_is_answered(session):
    code = """
    import socket
    ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ping.settimeout(5)
    ping.sendto(bytes.fromhex("0800f7fc00010002"), ("198.51.100.7", 0))
    print(ping.recv(100)[20])
    """
    assert session().run(textwrap.dedent(code)) == "0"  # an echo reply


def test_status_says_what_is_missing(street):
    assert not street.internet
    assert street.missing == (
        "internet in PUBLIC and VPC mode: /nonexistent/slirp4netns: No such file or directory",
    )


def test_nothing_is_left_of_a_street(runner, certificate, street, descriptors):
    async def once():
        opened = await open_street(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), slirp="/nonexistent/slirp4netns")
        opened.close()

    runner.run(once())
    before = descriptors()
    for _ in range(3):
        runner.run(once())

    assert descriptors() == before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [pid for pid in children if "namespace.py" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.fixture
def own_address():
    """An address of this machine beside loopback."""
    found = sorted(address for address in own_addresses() if not address.is_loopback)
    if not found:
        pytest.skip("this machine has loopback only")
    return str(found[0])
