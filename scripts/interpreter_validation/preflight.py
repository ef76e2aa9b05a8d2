"""Preflight: can this be deployed and proved, before anything is? Is there room, and is everything there?

Reads the synthesized assembly and asks the account. Without an assembly it judges the recorded fleet, as if a
deployment replaced all of it. Each question is one row; one that could not be asked is could-not-tell.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from interpreter_fleet.manifest import Record

from . import quotas
from .assembly import BUCKET, INTERPRETER, MAX_RESOURCES, ROLE, Change, Stack, change, reference, text
from .clients import AwsError, Clients, code_of, words
from .quotas import Limits, Row
from .verdict import Verdict

MANAGED = "aws.codeinterpreter.v1"
SERVICE = "bedrock-agentcore.amazonaws.com"
# The calls of the lifecycle canary on one interpreter, its look for leftovers included.
CANARY_CALLS = {
    "GetCodeInterpreter": 1,
    "StartCodeInterpreterSession": 4,
    "InvokeCodeInterpreter": 5,
    "StopCodeInterpreterSession": 4,
    "GetCodeInterpreterSession": 1,
    "ListCodeInterpreterSessions": 2,
}
# Recorded once, on AWS: from Create to READY in VPC mode; SANDBOX and PUBLIC are READY in the reply.
_VPC_SECONDS = 264.0
_METADATA = "InterpreterFleet"


@dataclass(frozen=True)
class Preflight:
    """The rows, and the seconds that the request rates alone demand."""

    rows: list[Row]
    forecast: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON report."""
        return {"rows": [row.to_dict() for row in self.rows], "forecast": self.forecast}


@dataclass(frozen=True)
class _Plan:
    """What a deployment does, over all stacks."""

    stacks: Sequence[Stack] = ()
    deployed: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    problem: str = ""
    fleet: int = 0
    vpc: bool = False

    def count(self, kind: str) -> tuple[int, int, int]:
        """How many of a type are created, replaced and deleted."""
        all_of_kind = [one[kind] for one in self.changes.values()]
        return (
            sum(len(one.creates) for one in all_of_kind),
            sum(len(one.replaces) for one in all_of_kind),
            sum(len(one.deletes) for one in all_of_kind),
        )


def check(
    clients: Clients,
    limits: Limits,
    *,
    stacks: Sequence[Stack] | None,
    recorded: Sequence[Record],
    concurrency: int,
    share: float,
) -> Preflight:
    """Every row that the assembly (None: there is none) and the account give. Never raises an AwsError."""
    plan = _recorded_plan(recorded) if stacks is None else _plan(clients, stacks)
    rows = [*_counts(clients, limits, plan, concurrency), *_rates(limits, plan, share)]
    if stacks is not None:
        rows += [*_stack_rows(plan), *_roles(clients, plan), *_checks(clients, plan)]
    return Preflight(rows, forecast(limits, plan, share))


def with_increases(clients: Clients, limits: Limits, result: Preflight) -> Preflight:
    """Asks Service Quotas for what is missing; the rows then say what came of it."""
    rows = []
    for row in result.rows:
        if row.kind == "count" and row.verdict is Verdict.FAIL:
            row = replace(row, detail=f"{row.detail}; {quotas.request_increase(clients, limits, row)}")
        rows.append(row)
    return Preflight(rows, result.forecast)


def forecast(limits: Limits, plan: _Plan, share: float) -> dict[str, Any]:
    """Seconds that the rates alone demand: what CloudFormation and sessions need comes on top."""
    creates, replaces, deletes = plan.count(INTERPRETER) if plan.changes else (0, plan.fleet, 0)
    per_second = limits.per_second
    canary = {name: calls * plan.fleet for name, calls in CANARY_CALLS.items()}
    needs = {name: calls / (per_second[name] * share) for name, calls in canary.items()}
    slowest = max(needs, key=lambda name: needs[name])
    return {
        "create": creates,
        "replace": replaces,
        "delete": deletes,
        "keep": max(0, plan.fleet - creates - replaces),
        "create_seconds": round(
            (creates + replaces) / per_second[quotas.CREATE]
            + (_VPC_SECONDS if plan.vpc and creates + replaces else 0.0),
            1,
        ),
        "delete_seconds": round((deletes + replaces) / per_second[quotas.DELETE], 1),
        "canary_seconds": round(needs[slowest], 1),
        "canary_bound_by": slowest,
        "canary_calls": canary,
    }


def _recorded_plan(recorded: Sequence[Record]) -> _Plan:
    return _Plan(fleet=len(recorded), vpc=any(one.network_mode == "VPC" for one in recorded))


def _plan(clients: Clients, stacks: Sequence[Stack]) -> _Plan:
    deployed: dict[str, Mapping[str, Any] | None] = {}
    changes, problem = {}, ""
    for stack in stacks:
        try:
            deployed[stack.name] = _deployed_template(clients, stack.name)
        except AwsError as error:
            # Then everything counts as new: more than is needed, never less.
            problem = words(error)
            deployed[stack.name] = None
        changes[stack.name] = change(stack.template, deployed[stack.name])
    changing = [
        stack.of_type(INTERPRETER)[key]
        for stack in stacks
        for key in (*changes[stack.name][INTERPRETER].creates, *changes[stack.name][INTERPRETER].replaces)
    ]
    return _Plan(
        stacks=stacks,
        deployed=deployed,
        changes=changes,
        problem=problem,
        fleet=sum(len(stack.of_type(INTERPRETER)) for stack in stacks),
        vpc=any(_network(one).get("NetworkMode") == "VPC" for one in changing),
    )


def _deployed_template(clients: Clients, stack: str) -> Mapping[str, Any] | None:
    try:
        body = clients.cloudformation.get_template(StackName=stack)["TemplateBody"]
    except AwsError as error:
        # CloudFormation has no code of its own for it.
        if code_of(error) == "ValidationError" and "does not exist" in words(error):
            return None
        raise
    # botocore parses JSON templates; the CDK makes no others. A stack of that name in YAML is not this one.
    return body if isinstance(body, Mapping) else None


def _counts(clients: Clients, limits: Limits, plan: _Plan, concurrency: int) -> Iterator[Row]:
    creates, replaces, deletes = plan.count(INTERPRETER) if plan.changes else (0, plan.fleet, 0)
    if plan.changes:
        detail = f"to create {creates}, replace {replaces}, delete {deletes}"
        detail += "; the replaced ones exist twice for a while" if replaces else ""
    else:
        detail = f"room for a deployment that replaces all {plan.fleet}"
    if plan.problem:
        detail += f"; all counted as new, the stacks could not be read: {plan.problem}"
    try:
        there = [one["codeInterpreterId"] for one in quotas.custom_interpreters(clients)]
    except AwsError as error:
        problem = f"the interpreters could not be listed: {words(error)}"
        yield quotas.count_row(
            limits, quotas.INTERPRETERS, used=None, planned=creates + replaces, detail=problem
        )
        yield quotas.count_row(limits, quotas.SESSIONS, used=None, planned=concurrency, detail=problem)
        return
    yield quotas.count_row(
        limits, quotas.INTERPRETERS, used=len(there), planned=creates + replaces, detail=detail
    )
    at_once = min(concurrency, max(plan.fleet, 1))
    try:
        used = quotas.count_sessions(clients, [MANAGED, *there], concurrency)
        detail = f"the canary opens {at_once} at once"
        yield quotas.count_row(limits, quotas.SESSIONS, used=used, planned=at_once, detail=detail)
    except AwsError as error:
        yield quotas.count_row(limits, quotas.SESSIONS, used=None, planned=at_once, detail=words(error))


def _rates(limits: Limits, plan: _Plan, share: float) -> Iterator[Row]:
    for operation in CANARY_CALLS:
        planned = limits.of(quotas.rate_name(operation))[0] * share
        detail = f"a second; the canary keeps under {share:.0%}"
        yield quotas.rate_row(limits, operation, planned=planned, detail=detail)
    creates, replaces, deletes = plan.count(INTERPRETER) if plan.changes else (0, plan.fleet, 0)
    for operation, number in ((quotas.CREATE, creates + replaces), (quotas.DELETE, deletes + replaces)):
        if number:
            limit = limits.of(quotas.rate_name(operation))[0]
            detail = f"a second; CloudFormation's {number} calls take at least {number / limit:.1f} s"
            yield quotas.rate_row(limits, operation, planned=min(limit, float(number)), detail=detail)


def _stack_rows(plan: _Plan) -> Iterator[Row]:
    """The fullest stack, and every other one that is too full."""
    by_size = sorted(plan.stacks, key=lambda one: len(one.template.get("Resources", {})), reverse=True)
    for position, stack in enumerate(by_size):
        planned = len(stack.template.get("Resources", {}))
        if position and planned <= MAX_RESOURCES:
            break
        verdict = Verdict.PASS if planned <= MAX_RESOURCES else Verdict.FAIL
        detail = "the fullest stack" if not position else "one more that is too full"
        if verdict is Verdict.FAIL:
            detail += "; spread the fleet over more stacks (shards)"
        yield Row(
            f"resources of stack {stack.name}",
            "stack",
            verdict,
            detail,
            limit=MAX_RESOURCES,
            used=0,
            planned=planned,
            source="documented limit",
            adjustable=False,
        )


def _roles(clients: Clients, plan: _Plan) -> Iterator[Row]:
    creates, replaces, deletes = plan.count(ROLE)
    detail = f"to create {creates}, replace {replaces}, delete {deletes}"
    try:
        summary = clients.iam.get_account_summary()["SummaryMap"]
    except AwsError as error:
        yield Row("IAM roles per account", "count", Verdict.COULD_NOT_TELL, words(error), planned=creates)
        return
    limit, used, planned = summary["RolesQuota"], summary["Roles"], creates + replaces
    verdict = Verdict.PASS if used + planned <= limit else Verdict.FAIL
    if verdict is Verdict.FAIL:
        detail = f"{limit - used} free, {planned} needed; {detail}; IAM's quota is raised in us-east-1"
    yield Row(
        "IAM roles per account",
        "count",
        verdict,
        detail,
        limit=limit,
        used=used,
        planned=planned,
        source="IAM account summary",
        adjustable=True,
    )


def _checks(clients: Clients, plan: _Plan) -> Iterator[Row]:
    try:
        caller = clients.sts.get_caller_identity()
    except AwsError as error:
        yield _check("account", Verdict.COULD_NOT_TELL, words(error))
        return
    account = caller["Account"]
    partition = caller["Arn"].split(":")[1]
    variables = {
        "AWS::AccountId": account,
        "AWS::Region": clients.region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
    }
    yield _environment(plan.stacks, account, clients.region)
    yield from _guarded("bootstrap", lambda: _bootstrap(clients, plan.stacks))
    yield from _guarded("role trust", lambda: _trust(clients, plan, variables))
    yield from _guarded("buckets", lambda: _buckets(clients, plan, variables))
    yield from _guarded("network", lambda: _networks(clients, plan, variables))


def _guarded(name: str, rows: Callable[[], Iterator[Row]]) -> list[Row]:
    try:
        return list(rows())
    except AwsError as error:
        return [_check(name, Verdict.COULD_NOT_TELL, words(error))]


def _check(name: str, verdict: Verdict, detail: str, source: str = "assembly and account") -> Row:
    return Row(name, "check", verdict, detail, source=source)


def _environment(stacks: Sequence[Stack], account: str, region: str) -> Row:
    wrong = [
        f"{stack.name} is for {stack.account or account}/{stack.region or region}"
        for stack in stacks
        if (stack.account or account, stack.region or region) != (account, region)
    ]
    if wrong:
        return _check("account and region", Verdict.FAIL, f"asked {account}/{region}, but {'; '.join(wrong)}")
    return _check("account and region", Verdict.PASS, f"{account}/{region}")


def _bootstrap(clients: Clients, stacks: Sequence[Stack]) -> Iterator[Row]:
    needed: dict[str, int] = {}
    for stack in stacks:
        if stack.bootstrap_parameter and stack.bootstrap_version:
            known = needed.get(stack.bootstrap_parameter, 0)
            needed[stack.bootstrap_parameter] = max(known, stack.bootstrap_version)
    for parameter, version in sorted(needed.items()):
        name = "CDK bootstrap"
        try:
            found = clients.ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
        except AwsError as error:
            if code_of(error) != "ParameterNotFound":
                raise
            yield _check(name, Verdict.FAIL, f"no parameter {parameter}; run cdk bootstrap first")
            continue
        if not found.isdecimal():
            yield _check(name, Verdict.COULD_NOT_TELL, f"{parameter} is {found!r}, expected a number")
        elif int(found) < version:
            detail = f"version {found}, the stacks need {version}; run cdk bootstrap again"
            yield _check(name, Verdict.FAIL, detail)
        else:
            yield _check(name, Verdict.PASS, f"version {found}, the stacks need {version}")


def _trust(clients: Clients, plan: _Plan, variables: Mapping[str, str]) -> Iterator[Row]:
    """Whether the service can assume each execution role on behalf of its interpreter, in this account."""
    trusted = 0
    for stack in plan.stacks:
        for key, interpreter in stack.of_type(INTERPRETER).items():
            verdict, detail = _trust_of(clients, stack, interpreter, variables)
            if verdict is Verdict.PASS:
                trusted += 1
            else:
                yield _check(f"role trust of {_label(key, interpreter)}", verdict, detail)
    if trusted:
        yield _check("role trust", Verdict.PASS, f"{trusted} roles trust {SERVICE} for this account")


def _trust_of(
    clients: Clients, stack: Stack, interpreter: Mapping[str, Any], variables: Mapping[str, str]
) -> tuple[Verdict, str]:
    properties = interpreter.get("Properties", {})
    given = properties.get("ExecutionRoleArn")
    if given is None:
        return Verdict.PASS, "no execution role"
    logical = reference(given)
    role = stack.of_type(ROLE).get(logical or "")
    if role is not None:
        document = role.get("Properties", {}).get("AssumeRolePolicyDocument", {})
    else:
        arn = text(given, variables)
        if arn is None:
            return Verdict.COULD_NOT_TELL, "the role is neither in the stack nor given by its ARN"
        try:
            got = clients.iam.get_role(RoleName=arn.rpartition("/")[2])
        except AwsError as error:
            if code_of(error) in ("NoSuchEntity", "NoSuchEntityException"):
                return Verdict.FAIL, f"role {arn} is not there"
            return Verdict.COULD_NOT_TELL, words(error)
        document = got["Role"]["AssumeRolePolicyDocument"]
    # Names end in a hyphen and ten characters that the service chooses.
    name = text(properties.get("Name"), variables)
    region, account = variables["AWS::Region"], variables["AWS::AccountId"]
    source = (
        f"arn:{variables['AWS::Partition']}:bedrock-agentcore:{region}:{account}"
        f":code-interpreter-custom/{name}-{'x' * 10}"
    )
    problems = []
    for statement in _list(document.get("Statement", [])):
        problem = _why_not(statement, source, account, variables)
        if problem is None:
            return Verdict.PASS, ""
        problems.append(problem)
    verdict = Verdict.COULD_NOT_TELL if any("not resolved" in one for one in problems) else Verdict.FAIL
    return verdict, "; ".join(problems) or "the trust policy has no statement"


def _why_not(
    statement: Mapping[str, Any], source: str, account: str, variables: Mapping[str, str]
) -> str | None:
    """Why a statement does not let the service in; None when it does."""
    principal = statement.get("Principal", {})
    services = _list(principal.get("Service", [])) if isinstance(principal, Mapping) else []
    actions = _list(statement.get("Action", []))
    if statement.get("Effect") != "Allow" or SERVICE not in services:
        return f"the trust policy names {_shown(principal)}, expected Service {SERVICE}"
    if not any(fnmatchcase("sts:assumerole", str(action).lower()) for action in actions):
        return f"the trust policy allows {_shown(actions)}, expected sts:AssumeRole"
    for operator, keys in statement.get("Condition", {}).items():
        for key, given in keys.items():
            asked = {"aws:sourceaccount": account, "aws:sourcearn": source}.get(key.lower())
            if asked is None:
                return f"condition {operator} {key} is not resolved"
            values = [text(one, variables) for one in _list(given)]
            if None in values:
                return f"condition {operator} {key} is not resolved: {_shown(given)}"
            like = "like" in operator.lower() or operator.lower() == "arnequals"
            if operator.lower().removesuffix("ifexists") not in _OPERATORS:
                return f"condition {operator} {key} is not resolved"
            if not any(_holds(asked, str(one), like=like) for one in values):
                return f"{key} is {_shown(values)}, which does not cover {asked.replace('x' * 10, '*')}"
    return None


_OPERATORS = frozenset({"stringequals", "stringlike", "arnlike", "arnequals"})


def _holds(asked: str, pattern: str, *, like: bool) -> bool:
    return fnmatchcase(asked, pattern.replace("[", "[[]")) if like else asked == pattern


def _buckets(clients: Clients, plan: _Plan, variables: Mapping[str, str]) -> Iterator[Row]:
    made: set[str] = set()
    for stack in plan.stacks:
        old = (plan.deployed.get(stack.name) or {}).get("Resources", {})
        for key, bucket in stack.of_type(BUCKET).items():
            name = text(bucket.get("Properties", {}).get("BucketName"), variables)
            if name is None:
                continue
            made.add(name)
            if key in old:
                yield _bucket(clients, name, variables)
                continue
            found = _bucket(clients, name, variables)
            if found.verdict is Verdict.PASS:
                detail = f"{stack.name} would create it, but it is there; name it as an existing bucket"
                yield _check(f"bucket {name}", Verdict.FAIL, detail)
            elif found.verdict is Verdict.COULD_NOT_TELL:
                yield found
            else:
                yield _check(f"bucket {name}", Verdict.PASS, f"{stack.name} creates it")
    for declared, stack_name in sorted(_declared_buckets(plan, variables)):
        if declared == "":
            detail = "a declared bucket is not resolved"
            yield _check(f"bucket of {stack_name}", Verdict.COULD_NOT_TELL, detail)
        elif declared not in made:
            yield _bucket(clients, declared, variables)


def _declared_buckets(plan: _Plan, variables: Mapping[str, str]) -> set[tuple[str, str]]:
    found = set()
    for stack in plan.stacks:
        for interpreter in stack.of_type(INTERPRETER).values():
            declared = interpreter.get("Metadata", {}).get(_METADATA, {}).get("Storage")
            # A bucket that the same assembly makes without a name cannot be missing.
            if declared is None or reference(declared.get("Bucket")) in stack.of_type(BUCKET):
                continue
            name = text(declared.get("Bucket"), variables)
            found.add((name or "", "" if name else stack.name))
    return found


def _bucket(clients: Clients, name: str, variables: Mapping[str, str]) -> Row:
    """PASS: there, ours and in the region. FAIL: not there, or in another one."""
    row = f"bucket {name}"
    try:
        got = clients.s3.head_bucket(Bucket=name, ExpectedBucketOwner=variables["AWS::AccountId"])
    except AwsError as error:
        if code_of(error) in ("404", "NoSuchBucket"):
            return _check(row, Verdict.FAIL, "not there")
        if code_of(error) == "403":
            return _check(
                row, Verdict.COULD_NOT_TELL, "refused: of another account, or s3:ListBucket is missing"
            )
        return _check(row, Verdict.COULD_NOT_TELL, words(error))
    region = got.get("BucketRegion")
    if region is None:
        return _check(row, Verdict.COULD_NOT_TELL, "its region was not told")
    if region != variables["AWS::Region"]:
        detail = f"in {region}, expected {variables['AWS::Region']}"
        return _check(row, Verdict.FAIL, detail)
    return _check(row, Verdict.PASS, f"in {region}")


def _networks(clients: Clients, plan: _Plan, variables: Mapping[str, str]) -> Iterator[Row]:
    subnets: set[str] = set()
    groups: set[str] = set()
    unknown: list[str] = []
    for stack in plan.stacks:
        for key, interpreter in stack.of_type(INTERPRETER).items():
            vpc = _network(interpreter).get("VpcConfig", {})
            for ids, kind in ((subnets, "Subnets"), (groups, "SecurityGroups")):
                for one in _list(vpc.get(kind, [])):
                    found = text(one, variables)
                    if found is not None:
                        ids.add(found)
                    elif not _is_made(one, stack):
                        unknown.append(f"{kind} of {_label(key, interpreter)}: {_shown(one)}")
    if unknown:
        yield _check("network", Verdict.COULD_NOT_TELL, f"not resolved: {'; '.join(unknown)}")
    if subnets:
        there = _described(clients.ec2, "describe_subnets", "Subnets", "subnet-id", subnets)
        yield _there("subnets", subnets, {one["SubnetId"]: one.get("VpcId", "") for one in there})
    if groups:
        there = _described(clients.ec2, "describe_security_groups", "SecurityGroups", "group-id", groups)
        yield _there("security groups", groups, {one["GroupId"]: one.get("VpcId", "") for one in there})


def _is_made(value: object, stack: Stack) -> bool:
    """Whether an id is of a resource of this stack, or imported: CloudFormation itself stops without that."""
    if isinstance(value, Mapping) and {"Fn::ImportValue", "Fn::GetStackOutput"} & value.keys():
        return True
    return reference(value) in stack.template.get("Resources", {})


def _described(ec2: Any, operation: str, key: str, name: str, ids: set[str]) -> list[dict[str, Any]]:
    # By filter: what is not there is left out, where a list of ids would fail as a whole.
    pages = ec2.get_paginator(operation).paginate(Filters=[{"Name": name, "Values": sorted(ids)}])
    return [one for page in pages for one in page[key]]


def _there(name: str, wanted: set[str], found: Mapping[str, str]) -> Row:
    if missing := sorted(wanted - found.keys()):
        return _check(name, Verdict.FAIL, f"not there: {', '.join(missing)}")
    vpcs = sorted({found[one] for one in wanted})
    return _check(name, Verdict.PASS, f"{len(wanted)} in {', '.join(vpcs)}")


def _network(interpreter: Mapping[str, Any]) -> Mapping[str, Any]:
    given = interpreter.get("Properties", {}).get("NetworkConfiguration", {})
    return given if isinstance(given, Mapping) else {}


def _label(key: str, interpreter: Mapping[str, Any]) -> str:
    return str(interpreter.get("Metadata", {}).get(_METADATA, {}).get("Base", key))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shown(value: object) -> str:
    shown = str(value)
    return shown if len(shown) <= 120 else shown[:120] + "…"
