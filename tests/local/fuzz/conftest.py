"""Requests as bytes on a connection, and what the endpoint has running."""

import contextlib
import http.client
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from interpreter_local import home as homes

# No reply within this time is a hang.
PATIENCE = 30


@pytest.fixture(scope="session")
def exchange(variables):
    """`exchange(bytes, method)` → status, headers and body of the reply; None if the connection is closed.

    TimeoutError if neither happens in time. With `half=True` the client goes away after its bytes.
    """
    address = urlsplit(variables["AWS_ENDPOINT_URL"])
    context = ssl.create_default_context(cafile=variables["AWS_CA_BUNDLE"])

    def send(data, method="POST", half=False, timeout=PATIENCE):
        plain = socket.create_connection((address.hostname, address.port), timeout=timeout)
        with plain, context.wrap_socket(plain, server_hostname=address.hostname) as connection:
            try:
                connection.sendall(data)
                if half:
                    return None
                with contextlib.closing(http.client.HTTPResponse(connection, method=method)) as reply:
                    reply.begin()
                    return reply.status, dict(reply.getheaders()), reply.read()
            except (http.client.BadStatusLine, ConnectionError, ssl.SSLError):
                return None

    return send


@pytest.fixture(scope="session")
def signed(variables, root_credentials):
    """`signed(request)` → its bytes, with a signature that is right."""
    address = urlsplit(variables["AWS_ENDPOINT_URL"])

    def sign(request, **headers):
        query = "&".join(f"{quote(key)}={quote(value, safe='')}" for key, value in request.query)
        target = request.path + (f"?{query}" if query else "")
        url = f"{variables['AWS_ENDPOINT_URL']}{target}"
        made = AWSRequest(
            request.method, url, data=request.body, headers={**request.headers, "Host": address.netloc}
        )
        SigV4Auth(root_credentials, "bedrock-agentcore", "us-east-1").add_auth(made)
        sent = {
            **dict(made.headers.items()),
            "Connection": "close",
            "Content-Length": str(len(request.body)),
            **headers,
        }
        lines = [
            f"{request.method} {target} HTTP/1.1",
            *(f"{key}: {value}" for key, value in sent.items() if value),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + request.body

    return sign


@pytest.fixture(scope="session")
def processes(endpoint_home, variables):
    """`processes()` → how many processes the endpoint has below itself."""
    endpoint = homes.Endpoint.read(endpoint_home)

    def count():
        parents = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        below, found = {endpoint.pid}, 0
        while new := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= new
            found += len(new)
        return found

    return count


@pytest.fixture(scope="session")
def ready_sessions(client):
    """`ready_sessions()` → the ids of the managed interpreter's sessions that run."""
    data = client("bedrock-agentcore")

    def find():
        one = {"codeInterpreterIdentifier": "aws.codeinterpreter.v1", "status": "READY", "maxResults": 100}
        reply = data.list_code_interpreter_sessions(**one)
        found = {item["sessionId"] for item in reply["items"]}
        while token := reply.get("nextToken"):
            reply = data.list_code_interpreter_sessions(**one, nextToken=token)
            found |= {item["sessionId"] for item in reply["items"]}
        return found

    return find


@pytest.fixture
def nothing_is_left(processes, ready_sessions):
    """After the test: no session and no process that was not there before."""
    sessions, before = ready_sessions(), processes()
    yield
    deadline = time.monotonic() + 20
    while (processes() > before or not ready_sessions() <= sessions) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ready_sessions() <= sessions
    assert processes() <= before
