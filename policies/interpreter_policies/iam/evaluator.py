"""Decides one request: default deny, an explicit Deny wins (IAM user guide, policy evaluation logic)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from .document import Condition, Statement
from .globs import Glob, glob, literal, matches

# Condition key (lower case) → its values in the request; a key that is not there is absent.
Context = Mapping[str, tuple[str, ...]]


class UnsupportedError(ValueError):
    """Something in a policy that is not evaluated here; nothing is claimed about the policy then."""


@dataclass(frozen=True)
class Request:
    """One action on one resource; the action in lower case."""

    action: str
    resource: str
    context: Context = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Operator:
    """A condition operator taken apart: its test of one value, and what surrounds the test."""

    pattern: Callable[[str], Glob] | None  # None: Null, which tests presence
    negated: bool = False
    if_exists: bool = False
    quantifier: str = ""


_PATTERNS: dict[str, tuple[Callable[[str], Glob], bool]] = {
    "StringEquals": (literal, False),
    "StringNotEquals": (literal, True),
    "StringLike": (glob, False),
    "StringNotLike": (glob, True),
    # ARNs are compared part by part, wildcards allowed in both forms; a glob over the whole is no narrower.
    "ArnEquals": (glob, False),
    "ArnLike": (glob, False),
    "ArnNotEquals": (glob, True),
    "ArnNotLike": (glob, True),
    "Bool": (literal, False),
}
# IAM has these too; they compare numbers, times, addresses or bytes.
OTHER_OPERATORS = frozenset(
    {
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
    }
)


def allowed(statements: tuple[Statement, ...], request: Request) -> bool:
    """Whether identity policies allow the request. UnsupportedError for operators not evaluated here."""
    effects = {statement.effect for statement in statements if applies(statement, request)}
    return "Allow" in effects and "Deny" not in effects


def applies(statement: Statement, request: Request) -> bool:
    """Whether a statement is about the request."""
    return (
        names(statement.actions, statement.not_actions, request.action)
        and names(statement.resources, statement.not_resources, request.resource)
        and all(holds(condition, request.context) for condition in statement.conditions)
    )


def names(patterns: tuple[str, ...], not_patterns: tuple[str, ...], text: str) -> bool:
    """Whether Action/NotAction (or Resource/NotResource) covers a text."""
    if not_patterns:
        return not any(matches(_glob(pattern), text) for pattern in not_patterns)
    return any(matches(_glob(pattern), text) for pattern in patterns)


def holds(condition: Condition, context: Context) -> bool:
    """Whether a condition is true in a context."""
    operator = operator_of(condition.operator)
    values = context.get(condition.key)
    if operator.pattern is None:
        wanted = [value.lower() == "true" for value in condition.values]
        return (values is None) in wanted
    if values is None:
        # An absent key passes an optional test, ForAllValues and a plain negated test; it fails the others.
        if operator.if_exists or operator.quantifier == "ForAllValues":
            return True
        return operator.negated and not operator.quantifier
    patterns = [_pattern(operator.pattern, value) for value in condition.values]
    tests = [any(matches(pattern, value) for pattern in patterns) != operator.negated for value in values]
    if operator.quantifier == "ForAllValues":
        return all(tests)
    if operator.quantifier == "ForAnyValue":
        return any(tests)
    return all(tests) if operator.negated else any(tests)


@lru_cache(maxsize=256)
def operator_of(name: str) -> Operator:
    """Takes an operator's name apart; UnsupportedError if it is not evaluated here."""
    quantifier, _, rest = name.rpartition(":")
    if quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnsupportedError(f"condition operator {name} is unknown")
    base = rest.removesuffix("IfExists")
    if base == "Null" and base == rest:
        return Operator(None)
    if base not in _PATTERNS:
        known = "not evaluated here" if base in OTHER_OPERATORS else "unknown"
        raise UnsupportedError(f"condition operator {name} is {known}")
    pattern, negated = _PATTERNS[base]
    return Operator(pattern, negated, base != rest, quantifier)


@lru_cache(maxsize=4096)
def _glob(text: str) -> Glob:
    if "${" in text:
        raise UnsupportedError(f"policy variable in {text!r} is not evaluated here")
    return glob(text)


@lru_cache(maxsize=4096)
def _pattern(make: Callable[[str], Glob], text: str) -> Glob:
    if "${" in text:
        raise UnsupportedError(f"policy variable in {text!r} is not evaluated here")
    return make(text)
