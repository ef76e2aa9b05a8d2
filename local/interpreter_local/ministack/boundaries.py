"""A role's PermissionsBoundary in a template: MiniStack's CloudFormation leaves it out, so it is set here.

It is kept and shown; MiniStack does not evaluate boundaries, so it takes nothing away.
"""

from collections.abc import MutableMapping
from typing import Any

from ministack.services import iam

ROLE = "AWS::IAM::Role"

_Provisioned = tuple[str, dict[str, Any]]


def install(handlers: MutableMapping[str, dict[str, Any]]) -> None:
    """Changes how roles of stacks are made and updated; `handlers` are those of all resource types."""
    theirs = handlers[ROLE]
    create, update = theirs["create"], theirs["update"]

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> _Provisioned:
        return _with_boundary(create(logical_id, properties, stack), properties)

    def updated(identifier: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> _Provisioned:
        made: _Provisioned = update(identifier, old, new, *rest)
        # One that was changed beside the stack stays, unless the template changes too (as on AWS).
        if old.get("PermissionsBoundary") != new.get("PermissionsBoundary"):
            return _with_boundary(made, new)
        return made

    handlers[ROLE] = {**theirs, "create": created, "update": updated}


def _with_boundary(made: _Provisioned, properties: dict[str, Any]) -> _Provisioned:
    iam._roles[made[0]]["PermissionsBoundary"] = properties.get("PermissionsBoundary")
    return made
