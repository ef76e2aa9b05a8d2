"""A service that answers as it is told, and a Lambda context whose time runs."""

import contextlib
import hashlib
import io
import json
import re
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from interpreter_local import eventstream

OPERATIONS = {
    "/sessions/start": "start",
    "/tools/invoke": "invoke",
    "/sessions/get": "get",
    "/sessions/stop": "stop",
}


class Service:
    """What a canary calls, and the address that CloudFormation is answered at.

    `before[operation]` is a list of functions: each call takes the first and does what it says, and a pair
    (status, error) that it gives is answered; "lost" does the work and cuts the line.
    """

    def __init__(self):
        self.before = defaultdict(list)
        self.calls = []
        self.sessions = {}
        self.tokens = {}
        self.replies = []
        self._nonces = {}
        self._lock = threading.Lock()

    @property
    def ready(self):
        return [one for one, status in self.sessions.items() if status == "READY"]

    def answer(self, operation, session, body):
        """JSON, or the bytes of a stream."""
        with self._lock:
            if operation == "start":
                session = self.tokens.setdefault(body["clientToken"], f"s{len(self.tokens)}")
                self.sessions.setdefault(session, "READY")
            elif operation == "stop":
                self.sessions[session] = "TERMINATED"
            elif operation == "get":
                return {"status": self.sessions[session]}
        if operation != "invoke":
            return {"sessionId": session}
        code, stdout = body["arguments"]["code"], ""
        if found := re.match(r"nonce = '(\w+)'", code):
            self._nonces[session] = found[1]
        else:
            stdout = hashlib.sha256(self._nonces[session].encode()).hexdigest()
        result = {"content": [], "structuredContent": {"stdout": stdout}, "isError": False}
        return eventstream.event("result", json.dumps(result).encode())


def handler_of(service):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self):
            url = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
            if url.path == "/cloudformation":
                service.replies.append(body)
                return self._send(200, b"")
            operation = next(name for path, name in OPERATIONS.items() if url.path.endswith(path))
            assert "Credential=AKIAEXAMPLE/" in self.headers["Authorization"]
            service.calls.append(operation)
            session = parse_qs(url.query).get("sessionId", [""])[0]
            session = session or self.headers.get("x-amzn-code-interpreter-session-id", "")
            told = service.before[operation].pop(0)() if service.before[operation] else None
            if isinstance(told, tuple):
                return self._send(told[0], json.dumps({"message": "as told"}).encode(), told[1])
            answer = service.answer(operation, session, body)
            if told == "lost":
                self.close_connection = True
                return None
            return self._send(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        do_POST = do_GET = do_PUT  # noqa: N815 - the names of http.server

        def _send(self, status, body, error=None):
            # Whoever asked may have gone.
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if error:
                    self.send_header("x-amzn-errortype", f"{error}:http://internal/")
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *arguments):
            """Tests read what the function prints, not this."""

    return Handler


@pytest.fixture
def service(monkeypatch):
    made = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(made))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    for name in ("AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def gate(service, monkeypatch):
    """`gate("one", seconds=60)` → what CloudFormation was answered; `kind=` and `before=` for an update."""
    from interpreter_fleet.in_lambda.interpreter_canary import gate as module

    def run(*bases, seconds=60.0, kind="Create", before=None, declared="d"):
        end = time.monotonic() + seconds
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: int((end - time.monotonic()) * 1000))
        event = {
            "RequestType": kind,
            "ResponseURL": f"{service.url}/cloudformation",
            "StackId": "stack",
            "RequestId": "0123456789",
            "LogicalResourceId": "Gate",
            "ResourceProperties": {
                "Interpreters": [{"Base": base, "Id": f"{base}__1-A"} for base in bases],
                "Declared": declared,
                "Settings": {"PerSecond": "1000", "Concurrency": "4", "Settle": "0.5"},
            },
        }
        if before is not None:
            event["PhysicalResourceId"] = before
        with contextlib.redirect_stdout(io.StringIO()):
            module.handler(event, context)
        return service.replies[-1]

    return run
