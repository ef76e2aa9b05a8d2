"""What a row of the table is, and the ways to edit a template."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .compliant import OWN_ACCOUNT, Body, allow, fleet, s3, sub

Edit = Callable[[Body], None]


@dataclass(frozen=True)
class Mutant:
    """One edit of the fleet `base`; each rule that it is not said to be caught by must judge as before.

    `caught_by` fails and `unknown` becomes UNKNOWN for the interpreter `subject`; `others` is what another
    interpreter gets by the same edit: (rule, logical id, status).
    """

    name: str
    base: str
    edit: Edit = field(repr=False)
    caught_by: frozenset[str]
    profile: str = "baseline"
    unknown: frozenset[str] = frozenset()
    others: frozenset[tuple[str, str, str]] = frozenset()
    subject: str = "Interpreter"

    def body(self) -> Body:
        """The whole template after the edit."""
        body = fleet(self.base)
        self.edit(body["Resources"])
        return body

    def expected(self) -> dict[tuple[str, str], str]:
        """(rule, logical id) → the status that differs from the compliant fleet's."""
        mine = {(f"ACCI-{rule}", self.subject): "fail" for rule in self.caught_by}
        mine |= {(f"ACCI-{rule}", self.subject): "unknown" for rule in self.unknown}
        return mine | {(f"ACCI-{rule}", logical_id): status for rule, logical_id, status in self.others}


# Paths into a template's resources: "Role/Properties/Policies/0".
TRUST = "Role/Properties/AssumeRolePolicyDocument/Statement"


MAY = "Role/Properties/Policies/0/PolicyDocument/Statement"


OBJECTS, LIST = f"{MAY}/0", f"{MAY}/1"


BLOCK = "Bucket/Properties/PublicAccessBlockConfiguration"


TLS = "BucketPolicy/Properties/PolicyDocument/Statement"


NETWORK = "Interpreter/Properties/NetworkConfiguration"


DECLARED = "Interpreter/Metadata/InterpreterFleet"


NO_VALUE = {"Ref": "AWS::NoValue"}


VALUE = {"Ref": "Value"}  # a parameter that may have any value


def _parent(resources: Body, path: str) -> tuple[Any, Any]:
    *steps, last = path.split("/")
    at: Any = resources
    for step in steps:
        at = at[int(step)] if isinstance(at, list) else at[step]
    return at, int(last) if isinstance(at, list) else last


def put(path: str, value: Any) -> Edit:
    """Sets one property; the ones above it must be there."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        at[last] = json.loads(json.dumps(value))

    return edit


def drop(path: str) -> Edit:
    """Removes one property, which must be there."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        del at[last]

    return edit


def add(path: str, value: Any) -> Edit:
    """Appends to a list."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        at[last].append(json.loads(json.dumps(value)))

    return edit


def rename(path: str, name: str) -> Edit:
    """Gives a property another name."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        at[name] = at.pop(last)

    return edit


def grant(actions: Any, on: Any, condition: Any = OWN_ACCOUNT, **more: Any) -> Edit:
    """Another Allow for the role, bound to the own account unless said otherwise."""
    return add(MAY, allow(actions, on, condition, **more))


def rules(text: str) -> frozenset[str]:
    """`"020 027"` → both."""
    return frozenset(text.split())


def others(text: str, *logical_ids: str, status: str = "fail") -> frozenset[tuple[str, str, str]]:
    """The same rules for other interpreters."""
    return frozenset((rule, one, status) for rule in text.split() for one in logical_ids)


Row = tuple[str, Edit]


def caught(by: str, rows: Iterable[Row], base: str = "sandbox", **more: Any) -> list[Mutant]:
    """Mutants that the same rules catch."""
    return [Mutant(name, base, edit, rules(by), **more) for name, edit in rows]


def each(prefix: str, path: str, values: Iterable[Any]) -> list[Row]:
    """One edit for each value of one property."""
    return [(f"{prefix} {json.dumps(value)}", put(path, value)) for value in values]


def permitted(actions: Iterable[str], on: Any) -> list[Row]:
    """One more action each."""
    return [(f"role may {action}", grant(action, on)) for action in actions]


# What reads every permission of the role, and so cannot judge one whose policies are not there.
READS_PERMISSIONS = "020 021 024 025 026 027 028 052 070 071"


OWN = s3("data/analytics/*")


def both(*edits: Edit) -> Edit:
    """Several edits that are one in meaning."""

    def edit(resources: Body) -> None:
        for one in edits:
            one(resources)

    return edit


def perimeter(by: str, rows: Iterable[Row], subject: str = "Interpreter", **more: Any) -> list[Mutant]:
    """The same for the fleet in VPC mode under the profile `data-perimeter`."""
    return caught(by, rows, base="vpc", profile="data-perimeter", subject=subject, **more)


NEIGHBOUR = "Neighbour"

ROOT = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
