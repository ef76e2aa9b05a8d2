"""Reads a policy as wider or as narrower than it is, where a value in it is not known.

Unknown are policy variables (`${aws:username}`) and what only the deployment tells (`<AWS::AccountId>`). A
proof about the wider policy and the narrower envelope holds for every value that they may turn out to have.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace

from .document import Condition, Statement
from .evaluator import VARIABLE, Statements, UnsupportedError
from .meeting import may_meet
from .operators import operator_of, test_of, wanted_value

_SYMBOL = re.compile(r"<[^<>]+>")
_WILDCARDS = frozenset("*?")


def widened(statements: Statements) -> Statements:
    """The policy without what is not known: an Allow without that condition, a Deny left out."""
    found = []
    for statement in statements:
        if statement.effect == "Allow":
            conditions = tuple(one for one in statement.conditions if _known(one, statement))
            found.append(_any_value(replace(statement, conditions=conditions), blur=False))
        elif _certain(statement, statements):
            found.append(statement)
    return tuple(found)


def blurred(statements: Statements) -> Statements:
    """The same for a policy that only limits: two unknown values may be the same one, so each is any text."""
    found = []
    for statement in widened(statements):
        if statement.effect == "Allow":
            conditions = tuple(one for one in statement.conditions if not any("<" in v for v in one.values))
            statement = _any_value(replace(statement, conditions=conditions), blur=True)
        found.append(statement)
    return tuple(found)


def narrowed(statements: Statements) -> Statements:
    """The envelope without what is not known: such an Allow left out, a Deny without that condition."""
    found = []
    for statement in statements:
        conditions = tuple(one for one in statement.conditions if _known(one, statement))
        if statement.effect == "Deny":
            found.append(_any_value(replace(statement, conditions=conditions), blur=True))
        elif conditions == statement.conditions and not _has_variables(statement):
            found.append(statement)
    return tuple(found)


def mixed_keys(layers: Iterable[Statements]) -> frozenset[str]:
    """The condition keys that are compared with an unknown value and with what that may turn out to be."""
    values: dict[str, set[str]] = {}
    for condition in itertools.chain.from_iterable(one.conditions for layer in layers for one in layer):
        if operator_of(condition.operator).family != "null":
            values.setdefault(condition.key, set()).update(condition.values)
    return frozenset(key for key, texts in values.items() if _may_be_one(texts))


def _may_be_one(texts: set[str]) -> bool:
    unknown = [one for one in texts if "<" in one]
    written = [one for one in texts if "<" not in one]
    return any("<AWS::" in one or not _WILDCARDS.isdisjoint(text) for one in unknown for text in written)


def loosened(statements: Statements, mixed: frozenset[str], *, limit: bool) -> Statements:
    """A policy where what a mixed key has may be either value: never narrower."""
    if not mixed:
        return statements
    found = []
    for one in statements:
        if one.effect == "Deny":
            if not any(_compares(c, mixed) and operator_of(c.operator).negated for c in one.conditions):
                found.append(one)
        elif limit:
            kept = tuple(c for c in one.conditions if not _compares(c, mixed))
            found.append(replace(one, conditions=kept))
        else:
            found.append(one)
    return tuple(found)


def tightened(statements: Statements, mixed: frozenset[str]) -> Statements:
    """An envelope where what a mixed key has may be either value: never wider."""
    if not mixed:
        return statements
    found = []
    for one in statements:
        if one.effect == "Deny":
            kept = tuple(c for c in one.conditions if not _compares(c, mixed))
            found.append(replace(one, conditions=kept))
        elif not any(_compares(c, mixed) and operator_of(c.operator).negated for c in one.conditions):
            found.append(one)
    return tuple(found)


def _compares(condition: Condition, mixed: frozenset[str]) -> bool:
    return condition.key in mixed and operator_of(condition.operator).family != "null"


def met(layers: tuple[Statements, ...], envelope: Statements) -> tuple[tuple[Statements, ...], Statements]:
    """The same for resources: patterns that may turn out to match what is allowed are read as if they did.

    In limits, in what a Deny spares, and in what the envelope denies or spares.
    """
    asked = dict.fromkeys(
        text
        for one in itertools.chain.from_iterable(layers)
        for text in (one.resources if one.effect == "Allow" else one.not_resources)
    ) | dict.fromkeys(
        text for one in envelope for text in (one.not_resources if one.effect == "Allow" else one.resources)
    )
    first, *limits = layers
    wide = (
        tuple(_joined(one, asked, named=False, spared=one.effect == "Deny") for one in first),
        *(
            tuple(
                _joined(one, asked, named=one.effect == "Allow", spared=one.effect == "Deny") for one in limit
            )
            for limit in limits
        ),
    )
    narrow = (
        _joined(one, asked, named=one.effect == "Deny", spared=one.effect == "Allow") for one in envelope
    )
    return wide, tuple(narrow)


def side_by_side(policies: list[Statements]) -> list[Statements]:
    """The same for policies none of which limits another."""
    asked = dict.fromkeys(
        text
        for one in itertools.chain.from_iterable(policies)
        for text in (one.resources if one.effect == "Allow" else one.not_resources)
        if "<AWS::" in text
    )
    return [
        tuple(_joined(one, asked, named=one.effect == "Allow", spared=one.effect == "Deny") for one in policy)
        for policy in policies
    ]


def _joined(statement: Statement, asked: Iterable[str], *, named: bool, spared: bool) -> Statement:
    """The statement with the patterns among `asked` that its own may turn out to match."""

    def joined(texts: tuple[str, ...]) -> tuple[str, ...]:
        return (*texts, *(one for one in asked if any(may_meet(one, text) for text in texts)))

    if not (named or (spared and statement.not_resources)):
        return statement
    resources = joined(statement.resources) if named else statement.resources
    return replace(
        statement,
        resources=resources,
        not_resources=joined(statement.not_resources) if spared else statement.not_resources,
    )


def _any_value(statement: Statement, *, blur: bool) -> Statement:
    """The statement with policy variables (if blurred, unknown values too) as any text: never narrower."""

    def wide(text: str) -> str:
        text = VARIABLE.sub("*", text) if statement.variables else text
        return _SYMBOL.sub("*", text) if blur else text

    # A wider pattern would make NotResource narrower: what is not known is left out of it.
    kept = tuple(text for text in statement.not_resources if wide(text) == text)
    if statement.not_resources and not kept:
        return replace(statement, not_resources=(), resources=("*",), variables=False)
    resources = tuple(wide(text) for text in statement.resources)
    return replace(statement, resources=resources, not_resources=kept, variables=False)


def _certain(deny: Statement, policy: Statements) -> bool:
    """Whether a Deny denies for sure: no value in it may turn out to be another one.

    Unknown values may be named where being equal denies. Where being different denies, only if the policy
    names nothing else in that place.
    """
    if _has_variables(deny):
        return False
    for spared in deny.not_resources:
        known = spared[: spared.rfind(">") + 1]  # up to its last unknown value
        allows = (
            text for one in policy if one.effect == "Allow" for text in (*one.resources, *one.not_resources)
        )
        if known and not all(text == "*" or text.startswith(known) for text in allows):
            return False
    for condition in deny.conditions:
        if not _known(condition, deny):
            return False
        if operator_of(condition.operator).negated and any("<" in value for value in condition.values):
            mine = {v for one in policy for c in one.conditions if c.key == condition.key for v in c.values}
            if mine != set(condition.values):
                return False
    return True


def _has_variables(statement: Statement) -> bool:
    texts = itertools.chain(
        statement.resources,
        statement.not_resources,
        *(condition.values for condition in statement.conditions),
    )
    return statement.variables and any("${" in text for text in texts)


def _known(condition: Condition, statement: Statement) -> bool:
    """Whether a condition can be decided; UnsupportedError for an operator that IAM does not have."""
    family = operator_of(condition.operator).family
    if statement.variables and any("${" in value for value in condition.values):
        return False
    if family in ("number", "date", "address"):
        try:
            for value in condition.values:
                wanted_value(condition.operator, value)
        except UnsupportedError:
            return False
    elif family == "text":
        try:
            for value in condition.values:
                test_of(condition.operator, value)
        except UnsupportedError:
            return False
    return True
