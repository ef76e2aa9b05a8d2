"""Calls of the Code Interpreter API with botocore's signer and stream reader, and without its client.

The boto3 of a Lambda runtime can be older than the service, and then has no client for it; the signer, the
event stream and urllib3 it always has. Paths, headers and status codes: API model of bedrock-agentcore.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.eventstream import EventStreamBuffer
from botocore.session import get_session

SIGNING_NAME = "bedrock-agentcore"
# What a canary killed in the middle leaves ends by itself after this.
SESSION_TIMEOUT_SECONDS = 300
THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException"})
# A start waits for a machine: an answer that takes longer than this is asked for again, with one token.
_ANSWER_SECONDS = 120.0
_ATTEMPTS = 8
_LONGEST_PAUSE = 8.0


class ApiError(RuntimeError):
    """The service's own answer was an error; `code` is its name."""

    def __init__(self, operation: str, code: str, message: str, status: int) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.operation = operation
        self.code = code
        self.status = status


class NoAnswerError(RuntimeError):
    """No answer came: connections broke, or the time was over. `sent`: the service may have acted."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


class Pace:
    """At most `per_second` calls of each operation; after a throttle everybody waits a while."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, operation: str) -> None:
        """Blocks until it is this call's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next.get(operation, now))
            self._next[operation] = turn + self._interval
        time.sleep(turn - now)

    def hold(self, operation: str, seconds: float) -> None:
        """No call of this operation for so long."""
        with self._lock:
            self._next[operation] = max(self._next.get(operation, 0.0), time.monotonic() + seconds)


@dataclass
class Api:
    """The four calls of a canary. `left` gives the seconds until work must be over."""

    endpoint: str
    region: str
    left: Callable[[], float]
    pace: Pace
    # Until then (time.monotonic) a refusal may be rights that have not spread yet, and is asked again.
    settled: float = 0.0
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=32, ca_certs=os.environ.get("AWS_CA_BUNDLE"))
    )
    _credentials: Any = field(default_factory=lambda: get_session().get_credentials(), repr=False)

    def start(self, interpreter: str, name: str, token: str, left: Callable[[], float] | None = None) -> str:
        """The id of a new session; with a token that was given before, of the session that it started."""
        body = {"name": name, "sessionTimeoutSeconds": SESSION_TIMEOUT_SECONDS, "clientToken": token}
        path = f"/code-interpreters/{quote(interpreter, safe='')}/sessions/start"
        answer = self._call("StartCodeInterpreterSession", "PUT", path, body=body, left=left)
        return str(json.loads(answer)["sessionId"])

    def execute(self, interpreter: str, session: str, code: str) -> dict[str, Any]:
        """Runs Python code that may run twice; gives stdout, and the content when it failed."""
        path = f"/code-interpreters/{quote(interpreter, safe='')}/tools/invoke"
        body = {"name": "executeCode", "arguments": {"language": "python", "code": code}}
        header = {"x-amzn-code-interpreter-session-id": session}
        answer = self._call("InvokeCodeInterpreter", "POST", path, body=body, headers=header)
        return _result(answer)

    def status(self, interpreter: str, session: str) -> str:
        """READY or TERMINATED."""
        path = f"/code-interpreters/{quote(interpreter, safe='')}/sessions/get"
        answer = self._call("GetCodeInterpreterSession", "GET", path, query={"sessionId": session})
        return str(json.loads(answer)["status"])

    def stop(self, interpreter: str, session: str, left: Callable[[], float]) -> None:
        """Ends a session, or finds it ended; has until `left` says, longer than other work."""
        path = f"/code-interpreters/{quote(interpreter, safe='')}/sessions/stop"
        try:
            self._call(
                "StopCodeInterpreterSession", "PUT", path, query={"sessionId": session}, body={}, left=left
            )
        except ApiError as error:
            # 409: over already; 404: gone.
            if error.code not in ("ConflictException", "ResourceNotFoundException"):
                raise

    def _call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        left: Callable[[], float] | None = None,
    ) -> bytes:
        remaining = left or self.left
        url = f"{self.endpoint}{path}" + (f"?{urlencode(query)}" if query else "")
        problem: Exception = NoAnswerError(f"{operation}: the time was over before it was called", sent=False)
        attempt, waits, sent = 0, 0, False
        while remaining() > 0:
            self.pace.wait(operation)
            try:
                return self._once(operation, method, url, body, headers or {}, remaining())
            except ApiError as error:
                settling = _may_settle(error) and time.monotonic() < self.settled
                creating = _may_be_creating(error)
                if not (settling or creating) and error.code not in THROTTLED and error.status < 500:
                    raise
                problem = error
                attempt += not (settling or creating)
                waits += creating
            except urllib3.exceptions.HTTPError as error:
                sent = sent or not isinstance(error, urllib3.exceptions.NewConnectionError)
                text = f"{operation}: no answer: {type(error).__name__}: {error}"
                problem = NoAnswerError(text, sent=sent)
                attempt += 1
            if attempt >= _ATTEMPTS:
                break
            pause = min(_LONGEST_PAUSE, 0.25 * 2 ** min(attempt + waits, 8)) * random.uniform(0.5, 1.0)  # noqa: S311
            if isinstance(problem, ApiError) and problem.code in THROTTLED:
                self.pace.hold(operation, pause)
            time.sleep(max(0.0, min(pause, remaining())))
        raise problem

    def _once(
        self,
        operation: str,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        request = AWSRequest(method, url, data=data, headers={"Content-Type": "application/json", **headers})
        SigV4Auth(self._credentials.get_frozen_credentials(), SIGNING_NAME, self.region).add_auth(request)
        # The time for all of it, so that nothing outlives the function.
        limit = urllib3.Timeout(total=max(1.0, min(_ANSWER_SECONDS, seconds)))
        answer = self._pool.request(
            method, url, body=data, headers=dict(request.headers.items()), timeout=limit, retries=False
        )
        if answer.status >= 400:
            code = answer.headers.get("x-amzn-errortype", f"HTTP {answer.status}").split(":")[0]
            raise ApiError(operation, code, _message(answer.data), answer.status)
        return bytes(answer.data)


def from_environment(left: Callable[[], float], per_second: float, settle: float) -> Api:
    """The API of the function's own region, or of AWS_ENDPOINT_URL."""
    region = os.environ["AWS_REGION"]
    suffix = os.environ.get("URL_SUFFIX", "amazonaws.com")
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE")
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://bedrock-agentcore.{region}.{suffix}"
    )
    return Api(endpoint.rstrip("/"), region, left, Pace(per_second), time.monotonic() + settle)


def _may_settle(error: ApiError) -> bool:
    """New roles take seconds to spread through IAM: the caller's own, or the interpreter's at a start."""
    return error.code == "AccessDeniedException" or (
        error.code == "ValidationException" and error.operation == "StartCodeInterpreterSession"
    )


def _may_be_creating(error: ApiError) -> bool:
    """In VPC mode it takes minutes to become READY; how a start is refused until then is unrecorded."""
    return error.code == "ConflictException" and error.operation == "StartCodeInterpreterSession"


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body).get("message") or "no message")
    except (ValueError, AttributeError):
        return body[:200].decode(errors="replace") or "no message"


def _result(stream: bytes) -> dict[str, Any]:
    """The `result` events of a reply put together; an exception event is an ApiError."""
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    results = []
    for event in buffer:
        headers, payload = event.headers, json.loads(event.payload or b"{}")
        if headers.get(":message-type") != "event":
            code = str(headers.get(":exception-type") or headers.get(":error-code") or "Unknown")
            code = code[:1].upper() + code[1:]
            raise ApiError("InvokeCodeInterpreter", code, str(payload.get("message") or "no message"), 200)
        if headers.get(":event-type") == "result":
            results.append(payload)
    if not results:
        return {"isError": True, "content": "the reply's event stream had no result", "stdout": ""}
    return {
        "isError": any(one.get("isError") for one in results),
        "content": [part for one in results for part in one.get("content", [])],
        "stdout": "".join((one.get("structuredContent") or {}).get("stdout") or "" for one in results),
    }
