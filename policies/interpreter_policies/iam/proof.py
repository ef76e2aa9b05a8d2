"""Decides all requests: does a policy allow anything that its envelope does not?

Actions, resources and each condition key are split into classes that the patterns in play cannot tell apart;
one witness for each combination is put to the ordinary evaluator. Complete for globs and ordered values: what
no witness shows, no request shows. Where a value is not known (policy variables, what only the deployment
tells) a policy is read as wider than it is and its envelope as narrower, so that a proof stays one; a request
that only the wider reading allows is no counterexample, and the question stays open (UnsupportedError).
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from .document import Condition, Statement
from .evaluator import VARIABLE, Context, Request, Statements, UnsupportedError, allowed
from .globs import classes, glob, literal, matches
from .meeting import may_meet
from .operators import operator_of, test_of, wanted_value

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
_SYMBOL = re.compile(r"<[^<>]+>")
_WILDCARDS = frozenset("*?")


def counterexample(
    policy: Statements, envelope: Statements, within: Iterable[Statements] = ()
) -> Request | None:
    """A request that the policy allows and the envelope does not, or None: then there is none.

    `within` are further policies that have to allow it as well (a boundary, a session policy, service control
    policies). The smallest that is found, fewest condition keys first. UnsupportedError if the question stays
    open, or is larger than is tried.
    """
    limits = tuple(within)
    mixed = _mixed((policy, *limits))
    wide, narrow = _met(
        tuple(
            _loosened(statements, mixed, limit=number > 0)
            for number, statements in enumerate((_widened(policy), *map(_blurred, limits)))
        ),
        _tightened(_narrowed(envelope), _mixed((policy, *limits, envelope))),
    )
    found: list[Request] = []
    doubt: Request | None = None
    for requests in _requests(wide, narrow):
        for request in requests:
            if all(allowed(layer, request) for layer in wide) and not allowed(narrow, request):
                confirmed = _confirmed(request, (policy, *limits), envelope)
                if confirmed is not None:
                    found.append(confirmed)
                    break
                doubt = doubt or request
    if found:
        return min(found, key=lambda one: (len(one.context), _rank(one.action), len(one.resource)))
    if doubt is not None:
        raise UnsupportedError(f"cannot tell whether {describe(doubt)} is allowed: a value is not known")
    return None


def _confirmed(request: Request, policies: tuple[Statements, ...], envelope: Statements) -> Request | None:
    """The request, completed with what policy variables ask for, if the policies as written allow it."""
    for one in _concrete(request, policies):
        if all(allowed(policy, one) for policy in policies) and not allowed(envelope, one):
            return one
    return None


def overlap(policies: Mapping[str, Statements]) -> tuple[str, str, Request] | None:
    """Two of these policies that allow one request, by name, and that request; None if no two do."""
    named = list(policies.items())
    mixed = _mixed(tuple(policies.values()))
    wide = _side_by_side([_loosened(_widened(one), mixed, limit=True) for one in policies.values()])
    owners = [index for index, one in enumerate(wide) for _ in one]
    joint = tuple(itertools.chain.from_iterable(wide))
    doubt: Request | None = None
    for action, resource, concerned in _pairs(joint):
        granted = {owners[number] for number in concerned if joint[number].effect == "Allow"}
        for pair in itertools.combinations(sorted(granted), 2):
            both = [joint[number] for number in concerned if owners[number] in pair]
            for context in _contexts(tuple(condition for one in both for condition in one.conditions)):
                request = Request(action, resource, context)
                if all(allowed(wide[index], request) for index in pair):
                    confirmed = _confirmed(request, tuple(named[index][1] for index in pair), ())
                    if confirmed is not None:
                        return named[pair[0]][0], named[pair[1]][0], confirmed
                    doubt = doubt or request
    if doubt is not None:
        raise UnsupportedError(f"cannot tell whether two allow {describe(doubt)}: a value is not known")
    return None


def describe(request: Request) -> str:
    """A counterexample in words."""
    context = ", ".join(
        f"{key} {' and '.join(repr(value) for value in values) or 'empty'}"
        for key, values in sorted(request.context.items())
    )
    return f"{request.action} on {request.resource or 'any resource'}" + (
        f" with {context}" if context else ""
    )


def _requests(layers: tuple[Statements, ...], envelope: Statements) -> Iterator[Iterator[Request]]:
    """For each class of actions and resources that the first layer allows something of, its requests."""
    joint = tuple(itertools.chain(*layers, envelope))
    own = len(layers[0])
    for action, resource, concerned in _pairs(joint):
        if any(joint[number].effect == "Allow" for number in concerned if number < own):
            contexts = _contexts(
                tuple(condition for number in concerned for condition in joint[number].conditions)
            )
            yield (Request(action, resource, context) for context in contexts)


def _rank(action: str) -> int:
    return _KNOWN_ACTIONS.index(action) if action in _KNOWN_ACTIONS else len(_KNOWN_ACTIONS)


def _pairs(statements: Statements) -> Iterator[tuple[str, str, list[int]]]:
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


def _widened(statements: Statements) -> Statements:
    """The policy without what is not known: an Allow without that condition, a Deny left out."""
    found = []
    for statement in statements:
        if statement.effect == "Allow":
            conditions = tuple(one for one in statement.conditions if _known(one, statement))
            found.append(_any_value(replace(statement, conditions=conditions), blur=False))
        elif _certain(statement, statements):
            found.append(statement)
    return tuple(found)


def _blurred(statements: Statements) -> Statements:
    """The same for a policy that only limits: two unknown values may be the same one, so each is any text."""
    found = []
    for statement in _widened(statements):
        if statement.effect == "Allow":
            conditions = tuple(one for one in statement.conditions if not any("<" in v for v in one.values))
            statement = _any_value(replace(statement, conditions=conditions), blur=True)
        found.append(statement)
    return tuple(found)


def _narrowed(statements: Statements) -> Statements:
    """The envelope without what is not known: such an Allow left out, a Deny without that condition."""
    found = []
    for statement in statements:
        conditions = tuple(one for one in statement.conditions if _known(one, statement))
        if statement.effect == "Deny":
            found.append(_any_value(replace(statement, conditions=conditions), blur=True))
        elif conditions == statement.conditions and not _has_variables(statement):
            found.append(statement)
    return tuple(found)


def _mixed(layers: Iterable[Statements]) -> frozenset[str]:
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


def _loosened(statements: Statements, mixed: frozenset[str], *, limit: bool) -> Statements:
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


def _tightened(statements: Statements, mixed: frozenset[str]) -> Statements:
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


def _met(layers: tuple[Statements, ...], envelope: Statements) -> tuple[tuple[Statements, ...], Statements]:
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


def _side_by_side(policies: list[Statements]) -> list[Statements]:
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


def _concrete(request: Request, policies: tuple[Statements, ...]) -> Iterator[Request]:
    """The request, and the request with the keys that policy variables and dropped conditions ask for."""
    yield request
    context = dict(request.context)
    for statement in itertools.chain.from_iterable(policies):
        if statement.effect != "Allow" or not statement.variables:
            continue
        for pattern in statement.resources:
            context.update(_bound(pattern, request.resource))
        for condition in statement.conditions:
            for value in condition.values:
                if "${" in value and condition.key not in context:
                    for found in VARIABLE.finditer(value):
                        context.setdefault(found[1].strip().lower(), ("value",))
                    filled = VARIABLE.sub(lambda one: context[one[1].strip().lower()][0], value)
                    context[condition.key] = (filled.replace("*", ""),)
    if context != request.context:
        yield replace(request, context=context)


def _bound(pattern: str, resource: str) -> Context:
    """What a pattern's variables have to be for it to match a resource."""
    keys, expression, at = [], "", 0
    for found in VARIABLE.finditer(pattern):
        keys.append(found[1].strip().lower())
        expression += _plain(pattern[at : found.start()]) + "(.*)"
        at = found.end()
    matched = re.fullmatch(expression + _plain(pattern[at:]), resource, re.DOTALL) if keys else None
    return {key: (value,) for key, value in zip(keys, matched.groups(), strict=True)} if matched else {}


def _plain(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


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
def _contexts(conditions: tuple[Condition, ...]) -> tuple[Context, ...]:
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
