"""Do the records say what the stacks have made? All other checks believe them, so they are checked too.

Anybody with ssm:PutParameter can rewrite or delete one; the stack's template says what it held when it was
deployed, and the stack's resources of which interpreter.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreter_fleet.manifest import Record, parameter_path

from .assembly import INTERPRETER
from .clients import AwsError, Clients, code_of, words

PARAMETER = "AWS::SSM::Parameter"
# Stands for what only the deployment knew.
_ANY = "\0"


@dataclass(frozen=True)
class Doubt:
    """A record that is not what was deployed."""

    record: str
    detail: str
    todo: str


@dataclass(frozen=True)
class Held:
    """What holding records against stacks gave; `made` are the ids of the stacks' interpreters."""

    doubts: list[Doubt]
    problems: list[str]
    made: frozenset[str]


def hold(clients: Clients, records: Sequence[Record], owners: Sequence[Record]) -> Held:
    """Records of owners, those that their stacks have made and nobody has, and those that no stack has made.

    Raises no AwsError. `records` are those of all fleets. A fleet of which no stack is there was not deployed
    by one, so its records are not held against any. Without a client for CloudFormation nothing is.
    """
    if clients.cloudformation is None:
        return Held([], [], frozenset())
    doubts: list[Doubt] = []
    problems: list[str] = []
    made: set[str] = set()
    gone: set[str] = set()
    for stack in sorted({one.stack for one in owners}):
        try:
            there = _interpreters(clients, stack)
            template = clients.cloudformation.get_template(StackName=stack)["TemplateBody"]
        except AwsError as error:
            if not (code_of(error) == "ValidationError" and "does not exist" in words(error)):
                problems.append(f"records of stack {stack} were not held against it: {words(error)}")
            else:
                gone.add(stack)
            continue
        if not isinstance(template, Mapping):
            continue  # YAML: not one of ours
        made |= set(there.values())
        fleets = {one.fleet for one in owners if one.stack == stack}
        doubts += _of_stack(stack, template, there, fleets, records, owners)
        doubts += _invented(stack, template, fleets, owners)
    deployed = {one.fleet for one in owners if one.stack not in gone}
    doubts += [
        _doubt(one, f"there is no stack {one.stack}")
        for one in owners
        if one.stack in gone and one.fleet in deployed
    ]
    return Held(doubts, problems, frozenset(made))


def _invented(
    stack: str, template: Mapping[str, Any], fleets: set[str], owners: Sequence[Record]
) -> Iterator[Doubt]:
    """Records that name a stack which makes no such parameter: writing one hides an interpreter."""
    names = [
        one.get("Properties", {}).get("Name")
        for one in template.get("Resources", {}).values()
        if one.get("Type") == PARAMETER
    ]
    if not any(_is_of(name, fleets) for name in names):
        return  # Not a template of ours, which has their names in full.
    for one in owners:
        if one.stack == stack and one.parameter not in names:
            yield _doubt(one, f"{stack} has made no such record")


def _doubt(record: Record, why: str) -> Doubt:
    return Doubt(
        record.parameter,
        f"the record of {record.base} says that stack {record.stack} made it, and {why}: somebody wrote it,"
        f" so that {record.id} counts as one of the fleet {record.fleet}",
        f"see in CloudTrail who did it (PutParameter), delete {record.parameter}, and run this again",
    )


def _of_stack(
    stack: str,
    template: Mapping[str, Any],
    there: Mapping[str, str],
    fleets: set[str],
    records: Sequence[Record],
    owners: Sequence[Record],
) -> Iterator[Doubt]:
    known = {one.parameter: one for one in records}
    chosen = {one.parameter for one in owners}
    for resource in template.get("Resources", {}).values():
        properties = resource.get("Properties", {})
        name = properties.get("Name")
        if resource.get("Type") != PARAMETER or not _is_of(name, fleets):
            continue
        deployed = deployed_record(properties.get("Value"), there)
        if deployed is None:
            continue
        again = f"write {name} again as the template of {stack} has it, or destroy and deploy {stack}"
        identifier = str(deployed.get("id", "")).replace(_ANY, "")
        if name not in known:
            detail = (
                f"the record of {deployed.get('base')} is not there, and {stack} has made it: so nothing"
                f" looks at its interpreter {identifier}"
            )
            todo = f"see in CloudTrail who deleted it (DeleteParameter); {again}"
            yield Doubt(name, detail, todo)
        elif name in chosen and (wrong := _differing(deployed, known[name].to_dict())):
            found = known[name].to_dict()
            said = "; ".join(
                f"{key} is {_shown(found[key])}, deployed was {_shown(deployed[key])}" for key in wrong
            )
            detail = (
                f"the record of {known[name].base} was rewritten since {stack} made it, and all other checks"
                f" believe it: {said}"
            )
            yield Doubt(name, detail, f"see in CloudTrail who did it (PutParameter); {again}")


def _interpreters(clients: Clients, stack: str) -> dict[str, str]:
    """The ids of a stack's interpreters by logical id."""
    pages = clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"].rpartition("/")[2]
        for page in pages
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == INTERPRETER and one.get("PhysicalResourceId")
    }


def _is_of(name: object, fleets: set[str]) -> bool:
    return isinstance(name, str) and name.rpartition("/")[0] in {parameter_path(one) for one in fleets}


def deployed_record(value: Any, there: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """The record in a template, `_ANY` for what it refers to; None if it is none, or cannot be read.

    `there` are the ids of the stack's interpreters, by logical id.
    """
    try:
        return dict(json.loads(_text(value, there or {}), strict=False))
    except (TypeError, ValueError):
        return None


def _text(value: Any, there: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and "Fn::Join" in value:
        by, parts = value["Fn::Join"]
        return str(by).join(_text(part, there) for part in parts)
    if isinstance(value, Mapping) and "Fn::GetAtt" in value:
        logical, attribute = value["Fn::GetAtt"]
        if attribute == "CodeInterpreterId" and logical in there:
            return there[logical]
    return _ANY


def _differing(deployed: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """The keys in which a record is not what was deployed; keys of other versions are left out."""
    return [key for key in deployed if key in found and not _fits(deployed[key], found[key])]


def _fits(deployed: Any, found: Any) -> bool:
    if isinstance(deployed, str) and isinstance(found, str) and _ANY in deployed:
        at = 0
        parts = deployed.split(_ANY)
        for part in parts:
            at = found.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return found.startswith(parts[0]) and found.endswith(parts[-1])
    if isinstance(deployed, list) and isinstance(found, list):
        return len(deployed) == len(found) and all(map(_fits, deployed, found))
    if isinstance(deployed, Mapping) and isinstance(found, Mapping):
        return deployed.keys() == found.keys() and all(_fits(deployed[key], found[key]) for key in deployed)
    return bool(deployed == found)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace(_ANY, "…") or "nothing"
