"""A statement of a policy in words, for somebody who does not read JSON at first sight."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from interpreter_fleet.manifest import Record


def in_words(statement: str, records: Iterable[Record]) -> str:
    """`allows s3:GetObject on arn:…/b/*, where b keeps its files`; the statement as JSON."""
    found: dict[str, Any] = json.loads(statement)
    does = "allows" if found.get("Effect") == "Allow" else "denies"
    actions = listed(found, "Action")
    if "Principal" in found or "NotPrincipal" in found:
        text = f"{does} {actions} to {principals(found)}"
        return text if found.get("Condition") else f"{text}, without a condition"
    text = f"{does} {actions} on {listed(found, 'Resource')}"
    return text + whose(found, records)


def whose(statement: Mapping[str, Any], records: Iterable[Record]) -> str:
    """`, where b keeps its files` if the statement names a prefix of one of these; else ""."""
    resources = values(statement.get("Resource", ()))
    owners = [
        one.base
        for one in records
        if one.bucket and any(f":{one.bucket}/{one.prefix}" in at for at in resources)
    ]
    return f", where {', '.join(owners)} keeps its files" if owners else ""


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
