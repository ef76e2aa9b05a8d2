"""Connections: how many, and under which names TLS is spoken."""

import asyncio
import contextlib
import ssl

import pytest

from interpreter_local import tls
from interpreter_local.network import replies, serving
from interpreter_local.network.attachment import Attachment, sandbox_reach
from interpreter_local.network.certificates import Certificates

REACH = sandbox_reach(Attachment("123456789012", "us-east-1", "01M", "i", "arn:i", "SANDBOX"))


async def greet(scope, receive, send):
    await replies.text(send, 200, "hello")


@pytest.fixture(scope="module")
def authority():
    return tls.Authority("sessions")


@pytest.fixture
def handshake(opened, authority, tmp_path):
    """`handshake(name)` → the names in the certificate that a client who trusts the bundle is shown."""
    bundle = tls.write_bundle(tmp_path / "trusted.pem", authority)
    contexts = Certificates(authority)

    def run(name):
        client = ssl.create_default_context(cafile=bundle)

        async def connect(port):
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
            names = [value for _, value in writer.get_extra_info("peercert")["subjectAltName"]]
            writer.close()
            return names

        return opened(serving.http(greet), connect, context=lambda: contexts.context(REACH, "aws"))

    return run


@pytest.mark.parametrize(
    "name",
    [
        "s3.us-east-1.amazonaws.com",
        "s3.amazonaws.com",
        "fleet-bucket.s3.us-east-1.amazonaws.com",
        "my.dotted.bucket.s3.us-east-1.amazonaws.com",
        f"{'b' * 63}.s3.dualstack.us-east-1.amazonaws.com",
    ],
)
def test_every_name_that_is_reached_has_a_certificate(handshake, name):
    assert f"*.{name.partition('.')[2]}" in handshake(name)


@pytest.mark.parametrize("name", ["sts.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "example.com"])
def test_other_names_have_none(handshake, name):
    with pytest.raises((ConnectionError, ssl.SSLError)):
        handshake(name)


def test_the_bundle_has_the_usual_roots_too(tmp_path, authority):
    context = ssl.create_default_context(cafile=tls.write_bundle(tmp_path / "trusted.pem", authority))
    assert context.cert_store_stats()["x509_ca"] > 100


def test_what_is_beyond_the_most_connections_waits(opened):
    async def use(port):
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in connections:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first = await asyncio.gather(*(read(reader) for reader, _ in connections))
        connections[0][1].close()
        later = await read(connections[2][0], 5)
        for _, writer in connections:
            writer.close()
        return first, later

    async def read(reader, seconds=0.3):
        try:
            return await asyncio.wait_for(reader.readuntil(b"hello"), seconds)
        except TimeoutError:
            return None

    first, later = opened(serving.http(greet), use, most=2)
    assert [reply is not None for reply in first] == [True, True, False]
    assert later


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Name: value\r\n" * 10_000,
        # A field costs memory also if it says nothing.
        b"GET / HTTP/1.1\r\n" + b"X:\r\n" * 3_000,
    ],
    ids=["target", "headers", "empty-headers"],
)
def test_a_head_has_an_end(opened, head):
    async def use(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        first = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        return first

    assert opened(serving.http(greet), use) == b"HTTP/1.1 400 Bad Request\r\n"


def test_requests_that_nobody_waits_for_end_the_connection(opened):
    """Each of those that wait costs memory; clients of AWS send one after the other's answer."""
    asked = []

    async def app(scope, receive, send):
        asked.append(scope["path"])
        await asyncio.sleep(0)
        await replies.text(send, 200, "hello")

    async def use(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 3)
        for _ in range(3):
            await asyncio.wait_for(reader.readuntil(b"hello"), 5)
        writer.write(b"GET /again HTTP/1.1\r\n\r\n" * 10_000)
        # It is closed while there is more to read.
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 5)
        writer.close()

    opened(serving.http(app), use)

    assert asked.count("/") == 3
    assert asked.count("/again") < 20


@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HTTP/1.1\r\nX-Name: ",
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
        b"\r\n",
    ],
    ids=["value", "name", "chunk-extension", "trailer", "nothing"],
)
def test_a_line_that_does_not_end_is_cut_off(opened, begun):
    """Given what the parser would collect for ever, the connection is closed after a bounded part of it."""

    async def use(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        piece = (b"\r\n" if begun == b"\r\n" else b"xx") * 8192
        taken = 0
        try:
            while taken < 80_000_000:
                writer.write(piece)
                await asyncio.wait_for(writer.drain(), 5)
                taken += len(piece)
        except ConnectionError:
            return taken
        finally:
            writer.close()

    assert opened(serving.http(greet), use) is not None


def test_a_long_body_is_none_of_that(opened):
    async def use(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
        await asyncio.wait_for(writer.drain(), 5)
        first = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        return first

    async def swallow(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await greet(scope, receive, send)

    assert opened(serving.http(swallow), use) == b"HTTP/1.1 200 OK\r\n"


def test_what_is_no_http_is_answered_and_cut_off(opened):
    async def use(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01 not http\r\n\r\n")
        reply = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return reply

    assert opened(serving.http(greet), use).startswith(b"HTTP/1.1 400 ")
