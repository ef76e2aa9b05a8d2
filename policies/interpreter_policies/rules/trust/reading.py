"""What the trust rules have in common: reading statements, comparing ARN patterns."""

import datetime
from dataclasses import replace
from typing import Any

from interpreter_policies.iam.document import Condition, Statement
from interpreter_policies.iam.evaluator import Request
from interpreter_policies.iam.globs import classes, glob
from interpreter_policies.iam.proof import counterexample
from interpreter_policies.view import Role

SERVICE = "bedrock-agentcore.amazonaws.com"
SOURCE = "arn:<AWS::Partition>:bedrock-agentcore:<AWS::Region>:<AWS::AccountId>:code-interpreter-custom/"
# Operators that bind a key that may be absent (…IfExists) or that negate bind nothing.
ACCOUNT_OPERATORS = frozenset({"StringEquals"})
ARN_OPERATORS = frozenset({"ArnLike", "ArnEquals", "StringLike", "StringEquals"})


def allowing(role: Role) -> list[Statement]:
    """The trust policy's Allow statements; raises if it cannot be read."""
    return [statement for statement in role.trust if statement.effect == "Allow"]


def values_of(statement: Statement, operators: frozenset[str], key: str) -> tuple[str, ...]:
    """What a statement binds a condition key to with these operators; empty if it does not."""
    found = [one.values for one in statement.conditions if one.operator in operators and one.key == key]
    return found[0] if len(found) == 1 else ()


# What the service's request carries beside source account and ARN (AWS global condition keys).
_CARRIED = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:principalisawsservice",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:viaawsservice",
    }
)


def met_by_service(role: Role, source: str) -> Request | None:
    """A request of the service, on behalf of `source` (an ARN pattern), that the trust policy allows."""
    mine = tuple(one for one in role.trust if _means_service(one.principal))
    keys = {one.key for statement in mine for one in statement.conditions}
    now = datetime.datetime.now(datetime.UTC)
    clock = {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
    }
    absent = keys - _CARRIED - {"aws:sourceaccount", "aws:sourcearn"}
    asked = (
        Condition("StringEquals", "aws:sourceaccount", ("<AWS::AccountId>",)),
        Condition("ArnLike", "aws:sourcearn", (source,)),
        *(Condition("Null", key, ("true",)) for key in sorted(absent)),
        # What ended yesterday is met by nobody.
        *(Condition("DateGreaterThanEquals", key, (clock[key],)) for key in sorted(keys & clock.keys())),
    )
    met = tuple(
        replace(one, conditions=(*one.conditions, *asked)) if one.effect == "Allow" else one for one in mine
    )
    other_actions = Statement("Allow", not_actions=("sts:assumerole",), principal="*")
    return counterexample(met, (other_actions,))


def _means_service(principal: Any) -> bool:
    named = principal.get("Service", ()) if isinstance(principal, dict) else principal
    return named == "*" or SERVICE in (named if isinstance(named, (list, tuple)) else [named])


def outside(pattern: str, of: str) -> str | None:
    """A text that the first pattern matches and the second does not; None if there is none."""
    return classes([glob(pattern), glob(of)]).get(frozenset([0]))
