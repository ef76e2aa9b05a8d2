"""Does the role reach its own prefix as declared, and nothing else in S3?

A refused read of an object that is not there says little: S3 answers 403 then, whoever asks, unless one may
list. So objects are put where the role must not get to, by whoever runs this, and are removed again; their
keys hold `interpreter-fleet-canary-`.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import ask
from interpreter_validation.clients import AwsError, code_of, words
from interpreter_validation.places import account_of, region_of
from interpreter_validation.result import ProbeError, ProbeResult, UntoldError
from interpreter_validation.session import Sessions
from interpreter_validation.settings import PATIENCE, Settings
from interpreter_validation.verdict import Verdict

NAME = "storage"
MARK = "interpreter-fleet-canary-"
_SMALL = 8
# S3 answered, and refused.
_DENIED = frozenset({"AccessDenied", "403", "AllAccessDisabled"})
# botocore's names of a connection that did not open.
# Without credentials, which the probe `identity` tells, S3 is not asked.
_SILENT = frozenset(
    {"ConnectionClosedError", "ReadTimeoutError", "ConnectTimeoutError", "NoCredentialsError"}
)
_UNREACHED = frozenset({"ConnectTimeoutError", "EndpointConnectionError"})
_CHANGES = ("put_object", "copy_object", "delete_object")
# The request was let through, and then there was nothing there.
_LET_THROUGH = frozenset({"NoSuchKey", "404", "MethodNotAllowed"})


@dataclass(frozen=True)
class Attempt:
    """One request and whether the declaration allows it; `resource` is for people."""

    label: str
    call: str
    arguments: dict[str, Any]
    allowed: bool

    def told(self) -> dict[str, Any]:
        return {"label": self.label, "call": self.call, "with": self.arguments}


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """Own prefix: get, put, delete, list as `access` says. Elsewhere these, copy and presign are refused."""
    nonce = f"{MARK}{sessions.run}-{secrets.token_hex(6)}"
    bucket = _bucket(record, settings)
    beside = _beside(record, settings, bucket) if bucket else []
    foreign = [one for one in _foreign(record, settings) if one[0] != bucket]
    with ExitStack() as cleaned:
        planted = _planted(sessions, settings, record, bucket, beside, nonce, cleaned)
        attempts = [
            *_own(record, nonce, planted),
            *_outside(record, bucket, nonce, [*((bucket or "", prefix) for prefix in beside), *foreign]),
        ]
        with sessions.shared(record.id, record.base) as session:
            found = ask(
                sessions,
                session,
                "storage",
                attempts=[one.told() for one in attempts],
                region=region_of(record),
                seconds=settings.seconds * PATIENCE,
            )
        kept = _removed(
            sessions, [one for one in attempts if one.call in _CHANGES and found[one.label]["allowed"]]
        )
    _judge(record, attempts, found)
    if kept:
        raise UntoldError(
            f"objects of this probe could not be removed: {'; '.join(kept)}", todo="remove them by hand"
        )
    if record.bucket and not planted:
        raise UntoldError(
            "everything was refused that must be, but reads were tried on objects that are not there",
            todo=f"allow s3:PutObject and s3:DeleteObject on arn:aws:s3:::{record.bucket}/*{MARK}* to whoever"
            " runs this, so that there is something to refuse",
        )
    detail = f"{sum(one.allowed for one in attempts)} requests worked, "
    detail += f"{sum(not one.allowed for one in attempts)} were refused, as declared"
    return ProbeResult(NAME, Verdict.PASS, detail if record.bucket else f"no storage declared: {detail}")


def _bucket(record: Record, settings: Settings) -> str | None:
    """In which bucket there is something beside it: its own; without storage, the first of its fleet."""
    fleets = sorted({one.bucket for one in settings.records if one.bucket and one.fleet == record.fleet})
    return record.bucket or next(iter(fleets), None)


def _beside(record: Record, settings: Settings, bucket: str) -> list[str]:
    """The bucket's root, a prefix that begins with the same letters, and prefixes of siblings."""
    prefix = record.prefix or ""
    siblings = sorted(
        {
            one.prefix
            for one in settings.records
            if one.bucket == bucket and one.prefix != prefix and one.prefix
        }
    )
    # All of a small fleet. Of a large one the next in the order of names, so that each is tried by somebody;
    # what policies say of the others, the probe `declared` reads.
    after = siblings if len(siblings) <= _SMALL else [one for one in siblings if one > prefix][:1]
    after = after or siblings[:1]
    return ["", *([_alike(prefix)] if prefix else []), *after]


def _alike(prefix: str) -> str:
    return f"{prefix.rstrip('/')}-{MARK}not/"


def places(record: Record) -> list[str]:
    """How the keys begin that this probe, for this interpreter, may leave when it is killed."""
    prefix = record.prefix or ""
    return [MARK, f"{prefix}{MARK}", _alike(prefix)] if record.bucket else []


def _foreign(record: Record, settings: Settings) -> list[tuple[str, str]]:
    names = [
        one.format(account=account_of(record), region=region_of(record)) for one in settings.other_buckets
    ]
    names += sorted({one.bucket for one in settings.records if one.bucket and one.bucket != record.bucket})[
        :1
    ]
    return [(name, "") for name in names]


def _own(record: Record, nonce: str, planted: bool) -> Iterator[Attempt]:
    if record.bucket is None:
        return
    bucket, prefix, access = record.bucket, record.prefix or "", record.access or "read"
    reads, writes = access != "write", access != "read"
    where = f"s3://{bucket}/{prefix}"
    yield Attempt(
        f"list {where}", "list_objects_v2", {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 1}, reads
    )
    if planted or not reads:
        yield Attempt(f"get {where}", "get_object", {"Bucket": bucket, "Key": f"{prefix}{nonce}"}, reads)
    yield Attempt(f"put {where}", "put_object", {"Bucket": bucket, "Key": f"{prefix}{nonce}-put"}, writes)
    yield Attempt(
        f"delete {where}", "delete_object", {"Bucket": bucket, "Key": f"{prefix}{nonce}-none"}, writes
    )


def _outside(
    record: Record, beside: str | None, nonce: str, places: list[tuple[str, str]]
) -> Iterator[Attempt]:
    yield Attempt("list all buckets", "list_buckets", {}, False)
    for bucket, prefix in places:
        where = f"s3://{bucket}/{prefix}"
        key = f"{prefix}{nonce}"
        at = {"Bucket": bucket, "Key": key}
        yield Attempt(
            f"list {where}", "list_objects_v2", {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 1}, False
        )
        yield Attempt(f"get {where}", "get_object", at, False)
        yield Attempt(f"get {where} by a presigned URL", "presigned_get", at, False)
        if bucket == beside:
            yield Attempt(f"put {where}", "put_object", {"Bucket": bucket, "Key": f"{key}-put"}, False)
            yield Attempt(f"delete {where}", "delete_object", {"Bucket": bucket, "Key": f"{key}-none"}, False)
        if bucket == record.bucket:
            yield Attempt(
                f"copy {where} to its own prefix",
                "copy_object",
                {"Bucket": bucket, "Key": f"{record.prefix}{nonce}-copy", "CopySource": f"{bucket}/{key}"},
                False,
            )


def _planted(
    sessions: Sessions,
    settings: Settings,
    record: Record,
    bucket: str | None,
    beside: list[str],
    nonce: str,
    cleaned: ExitStack,
) -> bool:
    """Whether an object lies in the own prefix and at each place beside it."""
    if bucket is None or not settings.plant:
        return False
    for prefix in (*([record.prefix] if record.prefix else []), *beside):
        try:
            cleaned.enter_context(_object(sessions.clients.s3, bucket, f"{prefix}{nonce}"))
        except AwsError as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code")
            if record.bucket and code in ("NoSuchBucket", "404"):
                raise ProbeError(
                    f"the bucket {record.bucket} of the record is not there",
                    expected=record.bucket,
                    seen=words(error),
                    todo="deploy the fleet's storage stack again, or name a bucket that exists in fleet.yaml",
                ) from error
            return False
    return True


@contextmanager
def _object(s3: Any, bucket: str, key: str) -> Iterator[None]:
    put = s3.put_object(Bucket=bucket, Key=key, Body=b"interpreter fleet canary")
    try:
        yield
    finally:
        leave_nothing(s3, bucket, key, put.get("VersionId"))


def leave_nothing(s3: Any, bucket: str, key: str, version: str | None) -> None:
    """Removes an object, or one version of it for good: else it would stay as an old one, and nobody could
    delete the bucket. Who may not do that leaves it to the bucket's lifecycle rule.
    """
    if version is None:
        s3.delete_object(Bucket=bucket, Key=key)
        return
    try:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    except AwsError as error:
        if code_of(error) != "AccessDenied":
            raise
        s3.delete_object(Bucket=bucket, Key=key)


def versions(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str | None, datetime]]:
    """(key, version, when) of all objects that begin so, of their old versions and of delete markers.

    Who may not see versions sees objects, and no version; who may see neither is told of the versions.
    """
    try:
        pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix))
    except AwsError as error:
        if code_of(error) != "AccessDenied":
            raise
        try:
            plain = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
        except AwsError:
            raise error from None
        for page in plain:
            yield from ((one["Key"], None, one["LastModified"]) for one in page.get("Contents", ()))
        return
    for page in pages:
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            yield one["Key"], one.get("VersionId"), one["LastModified"]


def _removed(sessions: Sessions, changed: list[Attempt]) -> list[str]:
    """Removes what the role could write, and what its deletes have left; what could not be removed."""
    kept = []
    s3 = sessions.clients.s3
    for one in changed:
        bucket, key = one.arguments["Bucket"], one.arguments["Key"]
        try:
            for found, version, _ in versions(s3, bucket, key):
                leave_nothing(s3, bucket, found, version)
        except AwsError as error:
            kept.append(f"s3://{one.arguments['Bucket']}/{one.arguments['Key']}: {words(error)}")
    return kept


def _judge(record: Record, attempts: list[Attempt], found: dict[str, Any]) -> None:
    answers = {one.label: found[one.label] for one in attempts}
    let = [
        one
        for one in attempts
        if not one.allowed and (answers[one.label]["allowed"] or answers[one.label]["code"] in _LET_THROUGH)
    ]
    if let:
        labels = ", ".join(one.label for one in let)
        raise ProbeError(
            f"allowed and not declared: {labels}",
            expected="AccessDenied",
            seen="; ".join(f"{one.label}: {answers[one.label]['said'] or 'let through'}" for one in let),
            todo=f"read the policies of {record.role_arn} and the bucket policy: one of them allows more than"
            f" {record.access or 'nothing'}"
            + (f" on s3://{record.bucket}/{record.prefix}" if record.bucket else "")
            + "; until then treat what lies there as readable by whoever may invoke this interpreter",
        )
    missing = [one for one in attempts if one.allowed and not answers[one.label]["allowed"]]
    unreached = [one for one in missing if answers[one.label]["code"] in _UNREACHED]
    if missing and unreached == missing:
        said = answers[missing[0].label]["said"]
        raise ProbeError(
            f"S3 is not reached from a session: {said}",
            expected=f"{record.access} on s3://{record.bucket}/{record.prefix}",
            seen=said,
            todo="give the interpreter's network a way to S3: in VPC mode an S3 gateway endpoint on the route"
            " table of its subnets, and an egress rule for port 443",
        )
    if missing and any(answers[one.label]["code"] in _SILENT for one in missing):
        said = sorted({answers[one.label]["said"] for one in missing})
        raise UntoldError(f"S3 gave no answer in a session: {'; '.join(said)}", todo="try again")
    if missing:
        raise ProbeError(
            f"declared and refused: {', '.join(one.label for one in missing)}",
            expected=f"{record.access} on s3://{record.bucket}/{record.prefix}",
            seen="; ".join(
                f"{one.label}: {answers[one.label]['code']}: {answers[one.label]['said']}" for one in missing
            ),
            todo=f"see whether the inline policy of {record.role_arn}, a boundary, a control policy,"
            " the bucket policy or the policy of a VPC endpoint takes it away, then deploy again",
        )
    if record.bucket is None:
        return
    # In front of somebody else's bucket: not there, or not reached, is no access either.
    unclear = [
        one
        for one in attempts
        if not one.allowed
        and one.arguments.get("Bucket") == record.bucket
        and answers[one.label]["code"] not in _DENIED
    ]
    if unclear:
        raise UntoldError(
            "neither allowed nor refused: "
            + "; ".join(
                f"{one.label}: {answers[one.label]['code']}: {answers[one.label]['said']}" for one in unclear
            ),
            todo="try again; S3 did not answer as it does to a request that is refused",
        )
