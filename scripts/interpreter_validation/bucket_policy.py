"""What a bucket's own policy opens: to an interpreter beyond what it declares, and of its prefix to others.

A statement is read so that a way in is never missed: its conditions are only looked at where they name the
principal; any other condition is taken for met.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from interpreter_fleet.manifest import Record
from interpreter_fleet.role_documents import storage_policy

from .places import account_of, partition_of, region_of
from .statements import listed, may_be_under, principals, values, whose

_PRINCIPAL_OPERATORS = ("ArnLike", "ArnEquals", "StringLike", "StringEquals")


def grants(record: Record, policy: Mapping[str, Any], others: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """(what is open, the statement) for each that concerns this interpreter.

    A statement for one of the `others` is told of that one, and not of the owner of the prefix as well.
    """
    statements = policy.get("Statement") or []
    for one in statements if isinstance(statements, list) else [statements]:
        if one.get("Effect") != "Allow":
            continue
        what = f"{listed(one, 'Action')} on {listed(one, 'Resource')}"
        shown = json.dumps(one, sort_keys=True)
        if _names(one, record.role_arn):
            if not _is_declared(record, one):
                yield f"allows the role of {record.base} {what}{whose(one, others)}", shown
        elif ("NotPrincipal" in one or not any(_names(one, other.role_arn) for other in others)) and _opens(
            record, one
        ):
            yield f"opens the prefix of {record.base} to {principals(one)}: {what}", shown


def _names(statement: Mapping[str, Any], role: str) -> bool:
    """Whether this role is one that the statement is for."""
    if "Principal" in statement:
        found = values(statement["Principal"])
    else:
        # Everybody but these.
        found = [] if role in values(statement.get("NotPrincipal", ())) else ["*"]
    name = role.rpartition("/")[2]
    sessions = f":assumed-role/{name}/"
    if role in found or any(sessions in one for one in found):
        return True
    return "*" in found and _lets_through(statement.get("Condition") or {}, role)


def _lets_through(condition: Mapping[str, Any], role: str) -> bool:
    for operator, keys in condition.items():
        if operator not in _PRINCIPAL_OPERATORS:
            continue
        for key, patterns in keys.items():
            value = {"aws:principalarn": role, "aws:principalaccount": role.split(":")[4]}.get(key.lower())
            # fnmatch knows [sets], which IAM does not: no ARN of a role has one.
            if value is not None and not any(fnmatchcase(value, one) for one in values(patterns)):
                return False
    return True


def _is_declared(record: Record, statement: Mapping[str, Any]) -> bool:
    """Whether the role has this by its own policy anyway."""
    if not (record.bucket and record.prefix and record.access) or "Action" not in statement:
        return False
    own = storage_policy(
        partition=partition_of(record),
        account=account_of(record),
        bucket=record.bucket,
        prefix=record.prefix,
        access=record.access,
    )
    prefix = f"arn:{partition_of(record)}:s3:::{record.bucket}/{record.prefix}"
    resources = values(statement.get("Resource", ()))
    actions = set(values(own["Statement"][0]["Action"]))
    return (
        bool(resources)
        and all(one.startswith(prefix) for one in resources)
        and set(values(statement["Action"])) <= actions
    )


def _opens(record: Record, statement: Mapping[str, Any]) -> bool:
    """Whether somebody outside the fleet gets at this prefix who is not meant to.

    In a bucket that the fleet made nobody else is; in another one only everybody would be too many.
    """
    if not record.bucket or not record.prefix:
        return False
    made_by_fleet = record.bucket == f"{record.fleet}-interpreters-{account_of(record)}-{region_of(record)}"
    everybody = "NotPrincipal" in statement or "*" in values(statement.get("Principal", ()))
    if not (made_by_fleet or everybody):
        return False
    if "Resource" not in statement:
        return True
    bucket = f"arn:{partition_of(record)}:s3:::{record.bucket}"
    return any(may_be_under(f"{bucket}/{record.prefix}", one) for one in values(statement["Resource"]))
