"""A proxy between a client and an endpoint that does to requests what a plan says, and remembers it.

It ends TLS with a certificate of its own, reads whole requests and replies, and knows of AWS what it takes to
name the operation. Errors and event-stream frames are microburst's: the shapes that AWS's models ask for.
"""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import re
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from microburst.eventstream import Mutation, build_message, mutate_frames
from microburst.protocols import render_error

from .faults import INVOKE, STOP, Plan, Request

_SCOPE = re.compile(rb"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_REST = (
    ("PUT", r"/code-interpreters/([^/]+)/sessions/start", "StartCodeInterpreterSession"),
    ("PUT", r"/code-interpreters/([^/]+)/sessions/stop", STOP),
    ("GET", r"/code-interpreters/([^/]+)/sessions/get", "GetCodeInterpreterSession"),
    ("POST", r"/code-interpreters/([^/]+)/sessions/list", "ListCodeInterpreterSessions"),
    ("POST", r"/code-interpreters/([^/]+)/tools/invoke", INVOKE),
    ("GET", r"/code-interpreters/([^/]+)", "GetCodeInterpreter"),
    ("POST", r"/code-interpreters", "ListCodeInterpreters"),
    ("GET", r"/tags/(.+)", "ListTagsForResource"),
)
# Error codes are the services' own; status None: what the model says.
_CODES = {
    "throttle": {
        "s3": ("SlowDown", 503),
        "ec2": ("RequestLimitExceeded", 503),
        "iam": ("Throttling", 400),
        "sts": ("Throttling", 400),
        "cloudformation": ("Throttling", 400),
        "": ("ThrottlingException", None),
    },
    "internal": {
        "bedrock-agentcore": ("InternalServerException", 500),
        "s3": ("InternalError", 500),
        "iam": ("ServiceFailure", 500),
        "": ("InternalFailure", 500),
    },
    "expired": {
        **dict.fromkeys(("s3", "iam", "sts", "ec2", "cloudformation"), ("ExpiredToken", 403)),
        "": ("ExpiredTokenException", 403),
    },
    "skewed": {
        "s3": ("RequestTimeTooSkewed", 403),
        **dict.fromkeys(("iam", "sts", "ec2", "cloudformation"), ("SignatureDoesNotMatch", 403)),
        "": ("InvalidSignatureException", 403),
    },
}
# How long "slow" takes; clients of these tests wait longer.
SLOW_SECONDS, LATE_SECONDS = 0.4, 0.8


@dataclass
class Message:
    """A request or a reply: its first line, its headers as they came, its body."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def encoded(self, body: bytes | None = None) -> bytes:
        """With a length instead of chunks; `body` is the one to announce and send."""
        sent = self.body if body is None else body
        kept = [one for one in self.headers if one[0].lower() not in _FRAMING]
        kept.append(("content-length", str(len(sent))))
        return self.head(kept) + sent

    def head(self, headers: list[tuple[str, str]]) -> bytes:
        lines = [self.line, *(f"{key}: {value}" for key, value in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_FRAMING = frozenset({"content-length", "transfer-encoding", "expect", "connection"})


@dataclass
class Proxy:
    """Runs in a thread of its own; `plan` may be changed at any time. `close` ends it.

    `url` and `bundle` (a file) are for clients. `asked` are the requests in their order with the fault that
    each had, `told` the lies that came to something: there was a hash to be replaced, say. `late` are those
    for which this machine was so slow by itself that a client may have given up, whatever their fault.
    """

    upstream: str
    upstream_bundle: str
    folder: Path
    plan: Plan = lambda request: None
    asked: list[tuple[Request, str | None]] = field(default_factory=list)
    told: list[tuple[Request, str]] = field(default_factory=list)
    late: list[tuple[Request, str | None]] = field(default_factory=list)
    # Sessions of which the first stop was a lie, and their interpreters.
    lied: dict[str, str] = field(default_factory=dict)
    url: str = ""

    @property
    def bundle(self) -> Path:
        return self.folder / "proxy.pem"

    def start(self) -> "Proxy":
        self._stopped: set[str] = set()
        self._serving = _certificate(self.folder)
        self._asking = ssl.create_default_context(cafile=self.upstream_bundle)
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True, name="proxy")
        self._thread.start()
        started.wait()
        return self

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def forget(self, plan: Plan) -> None:
        """A new plan, and nothing asked so far."""
        self.plan, self.asked, self.told, self.late = plan, [], [], []
        self.lied, self._stopped = {}, set()

    def _run(self, started: threading.Event) -> None:
        async def serve() -> None:
            self._stop = asyncio.Event()
            server = await asyncio.start_server(self._client, "127.0.0.1", 0, ssl=self._serving, limit=2**20)
            self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            started.set()
            await self._stop.wait()
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        with contextlib.closing(self._loop):
            self._loop.set_exception_handler(lambda loop, context: None)  # peers that vanish are the point
            self._loop.run_until_complete(serve())

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (message := await _read(reader, writer)) is not None:
                if not await self._answer(message, reader, writer):
                    break
        except (OSError, EOFError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client or the endpoint went away
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(
        self, message: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection goes on."""
        request = named(message)
        fault = self.plan(request)
        self.asked.append((request, fault))
        if fault == "refused":
            return False
        if fault == "half-open":
            await reader.read()
            return False
        if fault in _CODES or fault == "gateway":
            writer.write(_error(fault, request))
            return True
        if fault == "lying-stop":
            self.told.append((request, fault))
            if (session := _session(message)) not in self._stopped:
                self.lied[session] = request.about
            writer.write(_lie(message))
            return True
        if request.operation == STOP:
            self._stopped.add(_session(message))
        # A client that gives up does so before there is a reply.
        lateness = self._loop.call_later(LATE_SECONDS, self.late.append, (request, fault))
        try:
            reply = await self._ask(message)
        finally:
            lateness.cancel()
        ok = reply.line.split()[1].startswith("2")
        if fault == "lost":
            return False
        if fault == "withheld":
            await reader.read()
            return False
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        body = reply.body
        if fault == "cut" and body:
            writer.write(reply.encoded()[: -(len(body) + 1) // 2])
            await writer.drain()
            writer.close()
            return False
        if fault == "garbled" and ok:
            body = body[: len(body) // 2]
        elif fault in ("truncated", "checksum", "event-throttle", "event-internal", "empty") and ok:
            body = await _stream(fault, body)
        elif fault == "wrong-hash" and ok:
            body = await _wrong(body)
            if body != reply.body:
                self.told.append((request, fault))
        if message.line.startswith("HEAD "):
            writer.write(reply.head(reply.headers))
        elif "chunked" in reply.get("transfer-encoding") and fault is None:
            kept = [one for one in reply.headers if one[0].lower() != "connection"]
            writer.write(reply.head(kept) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        else:
            writer.write(reply.encoded(body))
        await writer.drain()
        return True

    async def _ask(self, message: Message) -> Message:
        where = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(
            where.hostname, where.port, ssl=self._asking, server_hostname=where.hostname, limit=2**20
        )
        try:
            kept = [one for one in message.headers if one[0].lower() not in ("expect", "connection")]
            writer.write(message.head([*kept, ("connection", "close")]) + message.body)
            await writer.drain()
            reply = await _read(reader, None, head_only=message.line.startswith("HEAD "))
            if reply is None:
                raise ConnectionResetError("the endpoint closed the connection")
            return reply
        finally:
            writer.transport.abort()


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None, *, head_only: bool = False
) -> Message | None:
    """A whole message; None at the end of the connection. Chunks of a request are kept as they are."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    message = Message(line, [(k, v.strip()) for k, _, v in (one.partition(":") for one in rest)])
    if writer is not None and message.get("expect").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if head_only:
        return message
    if "chunked" in message.get("transfer-encoding"):
        while True:
            size = await reader.readuntil(b"\r\n")
            chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
            # What goes to the service goes as it came; what comes from it is put together.
            message.body += size + chunk if writer is not None else chunk[:-2]
            if len(chunk) == 2:
                return message
    message.body = await reader.readexactly(int(message.get("content-length") or 0))
    return message


def named(message: Message) -> Request:
    """What a request asks for."""
    method, target, _ = message.line.split(" ", 2)
    where = urlsplit(target)
    found = _SCOPE.search(message.get("authorization").encode())
    service = found[1].decode() if found else ""
    if action := message.get("x-amz-target"):
        about = json.loads(message.body or b"{}")
        return Request(action.rpartition(".")[2], service, str(about.get("Path") or about.get("Name") or ""))
    if service == "bedrock-agentcore":
        for verb, pattern, operation in _REST:
            match = re.fullmatch(pattern, where.path.rstrip("/") or "/")
            if verb == method and match:
                return Request(operation, service, unquote(match[1]) if match.groups() else "")
    form = (
        parse_qs(message.body.decode("latin-1"))
        if message.get("content-type").startswith("application/x-www-form-urlencoded")
        else {}
    )
    if "Action" in form:
        return Request(form["Action"][0], service, (form.get("RoleName") or [""])[0])
    return Request(f"{service}:{method}", service, where.path)


def _error(fault: str, request: Request) -> bytes:
    if fault == "gateway":
        body = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
        return Message("HTTP/1.1 502 Bad Gateway", [("content-type", "text/html")], body).encoded()
    code, status = _CODES[fault].get(request.service) or _CODES[fault][""]
    status, headers, body = render_error(request.service, code, f"injected: {fault}", status)
    return Message(f"HTTP/1.1 {status} injected", list(headers.items()), body).encoded()


def _session(message: Message) -> str:
    return parse_qs(urlsplit(message.line.split(" ")[1]).query)["sessionId"][0]


def _lie(message: Message) -> bytes:
    where = urlsplit(message.line.split(" ")[1])
    body = json.dumps(
        {
            "codeInterpreterIdentifier": unquote(where.path.split("/")[2]),
            "sessionId": _session(message),
            "lastUpdatedAt": "2026-01-01T00:00:00.000000000Z",
        }
    ).encode()
    return Message("HTTP/1.1 200 OK", [("content-type", "application/json")], body).encoded()


async def _stream(fault: str, body: bytes) -> bytes:
    if fault == "empty":
        return b""
    if fault == "truncated":
        return await _mutated(body, Mutation(0, cut=0.6))
    if fault == "checksum":
        return await _mutated(body, Mutation(0, bad_crc=True))
    # The exceptions that the operation's model declares in its stream.
    name = {"event-throttle": "throttlingException", "event-internal": "internalServerException"}[fault]
    headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
    return await _mutated(body, Mutation(0, error=build_message(headers, b'{"message":"injected"}')))


async def _wrong(body: bytes) -> bytes:
    """Another hash of 64 digits than the one that is there; unchanged without one."""
    found = re.search(rb"[0-9a-f]{64}", body)
    if not found:
        return body
    at = body.index(b"{", 12)
    headers_end = 12 + int.from_bytes(body[4:8])
    payload = body[max(at, headers_end) : int.from_bytes(body[:4]) - 4]
    return await _mutated(body, Mutation(0, payload=payload.replace(found[0], b"0" * 64)))


async def _mutated(body: bytes, change: Mutation) -> bytes:
    async def whole():
        yield body

    return b"".join([part async for part in mutate_frames(whole(), [change])])


def _certificate(folder: Path) -> ssl.SSLContext:
    """For 127.0.0.1, signed by itself, in `proxy.pem` for clients to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fault proxy")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "proxy.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "proxy.key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "proxy.pem", folder / "proxy.key")
    return context
