"""Preflight: can this be deployed and proved, before anything is? Is there room, and is everything there?

Reads the synthesized assembly and asks the account. Without an assembly it judges the recorded fleet, as if a
deployment replaced all of it. Each question is one row; one that could not be asked is could-not-tell.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from interpreter_fleet.manifest import Record

from . import prerequisites, quotas
from .assembly import INTERPRETER, MAX_RESOURCES, ROLE, Change, Stack, change, network, of_type
from .clients import AwsError, Clients, code_of, words
from .probes import DEFAULT, calls
from .quotas import Limits, Row
from .several import first
from .stacks import PARAMETER, deployed_record
from .verdict import Verdict

MANAGED = "aws.codeinterpreter.v1"
# Nothing of such a stack is there, or not all: the CDK deletes it and creates it anew, or goes
# on with it. So everything counts as new.
_NOT_MADE = frozenset(
    {"CREATE_FAILED", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_FAILED"}
)
# CloudFormation updates no stack in these (AWS docs, stack status codes), and what helps.
_STUCK = {
    "DELETE_FAILED": "delete it again, and see in its events what cannot be deleted",
    "UPDATE_ROLLBACK_FAILED": "run cdk rollback, or continue the rollback in the console",
}
# Recorded once, on AWS: from Create to READY in VPC mode; SANDBOX and PUBLIC are READY in the reply.
_VPC_SECONDS = 264.0


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
    # CloudFormation's status of each stack that is there.
    states: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    problem: str = ""
    fleet: int = 0
    # The requests of a canary on all of it.
    canary: Mapping[str, int] = field(default_factory=dict)
    vpc: bool = False

    def count(self, kind: str) -> tuple[int, int, int]:
        """How many of a type are created, replaced and deleted."""
        all_of_kind = [one[kind] for one in self.changes.values()]
        return (
            sum(len(one.creates) for one in all_of_kind),
            sum(len(one.replaces) for one in all_of_kind),
            sum(len(one.deletes) for one in all_of_kind),
        )

    def names(self, what: str) -> str:
        """The interpreters that are created (`creates`), replaced or deleted, the first of them."""
        found = []
        for stack in self.stacks:
            there = {
                **of_type(self.deployed.get(stack.name) or {}, INTERPRETER),
                **stack.of_type(INTERPRETER),
            }
            keys = getattr(self.changes[stack.name][INTERPRETER], what)
            found += [prerequisites.label(key, there[key]) for key in keys]
        return first(found)


def check(
    clients: Clients,
    limits: Limits,
    *,
    stacks: Sequence[Stack] | None,
    recorded: Sequence[Record],
    concurrency: int,
    share: float,
    probes: Sequence[str] = (),
) -> Preflight:
    """Every row that the assembly (None: there is none) and the account give. Never raises an AwsError."""
    plan = _recorded_plan(recorded, probes) if stacks is None else _plan(clients, stacks, probes)
    rows = [*_counts(clients, limits, plan, concurrency), *_rates(limits, plan, share)]
    if stacks is not None:
        rows += [
            *_stack_rows(plan),
            *_roles(clients, plan),
            *prerequisites.check(clients, plan.stacks, plan.deployed),
        ]
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
    needs = {
        name: number / (per_second[name] * share)
        for name, number in plan.canary.items()
        if per_second[name] > 0
    }
    slowest = max(needs, key=lambda name: needs[name], default="")
    told = {
        "create": creates,
        "replace": replaces,
        "delete": deletes,
        "keep": max(0, plan.fleet - creates - replaces),
        **{what: names for what in ("creates", "replaces", "deletes") if (names := plan.names(what))},
        "canary_seconds": round(needs.get(slowest, 0.0), 1),
        "canary_bound_by": slowest,
        "canary_calls": dict(sorted(plan.canary.items())),
    }
    # Where the account may make none a second, its row says so, and no time is enough.
    if (rate := per_second[quotas.CREATE]) > 0:
        vpc = _VPC_SECONDS if plan.vpc and creates + replaces else 0.0
        told["create_seconds"] = round((creates + replaces) / rate + vpc, 1)
    if (rate := per_second[quotas.DELETE]) > 0:
        told["delete_seconds"] = round((deletes + replaces) / rate, 1)
    return told


def _recorded_plan(recorded: Sequence[Record], probes: Sequence[str]) -> _Plan:
    return _Plan(
        fleet=len(recorded),
        canary=_canary(probes or one.probes for one in recorded),
        vpc=any(one.network_mode == "VPC" for one in recorded),
    )


def _canary(chosen: Iterable[Sequence[str]]) -> Counter[str]:
    """The requests of a canary on interpreters that choose these probes; () is the default set."""
    return sum((calls(names or DEFAULT) for names in chosen), Counter())


def _choices(stack: Stack) -> Iterator[Sequence[str]]:
    """What each interpreter of a template chooses, as far as its records can be read."""
    values = (one.get("Properties", {}).get("Value") for one in stack.of_type(PARAMETER).values())
    found = [one["probes"] for one in map(deployed_record, values) if one and "probes" in one]
    yield from found
    yield from [()] * (len(stack.of_type(INTERPRETER)) - len(found))


def _plan(clients: Clients, stacks: Sequence[Stack], probes: Sequence[str]) -> _Plan:
    deployed: dict[str, Mapping[str, Any] | None] = {}
    states: dict[str, str] = {}
    changes, problem = {}, ""
    for stack in stacks:
        try:
            state = _state(clients, stack.name)
            states |= {stack.name: state} if state else {}
            is_made = state and state not in _NOT_MADE
            deployed[stack.name] = _deployed_template(clients, stack.name) if is_made else None
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
        states=states,
        changes=changes,
        problem=problem,
        fleet=sum(len(stack.of_type(INTERPRETER)) for stack in stacks),
        canary=_canary(probes or names for stack in stacks for names in _choices(stack)),
        vpc=any(network(one).get("NetworkMode") == "VPC" for one in changing),
    )


def _state(clients: Clients, stack: str) -> str:
    """CloudFormation's status of a stack; "" if it is not there."""
    try:
        [found] = clients.cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except AwsError as error:
        # CloudFormation has no code of its own for it.
        if code_of(error) == "ValidationError" and "does not exist" in words(error):
            return ""
        raise
    return str(found["StackStatus"])


def _deployed_template(clients: Clients, stack: str) -> Mapping[str, Any] | None:
    body = clients.cloudformation.get_template(StackName=stack)["TemplateBody"]
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
    for operation in sorted(plan.canary):
        planned = limits.of(quotas.rate_name(operation))[0] * share
        detail = f"a second; the canary keeps under {share:.0%}"
        yield quotas.rate_row(limits, operation, planned=planned, detail=detail)
    creates, replaces, deletes = plan.count(INTERPRETER) if plan.changes else (0, plan.fleet, 0)
    for operation, number in ((quotas.CREATE, creates + replaces), (quotas.DELETE, deletes + replaces)):
        if number:
            limit = limits.of(quotas.rate_name(operation))[0]
            detail = f"a second; CloudFormation makes {number} calls"
            detail += f", which take at least {number / limit:.1f} s" if limit > 0 else ""
            yield quotas.rate_row(limits, operation, planned=min(limit, float(number)), detail=detail)


def _stack_rows(plan: _Plan) -> Iterator[Row]:
    """What stands in the way of a deployment; the fullest stack, and every other one that is too full."""
    for name, state in sorted(plan.states.items()):
        if state in _STUCK:
            detail = f"{state}: CloudFormation does not update it; {_STUCK[state]}"
            yield prerequisites.row(f"state of stack {name}", Verdict.FAIL, detail)
        elif state.endswith("_IN_PROGRESS") and state not in _NOT_MADE:
            detail = f"{state}: another deployment runs, so what there is changes; run this again after it"
            yield prerequisites.row(f"state of stack {name}", Verdict.COULD_NOT_TELL, detail)
    for stack in plan.stacks:
        if stack.nested:
            detail = f"not read, so what is in them is not counted: {', '.join(stack.nested)}"
            yield prerequisites.row(f"nested stacks of {stack.name}", Verdict.COULD_NOT_TELL, detail)
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
