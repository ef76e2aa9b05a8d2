"""Splits requests into classes that the statements in play cannot tell apart, with one witness of each.

By action, by resource, and by the value of each condition key: complete for globs and ordered values, so what
no witness shows, no request shows.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from .document import Condition
from .evaluator import Context, Statements, UnsupportedError
from .globs import classes, glob, literal, matches
from .operators import operator_of, wanted_value

_MAX_VALUES_TOGETHER = 10
_MAX_CONTEXTS = 50_000
# Witnesses that a reader knows, preferred to the shortest text of their class.
_KNOWN_ACTIONS = (
    "s3:getobject",
    "s3:putobject",
    "s3:deleteobject",
    "s3:listbucket",
    "s3:listallmybuckets",
    "s3:putbucketpolicy",
    "s3:getobjectversion",
    "s3:putobjectacl",
    "s3:getbucketlocation",
    "iam:passrole",
    "sts:assumerole",
    "secretsmanager:getsecretvalue",
    "kms:decrypt",
    "dynamodb:getitem",
    "logs:putlogevents",
    "bedrock:invokemodel",
)


def rank(action: str) -> int:
    return _KNOWN_ACTIONS.index(action) if action in _KNOWN_ACTIONS else len(_KNOWN_ACTIONS)


def pairs(statements: Statements) -> Iterator[tuple[str, str, list[int]]]:
    """Each class of actions and resources: a witness of both, and the numbers of the statements about it."""
    action_patterns = _patterns(statements, "actions", "not_actions")
    resource_patterns = _patterns(statements, "resources", "not_resources")
    actions = _named_actions(tuple(action_patterns))
    resources = classes(map(glob, resource_patterns))
    by_action = [_covering(statements, "actions", "not_actions", action_patterns, one) for one in actions]
    by_resource = [
        _covering(statements, "resources", "not_resources", resource_patterns, one) for one in resources
    ]
    for (action, of_action), (resource, of_resource) in itertools.product(
        zip(actions.values(), by_action, strict=True), zip(resources.values(), by_resource, strict=True)
    ):
        if concerned := of_action & of_resource:
            yield action, resource, sorted(concerned)


def _patterns(statements: Statements, name: str, not_name: str) -> list[str]:
    """Every pattern of a dimension, once."""
    return list(
        dict.fromkeys(
            pattern for one in statements for pattern in (*getattr(one, name), *getattr(one, not_name))
        )
    )


def _covering(
    statements: Statements, name: str, not_name: str, patterns: list[str], matched: frozenset[int]
) -> frozenset[int]:
    """The numbers of the statements that cover a class: its texts match exactly the patterns `matched`."""
    texts = {patterns[number] for number in matched}
    found = set()
    for number, one in enumerate(statements):
        excepted, named = getattr(one, not_name), getattr(one, name)
        if excepted:
            covers = texts.isdisjoint(excepted)
        elif named:
            covers = not texts.isdisjoint(named)
        else:  # a trust policy's statement names no resource
            covers = name == "resources" and one.principal is not None
        if covers:
            found.add(number)
    return frozenset(found)


@lru_cache(maxsize=1 << 10)
def _named_actions(patterns: tuple[str, ...]) -> dict[frozenset[int], str]:
    """The classes of actions, each with a witness that a reader knows if there is one, those first."""
    globs = [glob(pattern) for pattern in patterns]
    found: dict[frozenset[int], str] = {}
    for action in _KNOWN_ACTIONS:
        found.setdefault(frozenset(n for n, one in enumerate(globs) if matches(one, action)), action)
    for numbers, witness in classes(globs).items():
        found.setdefault(numbers, witness)
    return found


@lru_cache(maxsize=1 << 10)
def contexts(conditions: tuple[Condition, ...]) -> tuple[Context, ...]:
    """One context for each combination of classes of the keys that the conditions name, fewest keys first."""
    choices: dict[str, list[tuple[str, ...] | None]] = {}
    for key in dict.fromkeys(condition.key for condition in conditions):
        mine = [condition for condition in conditions if condition.key == key]
        values = _values(key, mine)
        choices[key] = [None, *((value,) for value in values)]
        if any(operator_of(condition.operator).quantifier for condition in mine):
            if len(values) > _MAX_VALUES_TOGETHER:
                raise UnsupportedError(f"{key}: too many values for a condition on sets of them")
            choices[key] += [
                several
                for size in (0, *range(2, len(values) + 1))
                for several in itertools.combinations(values, size)
            ]
    total = 1
    for options in choices.values():
        total *= len(options)
    if total > _MAX_CONTEXTS:
        raise UnsupportedError(f"{total} combinations of condition values are more than are tried")
    combined = sorted(itertools.product(*choices.values()), key=lambda one: len(one) - one.count(None))
    return tuple(
        {key: values for key, values in zip(choices, picked, strict=True) if values is not None}
        for picked in combined
    )


def _values(key: str, conditions: list[Condition]) -> list[str]:
    """One value of each class that the conditions on a key tell apart."""
    families = {operator_of(one.operator).family for one in conditions} - {"null"}
    if len(families) > 1:
        raise UnsupportedError(f"{key} is compared as {' and as '.join(sorted(families))}")
    family = families.pop() if families else "text"
    pairs = [
        (one.operator, value)
        for one in conditions
        if operator_of(one.operator).family != "null"
        for value in one.values
    ]
    if pairs and all(name.startswith("Bool") for name, _ in pairs):
        return ["false", "true"]
    if family == "text":
        patterns = dict.fromkeys(
            make(value) for name, value in pairs if (make := operator_of(name).pattern) is not None
        )
        if any(operator_of(one.operator).quantifier for one in conditions):
            patterns[literal("")] = None  # an empty text counts as no value in a set
        return list(classes(patterns).values())
    wanted = [wanted_value(name, value) for name, value in pairs]
    if family == "address":
        return _addresses(wanted)
    return [_shown(family, point) for point in _points(wanted)]


def _points(wanted: list[Decimal]) -> list[Decimal]:
    """Every given value, one between each two neighbours, and one beyond either end."""
    given = sorted(set(wanted))
    between = [(low + high) / 2 for low, high in itertools.pairwise(given)]
    return sorted({given[0] - 1, *given, *between, given[-1] + 1})


def _shown(family: str, point: Decimal) -> str:
    if family == "date" and point == int(point):
        try:
            return datetime.fromtimestamp(int(point), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except (OverflowError, ValueError, OSError):  # a year that Python has no date for
            return str(point)
    return str(point)


def _addresses(networks: list[Any]) -> list[str]:
    """The first address of every network and the first after it: each class begins at one of these."""
    found: dict[str, None] = {}
    for make, version in ((IPv4Address, 4), (IPv6Address, 6)):
        mine = [one for one in networks if one.version == version]
        most = 2 ** (32 if version == 4 else 128) - 1
        starts = {0, *(int(one.network_address) for one in mine)}
        starts |= {int(one.broadcast_address) + 1 for one in mine if int(one.broadcast_address) < most}
        found |= dict.fromkeys(str(make(start)) for start in sorted(starts))
    return list(found)
