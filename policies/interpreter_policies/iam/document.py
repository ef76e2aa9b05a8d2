"""Policy documents, strictly read: what is not understood is an error, never ignored."""

import re
from dataclasses import dataclass
from typing import Any

_KNOWN = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_VERSIONS = ("2008-10-17", "2012-10-17")
_ARN_COLONS = 5
_SYMBOL = re.compile(r"<[^<>]+>")


class DocumentError(ValueError):
    """A policy document that IAM would refuse, or that this reader does not understand."""


@dataclass(frozen=True)
class Condition:
    """One line of a Condition block: `StringLike`, `s3:prefix` (lower case), the values."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One statement; actions in lower case. Of each pair (actions, not_actions) one is empty."""

    effect: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    principal: Any = None
    sid: str = ""
    # Whether `${key}` is a policy variable: in documents of version 2012-10-17 only.
    variables: bool = False


def parse(document: Any) -> tuple[Statement, ...]:
    """The statements of a document whose intrinsics are resolved (`Template.plain`)."""
    if not isinstance(document, dict) or "Statement" not in document:
        raise DocumentError(f"found {type(document).__name__} without Statement, expected a policy document")
    version = document.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise DocumentError(f"Version is {version!r}, expected {' or '.join(_VERSIONS)}")
    statements = document["Statement"]
    return tuple(
        _statement(part, variables=version == _VERSIONS[1])
        for part in (statements if isinstance(statements, list) else [statements])
    )


def _statement(raw: Any, *, variables: bool) -> Statement:
    if not isinstance(raw, dict):
        raise DocumentError(f"statement is {type(raw).__name__}, expected an object")
    if unknown := sorted(set(raw) - _KNOWN):
        raise DocumentError(f"statement has unknown element {unknown[0]}")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise DocumentError(f"Effect is {raw.get('Effect')!r}, expected Allow or Deny")
    if ("Action" in raw) == ("NotAction" in raw):
        raise DocumentError("statement needs either Action or NotAction")
    if "Resource" in raw and "NotResource" in raw:
        raise DocumentError("statement has both Resource and NotResource")
    return Statement(
        effect=raw["Effect"],
        actions=tuple(action.lower() for action in _texts(raw, "Action")),
        not_actions=tuple(action.lower() for action in _texts(raw, "NotAction")),
        resources=tuple(_completed(text) for text in _texts(raw, "Resource")),
        not_resources=tuple(_completed(text) for text in _texts(raw, "NotResource")),
        conditions=_conditions(raw.get("Condition", {})),
        principal=raw.get("Principal", {"Not": raw["NotPrincipal"]} if "NotPrincipal" in raw else None),
        sid=str(raw.get("Sid", "")),
        variables=variables,
    )


def _completed(resource: str) -> str:
    """An ARN with parts left out at its end means any there (IAM reference, Resource element)."""
    missing = _ARN_COLONS - _SYMBOL.sub("", resource).count(":")
    return resource + ":*" * missing if resource.startswith("arn:") and missing > 0 else resource


def _conditions(raw: Any) -> tuple[Condition, ...]:
    if not isinstance(raw, dict):
        raise DocumentError(f"Condition is {type(raw).__name__}, expected an object")
    found = []
    for operator, block in raw.items():
        if not isinstance(block, dict):
            raise DocumentError(f"Condition {operator} is {type(block).__name__}, expected an object")
        for key in block:
            found.append(Condition(operator, key.lower(), _texts(block, key)))
    return tuple(found)


def _texts(raw: dict[str, Any], name: str) -> tuple[str, ...]:
    value = raw.get(name, [])
    values = value if isinstance(value, list) else [value]
    if name in raw and not values:
        raise DocumentError(f"{name} is an empty list, expected one text or more")
    texts = []
    for part in values:
        if isinstance(part, bool):
            texts.append("true" if part else "false")
        elif isinstance(part, (str, int, float)):
            texts.append(str(part))
        else:
            raise DocumentError(f"{name} holds {type(part).__name__}, expected text")
    return tuple(texts)
