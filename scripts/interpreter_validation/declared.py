"""Is what is deployed what was declared? Who else uses the fleet's names and roles?

The record says what was declared; the policies of the role are written again from it and compared statement
by statement, so that a finding can show the statement.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreter_fleet.manifest import Record
from interpreter_fleet.role_documents import storage_policy, trust_policy

from .bucket_policy import grants
from .clients import AwsError, Clients, code_of, is_telling, words
from .egress import undeclared_ways
from .pace import Pace
from .places import account_of, partition_of, region_of
from .result import ProbeError, ProbeResult
from .session import Sessions
from .settings import Settings
from .statements import in_words
from .verdict import Verdict

NAME = "declared"
STORAGE_POLICY = "storage"
_AGAIN = "deploy the fleet again: its record was written before this was recorded"


@dataclass(frozen=True)
class Drift:
    """One thing that is not as declared; `said` in words, where the values do not speak for themselves."""

    what: str
    expected: str
    seen: str
    todo: str
    said: str = ""

    @property
    def text(self) -> str:
        """For the one line of a finding."""
        return self.said or f"{self.what} is {self.seen}, declared is {self.expected}"


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """Status, mode, network, role, certificates, file systems, tags; the role's trust, policies, boundary;
    what policies of buckets and egress rules of security groups open beside them.
    """
    clients, pace = sessions.clients, sessions.pace
    got = _interpreter(clients, pace, record)
    drifts = list(_of_interpreter(record, got))
    untold: list[str] = []
    looks: tuple[Callable[[], Iterable[Drift]], ...] = (
        lambda: _of_tags(clients, pace, record),
        lambda: _of_role(clients, record, settings),
        lambda: _of_buckets(clients, record, settings),
        lambda: _of_egress(clients, record),
    )
    for look in looks:
        try:
            drifts += look()
        except AwsError as error:
            if is_telling(error):
                raise
            untold.append(words(error))
    if record.trust is None:
        untold.append("the record does not say which trust, boundary and tags were declared")
    if drifts:
        return ProbeResult(
            NAME,
            Verdict.FAIL,
            "; ".join(one.text for one in drifts),
            "; ".join(f"{one.what}: {one.expected}" for one in drifts),
            "; ".join(f"{one.what}: {one.seen}" for one in drifts),
            "; ".join(dict.fromkeys(one.todo for one in drifts)),
        )
    if untold:
        todo = _AGAIN if record.trust is None else "allow these calls to whoever runs this"
        return ProbeResult(NAME, Verdict.COULD_NOT_TELL, "; ".join(untold), todo=todo)
    return ProbeResult(NAME, Verdict.PASS)


def _interpreter(clients: Clients, pace: Pace, record: Record) -> dict[str, Any]:
    pace.wait("GetCodeInterpreter")
    replace = (
        f"CloudFormation will not notice by itself: change the description of {record.base} and deploy, which"
        f" replaces it, or destroy and deploy {record.stack}"
    )
    try:
        got = dict(clients.control.get_code_interpreter(codeInterpreterId=record.id))
    except AwsError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        raise ProbeError(
            f"{record.id} is not there, and {record.parameter} says that it is: {words(error)}",
            expected=f"{record.id}, READY",
            seen=words(error),
            todo=f"somebody deleted it beside its stack. {replace}",
        ) from error
    if got["status"] != "READY":
        reason = f": {got['failureReason']}" if got.get("failureReason") else ""
        raise ProbeError(
            f"status is {got['status']}, declared is READY{reason}",
            expected="READY",
            seen=f"{got['status']}{reason}",
            todo="wait if it is CREATING; " + replace,
        )
    return got


def _of_interpreter(record: Record, got: Mapping[str, Any]) -> Iterator[Drift]:
    network = got["networkConfiguration"]
    vpc = network.get("vpcConfig") or {}
    todo = (
        f"{record.id} was replaced or made by hand, or {record.parameter} was written by hand: deploy"
        f" {record.stack} again, and see in CloudTrail who did it"
    )
    pairs = (
        ("name", record.name, got["name"]),
        ("ARN", record.arn, got["codeInterpreterArn"]),
        ("network mode", record.network_mode, network["networkMode"]),
        ("execution role", record.role_arn, got.get("executionRoleArn") or "none"),
        ("subnets", _sorted(record.subnets), _sorted(vpc.get("subnets", ()))),
        ("security groups", _sorted(record.security_groups), _sorted(vpc.get("securityGroups", ()))),
        ("certificates", "none", _count(got.get("certificates"))),
        ("file systems", "none", _count(got.get("filesystemConfigurations"))),
    )
    for what, expected, seen in pairs:
        if expected != seen:
            yield Drift(what, expected, seen, todo)


def _of_tags(clients: Clients, pace: Pace, record: Record) -> list[Drift]:
    pace.wait("ListTagsForResource")
    tags = clients.control.list_tags_for_resource(resourceArn=record.arn).get("tags") or {}
    return [
        Drift(
            f"tag {key}",
            repr(value),
            repr(tags[key]) if key in tags else "missing",
            "tag it again: who may call it, and who pays, can depend on tags; a deployment alone does not",
        )
        for key, value in record.tags.items()
        if tags.get(key) != value
    ]


def _of_role(clients: Clients, record: Record, settings: Settings) -> list[Drift]:
    name = record.role_arn.rpartition("/")[2]
    try:
        role = clients.iam.get_role(RoleName=name)["Role"]
    except AwsError as error:
        if code_of(error) != "NoSuchEntity":
            raise
        todo = f"somebody deleted it beside its stack: destroy and deploy {record.stack}"
        return [Drift("execution role", record.role_arn, "not there", todo)]
    drifts = list(_of_trust(record, role))
    attached = clients.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    if attached:
        arns = _sorted(one["PolicyArn"] for one in attached)
        drifts.append(Drift("attached policies", "none", arns, f"detach {arns} from {name}"))
    names = clients.iam.list_role_policies(RoleName=name)["PolicyNames"]
    found = {
        one: _document(clients.iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"])
        for one in names
    }
    drifts += _of_policies(record, found, settings)
    return drifts


def _of_trust(record: Record, role: Mapping[str, Any]) -> Iterator[Drift]:
    if record.trust is None:
        return
    expected = trust_policy(
        partition=partition_of(record),
        region=region_of(record),
        account=account_of(record),
        base=record.base,
        trust=record.trust,
    )
    yield from _differences(
        "trust policy",
        expected,
        _document(role["AssumeRolePolicyDocument"]),
        (),
        f"whom {record.role_arn} trusts was changed by hand: take it back, and see in CloudTrail who did it"
        " (UpdateAssumeRolePolicy)",
    )
    boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or "none"
    declared = record.permissions_boundary or "none"
    if boundary != declared:
        call = (
            "PutRolePermissionsBoundary" if record.permissions_boundary else "DeleteRolePermissionsBoundary"
        )
        todo = f"put it back with iam:{call}, or declare it: {record.role_arn}"
        yield Drift("permissions boundary", declared, boundary, todo)


def _of_policies(record: Record, found: Mapping[str, dict[str, Any]], settings: Settings) -> Iterator[Drift]:
    declared: dict[str, dict[str, Any]] = {}
    if record.bucket and record.prefix and record.access:
        declared[STORAGE_POLICY] = storage_policy(
            partition=partition_of(record),
            account=account_of(record),
            bucket=record.bucket,
            prefix=record.prefix,
            access=record.access,
        )
    nothing: dict[str, Any] = {"Statement": []}
    todo = (
        f"the permissions of {record.role_arn} were changed by hand: take it back, and see in CloudTrail who"
        " did it (PutRolePolicy, DeleteRolePolicy)"
    )
    for name in sorted({*declared, *found}):
        yield from _differences(
            f"inline policy {name}",
            declared.get(name, nothing),
            found.get(name, nothing),
            [one for one in settings.records if one != record],
            todo,
        )


def _differences(
    what: str, expected: dict[str, Any], seen: dict[str, Any], others: Sequence[Record], todo: str
) -> Iterator[Drift]:
    wanted, got = _statements(expected), _statements(seen)
    if extra := sorted(got - wanted):
        said = "; ".join(
            f"{what} has a statement that is not declared: {in_words(one, others)}" for one in extra
        )
        yield Drift(what, "no such statement", ", ".join(extra), todo, said)
    if missing := sorted(wanted - got):
        said = "; ".join(f"{what} lacks a declared statement: {in_words(one, ())}" for one in missing)
        yield Drift(what, ", ".join(missing), "not there", todo, said)


def _of_buckets(clients: Clients, record: Record, settings: Settings) -> Iterator[Drift]:
    buckets = {one.bucket for one in settings.records if one.bucket and one.fleet == record.fleet}
    others = [one for one in settings.records if one != record]
    for bucket in sorted(buckets | ({record.bucket} if record.bucket else set())):
        try:
            policy = json.loads(clients.s3.get_bucket_policy(Bucket=bucket)["Policy"])
        except AwsError as error:
            if code_of(error) in ("NoSuchBucketPolicy", "NoSuchBucket"):
                continue  # A bucket that is gone is the matter of the probe `storage`.
            raise
        todo = (
            f"take the statement out of the policy of {bucket}, and see in CloudTrail who put it there"
            " (PutBucketPolicy)"
        )
        for said, statement in grants(record, policy, others):
            what = f"policy of bucket {bucket}"
            yield Drift(what, "no such statement", statement, todo, f"the {what} {said}")


def _of_egress(clients: Clients, record: Record) -> Iterator[Drift]:
    if record.network_mode != "VPC" or not record.reaches:
        return
    todo = (
        "take the rule back, or declare what it is for under `vpc.reaches`: code in a session can use every"
        " port that is open"
    )
    for group, said in undeclared_ways(clients.ec2, record):
        expected = f"egress to {', '.join(record.reaches)} and AWS"
        yield Drift(
            f"security group {group}", expected, said, todo, f"security group {group} lets out {said}"
        )


def _statements(document: Mapping[str, Any]) -> set[str]:
    """Each statement in one form, whatever the order of lists and keys, and without its Sid."""
    listed = document.get("Statement") or []
    statements = listed if isinstance(listed, list) else [listed]
    return {json.dumps(_canonical({k: v for k, v in one.items() if k != "Sid"})) for one in statements}


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        items = sorted({json.dumps(_canonical(one)) for one in value})
        return json.loads(items[0]) if len(items) == 1 else [json.loads(one) for one in items]
    return value


def _document(found: Any) -> dict[str, Any]:
    return dict(json.loads(found) if isinstance(found, str) else found)


def _sorted(found: Any) -> str:
    return ", ".join(sorted(found)) or "none"


def _count(found: Any) -> str:
    return json.dumps(found, default=str) if found else "none"
