"""Given a client that does not read on, hangs up or sends half a request, a session that goes on; no leak."""

import contextlib
import json
import os
import socket
import ssl
import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

BIG = "print('x' * 12_000_000)"


@pytest.fixture
def descriptors(endpoint_home):
    """How many files and connections the endpoint has open."""
    pid = json.loads((endpoint_home / "endpoint.json").read_text())["pid"]
    if not Path("/proc", str(pid), "fd").is_dir():
        pytest.skip("/proc does not tell here what a process has open")
    return lambda: len(os.listdir(f"/proc/{pid}/fd"))


@pytest.fixture
def sent(variables):
    """`sent(session, code)` → a connection on which executeCode was asked for, `cut` bytes before the end."""
    url = urlsplit(variables["AWS_ENDPOINT_URL"])
    context = ssl.create_default_context(cafile=variables["AWS_CA_BUNDLE"])

    def send(session, code, cut=0):
        path = f"/code-interpreters/{session['codeInterpreterIdentifier']}/tools/invoke"
        body = json.dumps({"name": "executeCode", "arguments": {"language": "python", "code": code}}).encode()
        headers = {
            "host": url.netloc,
            "content-length": str(len(body)),
            "x-amzn-code-interpreter-session-id": session["sessionId"],
        }
        request = AWSRequest("POST", f"{url.scheme}://{url.netloc}{path}", data=body, headers=headers)
        SigV4Auth(Credentials("123456789012", "local"), "bedrock-agentcore", "us-east-1").add_auth(request)
        head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in request.headers.items())
        raw = socket.create_connection((url.hostname, url.port), timeout=30)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection = context.wrap_socket(raw, server_hostname=url.hostname)
        message = head.encode() + b"\r\n" + body
        connection.sendall(message[: len(message) - cut])
        return connection

    return send


def hang_up(connection):
    """Without goodbye: the other side gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def back_to(count, descriptors):
    """Whether the endpoint has no more open than before, waiting up to ten seconds."""
    deadline = time.monotonic() + 10
    while descriptors() > count and time.monotonic() < deadline:
        time.sleep(0.05)
    return descriptors() <= count


def test_a_call_whose_client_hangs_up_runs_to_its_end(data, session, run, sent, descriptors):
    """Unrecorded. What the call changed is there for the next one, which waits for it."""
    one = session()
    run(one, "kept = 0")
    before = descriptors()
    begun = "until [ -e begun ]; do sleep 0.01; done; rm begun"
    for _ in range(3):
        connection = sent(one, "import time; open('begun', 'w'); time.sleep(0.2); kept += 1")
        waited = data.invoke_code_interpreter(**one, name="executeCommand", arguments={"command": begun})
        assert [event["result"]["isError"] for event in waited["stream"]] == [False]
        hang_up(connection)

    assert run(one, "print(kept)")["structuredContent"]["stdout"] == "3"
    assert back_to(before, descriptors)


def test_replies_that_nobody_reads_hold_nobody_up(session, run, sent, descriptors):
    one = session()
    run(one, "pass")
    before = descriptors()
    unread = [sent(one, BIG) for _ in range(3)]
    assert unread[0].recv(12) == b"HTTP/1.1 200"

    assert run(one, "print('next')")["structuredContent"]["stdout"] == "next"
    for connection in unread:
        hang_up(connection)
    assert run(one, "print('last')")["structuredContent"]["stdout"] == "last"
    assert back_to(before, descriptors)


def test_a_client_that_hangs_up_is_no_news(session, run, sent, endpoint_home):
    """Given a reply in many pieces, the rest is not sent to nobody, with a line in the log for each."""
    one = session()
    for _ in range(3):
        connection = sent(one, BIG)
        assert connection.recv(12) == b"HTTP/1.1 200"
        hang_up(connection)

    assert run(one, "print('next')")["structuredContent"]["stdout"] == "next"
    assert "socket.send() raised exception" not in (endpoint_home / "log").read_text()


def test_half_a_request_is_no_call(session, run, sent, descriptors):
    one = session()
    run(one, "kept = 'unchanged'")
    before = descriptors()

    hang_up(sent(one, "kept = 'changed'", cut=5))

    assert run(one, "print(kept)")["structuredContent"]["stdout"] == "unchanged"
    assert back_to(before, descriptors)


def test_streams_that_a_client_never_opens_or_closes_early_do_no_harm(data, session, run):
    one = session()
    arguments = {"language": "python", "code": BIG}
    never = data.invoke_code_interpreter(**one, name="executeCode", arguments=arguments)
    early = data.invoke_code_interpreter(**one, name="executeCode", arguments=arguments)
    early["stream"].close()

    assert run(one, "print('next')")["structuredContent"]["stdout"] == "next"
    with contextlib.closing(never["stream"]) as stream:
        [event] = stream
    assert len(event["result"]["structuredContent"]["stdout"]) == 12_000_000


def test_unicode_and_lone_surrogates_travel_through_the_whole_endpoint(raw, session):
    """JSON may hold what UTF-8 cannot: it comes back escaped as it went in."""
    one = session()
    body = '{"name":"readFiles","arguments":{"paths":["\\ud800","\u00e9\U0001f389\\u0000"]}}'.encode()

    status, _, reply = raw(
        "POST",
        f"/code-interpreters/{one['codeInterpreterIdentifier']}/tools/invoke",
        body,
        {"x-amzn-code-interpreter-session-id": one["sessionId"]}.items(),
    )

    assert status == 200
    assert b'"\\ud800: path holds a lone surrogate' in reply
    assert '"\u00e9\U0001f389\\u0000: path holds a null character'.encode() in reply
