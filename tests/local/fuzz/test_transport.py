"""Broken HTTP: the endpoint refuses it or closes the connection, promptly, and serves the next one."""

import time

import pytest

from .strategies import MANAGED, Request

LIST = Request("POST", f"/code-interpreters/{MANAGED}/sessions/list", body=b"{}")
START = Request("PUT", f"/code-interpreters/{MANAGED}/sessions/start", body=b'{"name":"whole"}')


@pytest.fixture
def serves(exchange, signed):
    """Fails the test if the endpoint does not answer a whole request afterwards."""
    yield
    status, _, _ = exchange(signed(LIST))
    assert status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "-1"},
        {"Content-Length": "two"},
        {"Content-Length": "99999999999999999999999"},
        {"Content-Length": "1, 2"},
        {"Transfer-Encoding": "chunked", "Content-Length": ""},
        {"Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": "gzip, chunked"},
        {"Transfer-Encoding": "identity"},
        {"Expect": "200-maybe"},
        {"X-Odd": "a\x01b"},
        {"X-Many": "v" * 300_000},
        {"Bad Name": "v"},
        {"Content-Type": "application/xml; charset=nowhere"},
        {"Content-Encoding": "gzip"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=, Signature="},
        {"Authorization": "Basic AAAA"},
        {"Authorization": ""},
        {"X-Amz-Date": "yesterday"},
    ],
    ids=lambda headers: ", ".join(f"{key}: {value[:40]!r}" for key, value in headers.items()),
)
def test_wrong_headers_are_refused(exchange, signed, serves, headers):
    reply = exchange(signed(LIST, **headers), timeout=8)

    assert reply is None or 200 <= reply[0] < 500, reply


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%ZZ%00%ff?%=%&&=&=== HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"PUT /code-interpreters HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
        b"PUT /code-interpreters HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"POST /code-interpreters/x/tools/invoke HTTP/1.0\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET //code-interpreters/../../x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_bytes_that_are_no_request_are_refused(exchange, serves, data):
    reply = exchange(data, "GET", timeout=8)

    assert reply is None or 200 <= reply[0] < 500, reply


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}XX0\r\n\r\n",
        b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        b"1\r\n{\r\n1\r\n}\r\n0\r\nA: b\r\nno trailer\r\n\r\n",
    ],
    ids=lambda chunks: repr(chunks[:20]),
)
def test_bad_chunks_are_refused(exchange, signed, serves, chunks):
    """The signature is for the body `{}` that these chunks pretend to hold."""
    head, _, _ = signed(LIST, **{"Transfer-Encoding": "chunked", "Content-Length": ""}).partition(b"\r\n\r\n")

    reply = exchange(head + b"\r\n\r\n" + chunks, timeout=8)

    assert reply is None or 400 <= reply[0] < 500, reply


@pytest.mark.parametrize("kept", [10, 60, -1])
def test_a_request_that_stops_in_its_middle_starts_nothing(
    exchange, signed, serves, nothing_is_left, ready_sessions, kept
):
    before = ready_sessions()
    whole = signed(START)

    assert exchange(whole[:kept], half=True) is None

    time.sleep(0.3)
    assert ready_sessions() <= before


def test_a_body_of_another_length_than_it_says_is_cut_or_refused(exchange, signed, serves):
    """What follows the length that was said is no part of the body: it is another, broken request."""
    longer = signed(LIST) + b"and more"
    status, _, _ = exchange(longer)

    assert status == 200


def test_a_client_that_goes_away_leaves_no_session_behind_that_cannot_be_found(
    exchange, signed, serves, ready_sessions, client
):
    """The start goes on to its end, and the session is listed as any other."""
    before = ready_sessions()
    exchange(signed(START), half=True)

    deadline = time.monotonic() + 10
    while not (new := ready_sessions() - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    for one in new:
        client("bedrock-agentcore").stop_code_interpreter_session(
            codeInterpreterIdentifier=MANAGED, sessionId=one
        )
    assert len(new) <= 1
