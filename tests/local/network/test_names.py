"""The session's name server."""

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreter_local.network import names
from interpreter_local.network.attachment import Attachment, sandbox_reach

REACH = sandbox_reach(Attachment("123456789012", "us-east-1", "01M", "i", "arn:i", "SANDBOX"))
A, AAAA, TXT, IN = 1, 28, 16, 1


def query(name, kind=A, cls=IN, flags=0x0100, questions=1):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    header = struct.pack("!HHHHHH", 0xBEEF, flags, questions, 0, 0, 0)
    return header + labels + b"\0" + struct.pack("!HH", kind, cls)


@pytest.fixture
def lookup(runner):
    """`lookup(query)` → response code and addresses, None for no reply."""

    def run(message, resolver=None):
        reply = runner.run(names.Names(REACH, resolver=resolver).answer(message))
        if reply is None:
            return None
        number, flags, _, answers, _, _ = struct.unpack_from("!HHHHHH", reply)
        assert number == 0xBEEF
        assert flags & 0x8000
        assert len(reply) <= len(message) + 16 * answers
        return flags & 15, [
            socket.inet_ntoa(reply[len(reply) - 16 * n :][12:16]) for n in range(answers, 0, -1)
        ]

    return run


@pytest.mark.parity(
    "SANDBOX: S3 of the session's region resolves and answers", seen="recorded", by="network-probe"
)
def test_s3_of_the_region_is_at_the_gateway(lookup):
    assert lookup(query("Bucket.S3.us-east-1.AmazonAWS.com")) == (0, [names.GATEWAY])


@pytest.mark.parity(
    "SANDBOX: other names of AWS resolve, nothing answers there (on AWS it times out, here it is refused)",
    seen="recorded",
    by="network-probe",
)
@pytest.mark.parametrize("name", ["sts.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"])
def test_what_is_not_reachable_resolves_to_where_nobody_listens(lookup, name):
    assert lookup(query(name)) == (0, [names.NOBODY])


@pytest.mark.parity("SANDBOX: no other name resolves", seen="recorded", by="network-probe")
@pytest.mark.parametrize("name", ["example.com", "pypi.org", "localhost", "amazonaws.com"])
def test_no_other_name_exists(lookup, name):
    assert lookup(query(name)) == (3, [])


@pytest.mark.parametrize("kind", [AAAA, TXT])
def test_names_of_aws_have_addresses_of_version_4_only(lookup, kind):
    assert lookup(query("s3.us-east-1.amazonaws.com", kind)) == (0, [])


def test_other_names_are_asked_of_the_resolver_if_there_is_one(lookup):
    async def resolver(name):
        return ["198.51.100.7"] if name == "outside.test" else None

    assert lookup(query("outside.test"), resolver) == (0, ["198.51.100.7"])
    assert lookup(query("inside.test"), resolver) == (3, [])


def test_a_resolver_that_fails_is_a_server_failure(lookup):
    async def resolver(name):
        raise TimeoutError

    assert lookup(query("outside.test"), resolver) == (2, [])


def test_other_operations_are_not_implemented(lookup):
    assert lookup(query("s3.amazonaws.com", flags=0x2800)) == (4, [])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 11,
        query("s3.amazonaws.com")[:-3],
        query("s3.amazonaws.com", questions=0),
        query("s3.amazonaws.com", questions=2),
        query("s3.amazonaws.com", flags=0x8100),
        query("s3.amazonaws.com")[:12] + b"\xc0\x0c\0\1\0\1",
        query("x." * 200 + "amazonaws.com"),
    ],
    ids=["empty", "short", "cut", "no question", "two questions", "a reply", "a pointer", "long"],
)
def test_what_is_malformed_gets_no_reply(lookup, message):
    assert lookup(message) is None


@given(st.binary(max_size=600))
def test_whatever_comes_the_reply_is_little_more_than_the_query(message):
    reply = asyncio.run(names.Names(REACH).answer(message))
    assert reply is None or len(reply) <= len(message) + 16


def test_over_udp(runner):
    async def exchange():
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("127.0.0.1", 0))
        bound.setblocking(False)
        address = bound.getsockname()
        transport = await names.serve_udp(bound, names.Names(REACH))
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asking.setblocking(False)
        try:
            loop = asyncio.get_running_loop()
            await loop.sock_sendto(asking, b"not a query", address)
            await loop.sock_sendto(asking, query("s3.amazonaws.com"), address)
            return await asyncio.wait_for(loop.sock_recv(asking, 512), 5)
        finally:
            asking.close()
            transport.close()

    assert runner.run(exchange()).endswith(socket.inet_aton(names.GATEWAY))


def test_over_tcp_one_connection_takes_many_queries_in_any_pieces(opened):
    async def exchange(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = [query("s3.amazonaws.com"), query("example.com")]
        for byte in b"".join(len(one).to_bytes(2, "big") + one for one in asked):
            writer.write(bytes([byte]))
            await writer.drain()
        replies = []
        for _ in asked:
            length = int.from_bytes(await reader.readexactly(2), "big")
            replies.append(await reader.readexactly(length))
        writer.write(b"\xff\xff")
        rest = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return replies, rest

    replies, rest = opened(lambda lost: names.OverTcp(names.Names(REACH), lost), exchange)
    assert [reply[3] & 15 for reply in replies] == [0, 3]
    assert rest == b""
