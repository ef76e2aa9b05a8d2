"""What is left of a fleet: sessions and objects of killed canaries, interpreters that nobody has any more.

An interpreter belongs to the fleet by its tag, or because a record has its base name and its execution role.
It is in the fleet when a record or a stack has its id. One that belongs and is not in it is a stray; while a
deployment runs there are such for a moment, so young ones are left alone. Only what `find` lists is removed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from interpreter_fleet.manifest import Record

from . import runs
from .clients import AwsError, Clients, code_of, words
from .places import FLEET_TAG as FLEET_TAG
from .probes import storage
from .quotas import custom_interpreters, ready_sessions
from .session import Session, Sessions, leftovers

# constructs: interpreter_fleet.naming; names are `<base>__<hash>`.
_SEPARATOR = "__"
# CloudFormation's own tag; unrecorded whether it is on interpreters on AWS, so it is only one of three hints.
_STACK_TAG = "aws:cloudformation:stack-name"


@dataclass(frozen=True)
class Left:
    """One thing that is left: a session, an interpreter or an object (`kind`), and why it is thought so.

    Of an object, `interpreter` is its version, "" if it has none.
    """

    kind: str
    id: str
    interpreter: str
    why: str
    name: str = ""

    @property
    def text(self) -> str:
        """One line."""
        what = (
            f"session {self.id} of {self.interpreter}" if self.kind == "session" else f"{self.kind} {self.id}"
        )
        return f"{what}: {self.why}"


@dataclass(frozen=True)
class Found:
    """What would be removed, and what could not be asked."""

    left: list[Left]
    problems: list[str]


def find(clients: Clients, recorded: Sequence[Record], fleet: str | None, older_than: timedelta) -> Found:
    """Lists, changes nothing. `fleet` None: every fleet. Raises AwsError when nothing can be listed."""
    before = datetime.now(UTC) - older_than
    left, problems = find_sessions(clients, recorded, before)
    ids = {record.id for record in recorded}
    objects, unasked = find_objects(clients, recorded, before)
    left += objects
    problems += unasked
    for one in custom_interpreters(clients):
        if one["codeInterpreterId"] in ids or one["createdAt"] > before:
            continue
        try:
            left += _stray(clients, one, recorded, fleet)
        except AwsError as error:
            problems.append(f"interpreter {one['codeInterpreterId']}: {words(error)}")
    return Found(left, problems)


def find_sessions(
    clients: Clients, recorded: Sequence[Record], before: datetime
) -> tuple[list[Left], list[str]]:
    """The sessions that canaries left on recorded interpreters, and what could not be asked.

    Of a run elsewhere only those that were started `before`: nobody can tell from here whether it lives.
    """
    left: list[Left] = []
    problems: list[str] = []
    for record in recorded:
        try:
            left += _sessions(clients, record.id, before)
        except AwsError as error:
            # A record without its interpreter is drift, which the canary tells; no session can be on it.
            if code_of(error) != "ResourceNotFoundException":
                problems.append(f"sessions of {record.base}: {words(error)}")
    return left, problems


def find_objects(
    clients: Clients, recorded: Sequence[Record], before: datetime
) -> tuple[list[Left], list[str]]:
    """What the storage probe of killed runs has left in buckets, and what could not be asked."""
    left: dict[tuple[str, str, str | None], Left] = {}
    problems: list[str] = []
    for bucket, prefix in dict.fromkeys((one.bucket, at) for one in recorded for at in storage.places(one)):
        assert bucket is not None, "a record without a bucket has no places"
        try:
            for key, version, changed in storage.versions(clients.s3, bucket, prefix):
                name = runs.NAME_PREFIX + key.rpartition(storage.MARK)[2]
                dead = runs.is_dead(name)
                if dead is False or (dead is None and changed > before):
                    continue
                why = "its run was killed" if dead else "a canary's, run elsewhere"
                left[bucket, key, version] = Left("object", f"s3://{bucket}/{key}", version or "", why)
        except AwsError as error:
            if code_of(error) == "NoSuchBucket":
                continue  # The canary tells.
            problems.append(f"objects of canaries in {bucket}: {words(error)}")
            break
    return list(left.values()), problems


def remove(clients: Clients, sessions: Sessions, found: Found) -> tuple[list[str], list[str]]:
    """Stops and deletes what was found: what is gone, and what could not be removed, one line each."""
    gone: list[str] = []
    kept: list[str] = []
    # Sessions first: an interpreter that has one cannot be deleted (unrecorded, the endpoint answers 409).
    for one in sorted(found.left, key=lambda one: one.kind != "session"):
        if one.kind == "session":
            if sessions.stop(Session(one.interpreter, one.id, one.name)):
                problem = _still_ready(sessions, one)
                (kept if problem else gone).append(one.text + problem)
            continue
        if one.kind == "object":
            bucket, _, key = one.id.removeprefix("s3://").partition("/")
            try:
                storage.leave_nothing(clients.s3, bucket, key, one.interpreter or None)
                gone.append(one.text)
            except AwsError as error:
                kept.append(f"{one.text}: {words(error)}")
            continue
        try:
            clients.control.delete_code_interpreter(codeInterpreterId=one.id)
            gone.append(one.text)
        except AwsError as error:
            if code_of(error) == "ResourceNotFoundException":
                gone.append(one.text)
            else:
                kept.append(f"{one.text}: {words(error)}")
    return gone, kept


def _still_ready(sessions: Sessions, one: Left) -> str:
    """Why a session whose stop was answered cannot be called gone; "" if it can."""
    try:
        left = sessions.still_ready(one.interpreter, lambda found: bool(found["sessionId"] == one.id))
    except AwsError as error:
        if code_of(error) == "ResourceNotFoundException":
            return ""
        return f"; whether it is over was not told: {words(error)}"
    return "; it is READY after it was stopped" if left else ""


def _sessions(clients: Clients, interpreter: str, before: datetime) -> Iterator[Left]:
    for one in leftovers(clients, interpreter):
        dead = runs.is_dead(one["name"])
        # Of a run that lives, here or perhaps elsewhere, and that will stop it itself.
        if dead is False or (dead is None and one["createdAt"] > before):
            continue
        why = "its run was killed" if dead else "a canary's, started elsewhere"
        yield Left("session", one["sessionId"], interpreter, f"{why} ({one['name']})", one["name"])


def _stray(
    clients: Clients, summary: dict[str, Any], recorded: Sequence[Record], fleet: str | None
) -> list[Left]:
    identifier, arn = summary["codeInterpreterId"], summary["codeInterpreterArn"]
    tags = clients.control.list_tags_for_resource(resourceArn=arn).get("tags", {})
    tagged = tags.get(FLEET_TAG)
    by_tag = tagged is not None and fleet in (None, tagged)
    twin = None if tagged else _recorded_twin(clients, summary, recorded)
    if not by_tag and twin is None:
        return []
    stacks = {tags[_STACK_TAG]} if _STACK_TAG in tags else set()
    stacks |= {record.stack for record in recorded if tagged in (None, record.fleet)}
    if _is_in_a_stack(clients, identifier, arn, sorted(stacks)):
        return []
    why = (
        f"tagged {FLEET_TAG}={tagged}, but no record and no stack has it"
        if by_tag
        else f"has the role and the name of {twin}, but no record and no stack has it"
    )
    sessions = [
        Left("session", one["sessionId"], identifier, "on an interpreter that is left", one.get("name", ""))
        for one in ready_sessions(clients.data, identifier)
    ]
    return [*sessions, Left("interpreter", identifier, identifier, why)]


def _recorded_twin(clients: Clients, summary: dict[str, Any], recorded: Sequence[Record]) -> str | None:
    """The base name of the record whose name and role an untagged interpreter has."""
    base = summary["codeInterpreterId"].rpartition("-")[0].rpartition(_SEPARATOR)[0]
    roles = {record.role_arn for record in recorded if record.base == base}
    if not roles:
        return None
    got = clients.control.get_code_interpreter(codeInterpreterId=summary["codeInterpreterId"])
    return base if got.get("executionRoleArn") in roles else None


def _is_in_a_stack(clients: Clients, identifier: str, arn: str, stacks: Sequence[str]) -> bool:
    for stack in stacks:
        try:
            pages = clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            for page in pages:
                for one in page["StackResourceSummaries"]:
                    if one.get("PhysicalResourceId") in (identifier, arn):
                        return True
        except AwsError as error:
            if not _says_there_is_none(error):
                raise
    for physical in (identifier, arn):
        try:
            if clients.cloudformation.describe_stack_resources(PhysicalResourceId=physical)["StackResources"]:
                return True
        except AwsError as error:
            if not _says_there_is_none(error):
                raise
    return False


def _says_there_is_none(error: BaseException) -> bool:
    return code_of(error) == "ValidationError" and "does not exist" in words(error)
