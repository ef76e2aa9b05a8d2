"""AWS as a session sees it: an ASGI application that lets through what the network mode allows.

Who may do what is decided by IAM behind it. Here is decided which endpoint a request is for (by its Host
header alone), that its signature names this endpoint, and that its key is one that AWS would know: MiniStack
takes account numbers and `test` for root, and answers administrative paths to anybody.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import parse_qsl

from . import replies
from .attachment import Attachment, Reach, Way
from .aws_names import SERVED, AwsName, parse

# Bodies are kept in memory until they are whole: a session may have so many bytes under way (a local limit).
MOST_BODY_BYTES = 256 * 1024**2
# Of what is no file's content all is read into objects before IAM has its say: 20 MB of empty elements kept
# everybody waiting for 9 seconds. DynamoDB takes 16 MB; a multipart upload of 10,000 parts is listed in 3 MB.
MOST_REQUEST_BYTES, MOST_DOCUMENT_BYTES = 16 * 1024**2, 4 * 1024**2
# Sessions send files to the interpreter's own API, too.
_WITH_FILES = "bedrock-agentcore"
_PIECE = 256 * 1024
# What is refused is refused before its body is read; the client may send it or not.
_CLOSE = {"connection": "close"}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request\s*,\s*"
    r"SignedHeaders=[A-Za-z0-9;_.-]+\s*,\s*Signature=[0-9a-f]{64}",
    re.ASCII,
)
_CREDENTIAL = re.compile(r"([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request", re.ASCII)
_PRESIGNED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
# Version 2, which boto3 still presigns with unless told otherwise.
_PRESIGNED_V2 = ("AWSAccessKeyId", "Signature", "Expires")
# In lower case, whatever means that a query is signed, in any version of signature.
_SIGNING = {name.lower() for name in (*_PRESIGNED, *_PRESIGNED_V2)} | {
    "x-amz-security-token",
    "x-amz-region-set",
}
_SINGLE = (
    b"host",
    b"authorization",
    b"content-length",
    b"content-type",
    b"x-amz-date",
    b"x-amz-security-token",
    b"x-amz-content-sha256",
    b"x-amz-copy-source",
    b"x-amz-target",
)
# What a request to S3 is about, when it is not about the bucket or object itself (S3 API reference).
_SUBRESOURCES = {
    *("accelerate", "acl", "analytics", "annotation", "attributes"),
    *("cors", "delete", "encryption", "intelligent-tiering", "inventory"),
    *("legal-hold", "lifecycle", "location", "logging", "metrics"),
    *("notification", "object-lock", "ownershipControls", "policy", "policyStatus"),
    *("publicAccessBlock", "replication", "requestPayment", "restore", "retention"),
    *("select", "tagging", "torrent", "uploadId", "uploads"),
    *("versioning", "versions", "website"),
}
# Said by a proxy or by MiniStack to itself; from a session they would be lies.
_DROPPED = re.compile(rb"x-forwarded-.*|forwarded|x-ministack-.*|x-localstack-.*|x-amz-request-route|upgrade")


@dataclass(frozen=True)
class Routed:
    """Where a request goes: `service` is the label in the endpoint's name, `path` as AWS reads it.

    For S3 the path names the bucket first, and `signed_path` is the one that the client signed. Version 2
    signatures are for a path that names the bucket in any case: `raw_path`.
    """

    service: str
    path: str
    signed_path: str
    raw_path: bytes
    way: Way


class Aws(Protocol):
    """The AWS behind the gateway (`ministack`)."""

    def usable(self, access_key: str, headers: dict[str, str], query: dict[str, list[str]]) -> bool:
        """Whether this is the key that the request will act under, and no root's."""

    def bucket_region(self, bucket: str) -> str | None:
        """Where a bucket is, whoever owns it; None when there is none."""

    async def forward(self, scope: Any, receive: Any, send: Any, routed: Routed) -> None:
        """Answers one ASGI request."""


@dataclass(frozen=True)
class _Signature:
    key: str
    # None in version 2, which signs neither.
    region: str | None
    service: str | None


class _Refused(Exception):  # noqa: N818 - not an error of ours
    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: str
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers, self.more = headers or {}, more
        self.service = "s3"


class Gateway:
    """One session's way to AWS."""

    def __init__(self, session: Attachment, reach: Reach, aws: Aws, source_ip: str = "127.0.0.1") -> None:
        self._session = session
        self._reach = reach
        self._aws = aws
        self._source_ip = source_ip
        self._room = _Room(2 * MOST_BODY_BYTES)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers one request."""
        headers = [(name, value) for name, value in scope["headers"] if not _DROPPED.fullmatch(name)]
        try:
            name, routed = self._route(scope, headers)
            size = _body_size(headers, _most_body(scope, routed.service), s3=routed.service == "s3")
        except _Unreachable as refused:
            await replies.text(send, 421, f"{refused}\n", _CLOSE)
            return
        except _Refused as refused:
            await _refuse(send, refused, headers)
            return
        forwarded = {
            **scope,
            "path": routed.path,
            "raw_path": routed.raw_path,
            "headers": headers,
            "client": (self._source_ip, 0),
            "server": (name.host, 443 if scope["scheme"] == "https" else 80),
        }
        async with self._room.taken(size):
            body = _Body(size, receive)
            await self._aws.forward(forwarded, body.receive, _in_pieces(send), routed)
            if body.exceeded:
                message = "The body has more bytes than were announced."
                await replies.s3_error(send, 400, "IncompleteBody", message, _CLOSE)

    def _route(self, scope: Any, headers: list[tuple[bytes, bytes]]) -> tuple[AwsName, Routed]:
        seen = [name for name, _ in headers]
        for single in _SINGLE:
            if seen.count(single) > 1:
                raise _Refused(
                    400, "InvalidRequest", f"{single.decode()} was sent {seen.count(single)} times"
                )
        plain = {name.decode("latin-1"): _decode(value) for name, value in headers}
        host = plain.get("host", "").strip()
        bare, _, port = host.partition(":")
        name = parse(bare, self._session.partition) if not port or port in ("80", "443") else None
        way = self._reach(name) if name is not None and name.service in SERVED else None
        if name is None or way is None:
            raise _Unreachable(f"{host or 'no host'} is not reachable in {self._session.mode} mode")
        query = _query(scope["query_string"])
        try:
            signature = _signature(plain, query)
            if signature is not None:
                self._check_signature(name, signature, plain, query)
            if name.service != "s3":
                return name, _other(name, scope, signature, way)
        except _Refused as refused:
            refused.service = name.service
            raise
        if len(about := sorted(_SUBRESOURCES & query.keys())) > 1:
            # As S3 does. MiniStack would authorize the one and do the other.
            raise _Refused(400, "InvalidArgument", f"Conflicting query string parameters: {', '.join(about)}")
        bucket, path = _s3_path(name, scope, signature, plain)
        self._check_region(name, bucket)
        raw: bytes = scope["raw_path"]
        if signature is not None and signature.service is None and name.bucket is not None:
            raw = f"/{bucket}".encode() + raw
        return name, Routed("s3", path, scope["path"], raw, way)

    def _check_region(self, name: AwsName, bucket: str) -> None:
        """A bucket of another region: S3 sends the client there; a SANDBOX session finds nobody there."""
        if name.region is None and self._session.mode != "SANDBOX":
            return
        home = self._aws.bucket_region(bucket) if bucket else None
        if home is not None and home != (name.region or self._session.region):
            raise _Refused(
                301,
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified endpoint. "
                "Please send all future requests to this endpoint.",
                {"x-amz-bucket-region": home},
                Endpoint=f"{bucket}.s3.{home}.amazonaws.com",
                Bucket=bucket,
            )

    def _check_signature(
        self, name: AwsName, signature: _Signature, headers: dict[str, str], query: dict[str, list[str]]
    ) -> None:
        if not self._aws.usable(signature.key, headers, query):
            if name.service != "s3":
                raise _Refused(
                    403, "InvalidClientTokenId", "The security token included in the request is invalid."
                )
            raise _Refused(
                403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
            )
        if signature.region is None and name.service == "s3":
            return
        if signature.service != SERVED[name.service]:
            raise _Refused(
                400,
                "AuthorizationHeaderMalformed",
                f"The authorization header is malformed; incorrect service '{signature.service}'. "
                f"This endpoint belongs to '{name.service}'.",
            )
        here = (
            signature.region == name.region
            if name.region is not None
            else self._reach(replace(name, region=signature.region)) is not None
        )
        if not here:
            expected = name.region or self._session.region
            raise _Refused(
                400,
                "AuthorizationHeaderMalformed",
                f"The authorization header is malformed; the region '{signature.region}' is wrong; "
                f"expecting '{expected}'",
                {"x-amz-bucket-region": expected},
                Region=expected,
            )


async def _refuse(send: Any, refused: _Refused, headers: list[tuple[bytes, bytes]]) -> None:
    back = {**_CLOSE, **refused.headers}
    if refused.service == "s3":
        await replies.s3_error(send, refused.status, refused.code, refused.message, back, **refused.more)
        return
    form = b"x-www-form-urlencoded" in dict(headers).get(b"content-type", b"")
    await replies.service_error(send, refused.status, refused.code, refused.message, back, form=form)


class _Unreachable(Exception):  # noqa: N818 - not an error of ours
    pass


def _other(name: AwsName, scope: Any, signature: _Signature | None, way: Way) -> Routed:
    if signature is None:
        # Narrower than AWS, where a few operations take no signature.
        raise _Refused(403, "MissingAuthenticationToken", "Missing Authentication Token")
    if re.match(r"/+_", scope["path"]):
        raise _Refused(404, "UnknownOperationException", f"no operation of {name.service} has this path")
    return Routed(name.service, scope["path"], scope["path"], scope["raw_path"], way)


def _s3_path(
    name: AwsName, scope: Any, signature: _Signature | None, headers: dict[str, str]
) -> tuple[str, str]:
    """Bucket, and path with the bucket first: S3 gets every request in this form, whatever its host was."""
    path: str = scope["path"]
    method: str = scope["method"]
    if name.bucket is None:
        if path.startswith("//") or not path.startswith("/"):
            raise _Refused(400, "InvalidURI", "Couldn't parse the specified URI.")
        bucket, _, key = path[1:].partition("/")
    else:
        bucket, key = name.bucket, path.removeprefix("/")
        path = f"/{bucket}/{key}"
    if bucket and not _BUCKET.fullmatch(bucket):
        raise _Refused(400, "InvalidBucketName", "The specified bucket is not valid.", BucketName=bucket)
    if signature is None:
        if not bucket and method in ("GET", "HEAD"):
            # Recorded: an anonymous GET is sent on to S3's page.
            raise _Refused(
                307,
                "TemporaryRedirect",
                "Please re-send this request to the specified temporary endpoint.",
                {"location": "https://aws.amazon.com/s3/"},
            )
        if not bucket or method not in ("GET", "HEAD"):
            # Narrower than S3, where a bucket may be open to anonymous writers.
            raise _Refused(403, "AccessDenied", "Access Denied")
    elif method == "POST" and not key and "multipart" in headers.get("content-type", "").lower():
        raise _Refused(
            403, "AccessDenied", "form uploads are not taken from sessions: sign the request itself"
        )
    return bucket, path


def _signature(headers: dict[str, str], query: dict[str, list[str]]) -> _Signature | None:
    """Whose signature a request carries, None for an anonymous one; read strictly, from one place."""
    authorization = headers.get("authorization", "")
    in_query = {key for key in query if key.lower() in _SIGNING}
    if authorization and in_query:
        raise _Refused(
            400,
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified",
        )
    if authorization:
        if not authorization.startswith("AWS4-HMAC-SHA256"):
            raise _Refused(
                400,
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. "
                "Please use AWS4-HMAC-SHA256.",
            )
        found = _AUTHORIZATION.fullmatch(authorization.strip())
        if found is None:
            raise _Refused(400, "AuthorizationHeaderMalformed", "The authorization header is malformed")
        return _Signature(found[1], found[3], found[4])
    if not in_query:
        return None
    values = {key: query[key] for key in in_query}
    once = all(len(value) == 1 for value in values.values())
    if once and in_query - {"x-amz-security-token"} == set(_PRESIGNED_V2):
        return _Signature(values["AWSAccessKeyId"][0], None, None)
    found = _CREDENTIAL.fullmatch(values.get("X-Amz-Credential", [""])[0])
    if (
        not once
        or not in_query <= {*_PRESIGNED, "X-Amz-Security-Token"}
        or not in_query >= set(_PRESIGNED)
        or values["X-Amz-Algorithm"] != ["AWS4-HMAC-SHA256"]
        or found is None
    ):
        raise _Refused(
            400,
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    return _Signature(found[1], found[3], found[4])


def _most_body(scope: Any, service: str) -> int:
    if service != "s3":
        return MOST_BODY_BYTES if service == _WITH_FILES else MOST_REQUEST_BYTES
    about = _SUBRESOURCES & _query(scope["query_string"]).keys()
    # An object, or a part of one.
    is_content = scope["method"] == "PUT" and about <= {"uploadId"}
    return MOST_BODY_BYTES if is_content else MOST_DOCUMENT_BYTES


def _body_size(headers: list[tuple[bytes, bytes]], most: int, *, s3: bool) -> int:
    """How many bytes the body may have: its length, or in chunks what S3's own framing makes of that."""
    given = dict(headers)
    written = given.get(b"content-length", b"0")
    if b"transfer-encoding" in given:
        # Without a length of its own a body must come in chunks that are signed or summed, as SDKs send them.
        if not s3 or b"x-amz-decoded-content-length" not in given:
            raise _Refused(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        written = given[b"x-amz-decoded-content-length"]
    size = int(written) if re.fullmatch(rb"[0-9]{1,15}", written) else -1
    if not 0 <= size <= most:
        raise _Refused(
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=written.decode("latin-1"),
            MaxSizeAllowed=str(most),
        )
    return size + size // 8 + 4096 if b"transfer-encoding" in given else size


def _query(raw: bytes) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for key, value in parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True):
        values.setdefault(key, []).append(value)
    return values


def _decode(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


class _Body:
    """A request's body, which ends for AWS as if the client were gone when more than announced comes."""

    def __init__(self, size: int, receive: Callable[[], Awaitable[Any]]) -> None:
        self._left = size
        self._receive = receive

    @property
    def exceeded(self) -> bool:
        return self._left < 0

    async def receive(self) -> Any:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.exceeded else message


def _in_pieces(send: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    """Sends big bodies piece by piece: a slow reader must not have all of it encrypted and queued at once."""

    async def sending(message: Any) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or len(body) <= _PIECE:
            await send(message)
            return
        view = memoryview(body)
        for start in range(0, len(body), _PIECE):
            more = start + _PIECE < len(body) or message.get("more_body", False)
            await send({**message, "body": bytes(view[start : start + _PIECE]), "more_body": more})
            await asyncio.sleep(0)

    return sending


class _Room:
    """So many bytes at a time; who comes with more waits for those before."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            async with self._changed:
                self._left += size
                self._changed.notify_all()
