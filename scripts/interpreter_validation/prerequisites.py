"""Is everything there that an assembly needs: bootstrap, trust, buckets, subnets, security groups?

What the same assembly makes cannot be missing; what is not resolved, or may not be looked at, is
could-not-tell.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .assembly import BUCKET, INTERPRETER, ROLE, Stack, network, of_type, reference, text
from .clients import AwsError, Clients, code_of, words
from .quotas import Row
from .verdict import Verdict

SERVICE = "bedrock-agentcore.amazonaws.com"
_METADATA = "InterpreterFleet"
# Of a filter of EC2's (AWS docs, API reference, "Filter").
_VALUES = 200


def check(
    clients: Clients, stacks: Sequence[Stack], deployed: Mapping[str, Mapping[str, Any] | None]
) -> Iterator[Row]:
    """One row for each that must be there. `deployed`: the templates that the account has, by stack."""
    try:
        caller = clients.sts.get_caller_identity()
    except AwsError as error:
        yield row("account", Verdict.COULD_NOT_TELL, words(error))
        return
    account = caller["Account"]
    partition = caller["Arn"].split(":")[1]
    variables = {
        "AWS::AccountId": account,
        "AWS::Region": clients.region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
    }
    yield _environment(stacks, account, clients.region)
    yield from _guarded("bootstrap", lambda: _bootstrap(clients, stacks))
    yield from _guarded("role trust", lambda: _trust(clients, stacks, variables))
    yield from _guarded("buckets", lambda: _buckets(clients, stacks, deployed, variables))
    yield from _guarded("network", lambda: _networks(clients, stacks, variables))


def _guarded(name: str, rows: Callable[[], Iterator[Row]]) -> list[Row]:
    try:
        return list(rows())
    except AwsError as error:
        return [row(name, Verdict.COULD_NOT_TELL, words(error))]


def row(name: str, verdict: Verdict, detail: str, source: str = "assembly and account") -> Row:
    """One thing that must be there."""
    return Row(name, "check", verdict, detail, source=source)


def _environment(stacks: Sequence[Stack], account: str, region: str) -> Row:
    wrong = [
        f"{stack.name} is for {stack.account or account}/{stack.region or region}"
        for stack in stacks
        if (stack.account or account, stack.region or region) != (account, region)
    ]
    if wrong:
        return row("account and region", Verdict.FAIL, f"asked {account}/{region}, but {'; '.join(wrong)}")
    return row("account and region", Verdict.PASS, f"{account}/{region}")


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
            yield row(name, Verdict.FAIL, f"no parameter {parameter}; run cdk bootstrap first")
            continue
        if not found.isdecimal():
            yield row(name, Verdict.COULD_NOT_TELL, f"{parameter} is {found!r}, expected a number")
        elif int(found) < version:
            detail = f"version {found}, the stacks need {version}; run cdk bootstrap again"
            yield row(name, Verdict.FAIL, detail)
        else:
            yield row(name, Verdict.PASS, f"version {found}, the stacks need {version}")


def _trust(clients: Clients, stacks: Sequence[Stack], variables: Mapping[str, str]) -> Iterator[Row]:
    """Whether the service can assume each execution role on behalf of its interpreter, in this account."""
    trusted = 0
    for stack in stacks:
        for key, interpreter in stack.of_type(INTERPRETER).items():
            verdict, detail = _trust_of(clients, stack, interpreter, variables)
            if verdict is Verdict.PASS:
                trusted += 1
            else:
                yield row(f"role trust of {label(key, interpreter)}", verdict, detail)
    if trusted:
        yield row("role trust", Verdict.PASS, f"{trusted} roles trust {SERVICE} for this account")


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


def _buckets(
    clients: Clients,
    stacks: Sequence[Stack],
    deployed: Mapping[str, Mapping[str, Any] | None],
    variables: Mapping[str, str],
) -> Iterator[Row]:
    made: set[str] = set()
    for stack in stacks:
        old = of_type(deployed.get(stack.name) or {}, BUCKET)
        for key, bucket in stack.of_type(BUCKET).items():
            name = text(bucket.get("Properties", {}).get("BucketName"), variables)
            if name is None:
                continue
            made.add(name)
            if key in old and name == text(old[key].get("Properties", {}).get("BucketName"), variables):
                yield _bucket(clients, name, variables)
                continue
            found = _bucket(clients, name, variables)
            if found.verdict is Verdict.PASS:
                detail = f"{stack.name} would create it, but it is there; name it as an existing bucket"
                yield row(f"bucket {name}", Verdict.FAIL, detail)
            elif found.verdict is Verdict.COULD_NOT_TELL:
                yield found
            else:
                yield row(f"bucket {name}", Verdict.PASS, f"{stack.name} creates it")
    for declared, stack_name in sorted(_declared_buckets(stacks, variables)):
        if declared == "":
            detail = "a declared bucket is not resolved"
            yield row(f"bucket of {stack_name}", Verdict.COULD_NOT_TELL, detail)
        elif declared not in made:
            yield _bucket(clients, declared, variables)


def _declared_buckets(stacks: Sequence[Stack], variables: Mapping[str, str]) -> set[tuple[str, str]]:
    found = set()
    for stack in stacks:
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
    what = f"bucket {name}"
    try:
        got = clients.s3.head_bucket(Bucket=name, ExpectedBucketOwner=variables["AWS::AccountId"])
    except AwsError as error:
        if code_of(error) in ("404", "NoSuchBucket"):
            return row(what, Verdict.FAIL, "not there")
        if code_of(error) == "403":
            return row(
                what, Verdict.COULD_NOT_TELL, "refused: of another account, or s3:ListBucket is missing"
            )
        return row(what, Verdict.COULD_NOT_TELL, words(error))
    region = got.get("BucketRegion")
    if region is None:
        return row(what, Verdict.COULD_NOT_TELL, "its region was not told")
    if region != variables["AWS::Region"]:
        detail = f"in {region}, expected {variables['AWS::Region']}"
        return row(what, Verdict.FAIL, detail)
    return row(what, Verdict.PASS, f"in {region}")


def _networks(clients: Clients, stacks: Sequence[Stack], variables: Mapping[str, str]) -> Iterator[Row]:
    subnets: set[str] = set()
    groups: set[str] = set()
    unknown: list[str] = []
    named: dict[str, list[str]] = {}
    for stack in stacks:
        for key, interpreter in stack.of_type(INTERPRETER).items():
            vpc = network(interpreter).get("VpcConfig", {})
            for ids, kind in ((subnets, "Subnets"), (groups, "SecurityGroups")):
                for one in _list(vpc.get(kind, [])):
                    found = text(one, variables)
                    if found is not None:
                        ids.add(found)
                        named.setdefault(label(key, interpreter), []).append(found)
                    elif not _is_made(one, stack):
                        unknown.append(f"{kind} of {label(key, interpreter)}: {_shown(one)}")
    if unknown:
        yield row("network", Verdict.COULD_NOT_TELL, f"not resolved: {'; '.join(unknown)}")
    networks: dict[str, str] = {}
    if subnets:
        there = _described(clients.ec2, "describe_subnets", "Subnets", "subnet-id", subnets)
        networks |= {one["SubnetId"]: one.get("VpcId", "") for one in there}
        yield _there("subnets", subnets, networks)
    if groups:
        there = _described(clients.ec2, "describe_security_groups", "SecurityGroups", "group-id", groups)
        networks |= {one["GroupId"]: one.get("VpcId", "") for one in there}
        yield _there("security groups", groups, networks)
    for name, ids_of_one in sorted(named.items()):
        if len(apart := sorted({networks[one] for one in ids_of_one if one in networks})) > 1:
            detail = f"its subnets and security groups are of several networks: {', '.join(apart)}"
            yield row(f"network of {name}", Verdict.FAIL, detail)


def _is_made(value: object, stack: Stack) -> bool:
    """Whether an id is of a resource of this stack, or imported: CloudFormation itself stops without that."""
    if isinstance(value, Mapping) and {"Fn::ImportValue", "Fn::GetStackOutput"} & value.keys():
        return True
    return reference(value) in stack.template.get("Resources", {})


def _described(ec2: Any, operation: str, key: str, name: str, ids: set[str]) -> list[dict[str, Any]]:
    # By filter, which takes so many values: what is not there is left out, where a list of ids would fail.
    wanted = sorted(ids)
    filters = [{"Name": name, "Values": wanted[at : at + _VALUES]} for at in range(0, len(wanted), _VALUES)]
    paginator = ec2.get_paginator(operation)
    return [one for each in filters for page in paginator.paginate(Filters=[each]) for one in page[key]]


def _there(name: str, wanted: set[str], found: Mapping[str, str]) -> Row:
    if missing := sorted(wanted - found.keys()):
        return row(name, Verdict.FAIL, f"not there: {', '.join(missing)}")
    vpcs = sorted({found[one] for one in wanted})
    return row(name, Verdict.PASS, f"{len(wanted)} in {', '.join(vpcs)}")


def label(key: str, interpreter: Mapping[str, Any]) -> str:
    """The base name of an interpreter's resource, else its logical id."""
    return str(interpreter.get("Metadata", {}).get(_METADATA, {}).get("Base", key))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shown(value: object) -> str:
    shown = str(value)
    return shown if len(shown) <= 120 else shown[:120] + "…"
