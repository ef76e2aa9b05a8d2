"""A statement of a policy in words, for somebody who does not read JSON at first sight."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from interpreter_fleet.manifest import Record

from .several import first


def in_words(statement: str, records: Iterable[Record]) -> str:
    """`allows s3:GetObject on arn:…/b/*, where b keeps its files`; the statement as JSON."""
    found: dict[str, Any] = json.loads(statement)
    does = "allows" if found.get("Effect") == "Allow" else "denies"
    actions = listed(found, "Action")
    if "Principal" in found or "NotPrincipal" in found:
        text = f"{does} {actions} to {principals(found)}"
        return text + (_conditions(found) or ", without a condition")
    text = f"{does} {actions} on {listed(found, 'Resource')}"
    return text + whose(found, records) + _conditions(found)


def _conditions(statement: Mapping[str, Any]) -> str:
    """`, if aws:SourceAccount StringEquals 111122223333 and …`: two statements may differ in nothing else."""
    found = [
        f"{key} {operator} {' or '.join(values(given))}"
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, given in keys.items()
    ]
    return f", if {' and '.join(found)}" if found else ""


def whose(statement: Mapping[str, Any], records: Iterable[Record]) -> str:
    """`, where b keeps its files` if the statement covers something in a prefix of one of these; else "".

    Not told of what covers all of S3, which is everybody's.
    """
    paths = [one.partition(":::")[2] for one in values(statement.get("Resource", ()))]
    owners = [
        one.base
        for one in records
        if one.bucket
        and any(may_be_under(f"{one.bucket}/{one.prefix}", at) for at in paths if at and at[0] != "*")
    ]
    if not owners:
        return ""
    if len(owners) == 1:
        return f", where {owners[0]} keeps its files"
    return f", where {first(owners)} keep their files"


def may_be_under(prefix: str, pattern: str) -> bool:
    """Whether something that begins with `prefix` matches a pattern of IAM's."""
    literal = min((pattern.find(one) for one in "*?$" if one in pattern), default=len(pattern))
    return pattern[:literal].startswith(prefix) or (
        literal < len(pattern) and prefix.startswith(pattern[:literal])
    )


def principals(statement: Mapping[str, Any]) -> str:
    """Whom a statement is for."""
    if "NotPrincipal" in statement:
        return f"everybody but {', '.join(values(statement['NotPrincipal']))}"
    found = values(statement.get("Principal", ()))
    return "everybody" if "*" in found else ", ".join(found)


def values(found: Any) -> list[str]:
    """The texts in a member of a statement, whatever their form."""
    if isinstance(found, str):
        return [found]
    if isinstance(found, dict):
        return [one for value in found.values() for one in values(value)]
    return [str(one) for one in found]


def listed(statement: Mapping[str, Any], key: str) -> str:
    """What `Action` or `Resource` cover, or all but what `NotAction` or `NotResource` do."""
    if key in statement:
        return ", ".join(values(statement[key]))
    return f"everything but {', '.join(values(statement.get(f'Not{key}', ())))}"
