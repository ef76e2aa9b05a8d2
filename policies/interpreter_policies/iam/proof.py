"""Decides all requests: does a policy allow anything that its envelope does not?

Actions, resources and each condition key are split into classes that the patterns in play cannot tell apart;
one witness for each combination is put to the ordinary evaluator. Complete for globs: what no witness shows,
no request shows. Where the policy says more than is evaluated, it is read as wider than it is (an Allow
without that condition, a Deny left out), so that a proof stays one.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from .document import Condition, Statement
from .evaluator import (
    OTHER_OPERATORS,
    Context,
    Request,
    UnsupportedError,
    allowed,
    operator_of,
)
from .globs import Glob, classes, glob, matches

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
_PSEUDO = "<AWS::"


def counterexample(policy: tuple[Statement, ...], envelope: tuple[Statement, ...]) -> Request | None:
    """A request that the policy allows and the envelope does not, or None: then there is none.

    UnsupportedError if the policy uses an operator or variable that cannot be read as wider either.
    """
    policy = tuple(widened for statement in policy if (widened := _widened(statement)) is not None)
    both = policy + envelope
    action_patterns = _patterns(both, "actions", "not_actions")
    resource_patterns = _patterns(both, "resources", "not_resources")
    actions = _named_actions(action_patterns)
    resources = classes(map(glob, resource_patterns))
    by_action = [_covering(both, "actions", "not_actions", action_patterns, one) for one in actions]
    by_resource = [_covering(both, "resources", "not_resources", resource_patterns, one) for one in resources]
    for (action, of_action), (resource, of_resource) in itertools.product(
        zip(actions.values(), by_action, strict=True), zip(resources.values(), by_resource, strict=True)
    ):
        concerned = sorted(of_action & of_resource)
        if not any(both[number].effect == "Allow" for number in concerned if number < len(policy)):
            continue
        conditions = [condition for number in concerned for condition in both[number].conditions]
        for context in _contexts(conditions):
            request = Request(action, resource, context)
            if allowed(policy, request) and not allowed(envelope, request):
                return request
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


def _widened(statement: Statement) -> Statement | None:
    """The statement without what is not evaluated: wider if it allows, left out if it denies."""
    unknown = [one for one in statement.conditions if not _evaluated(one)]
    if statement.effect == "Allow":
        return replace(statement, conditions=tuple(one for one in statement.conditions if one not in unknown))
    texts = [*statement.resources, *statement.not_resources]
    texts += [value for condition in statement.conditions for value in condition.values]
    # Two unknown values may be one and the same, which can make a Deny say less than it seems to.
    uncertain = any("<" in text.replace(_PSEUDO, "") for text in texts)
    arns = any("Arn" in condition.operator for condition in statement.conditions)
    return None if unknown or uncertain or arns else statement


def _evaluated(condition: Condition) -> bool:
    base = condition.operator.rpartition(":")[2].removesuffix("IfExists")
    if base in OTHER_OPERATORS:
        return False
    operator_of(condition.operator)  # raises for an operator that IAM does not have
    return True


def _patterns(statements: tuple[Statement, ...], name: str, not_name: str) -> list[str]:
    """Every pattern of a dimension, once."""
    found = dict.fromkeys(
        pattern for one in statements for pattern in (*getattr(one, name), *getattr(one, not_name))
    )
    for pattern in found:
        if "${" in pattern:
            raise UnsupportedError(f"policy variable in {pattern!r} is not evaluated here")
    return list(found)


def _covering(
    statements: tuple[Statement, ...], name: str, not_name: str, patterns: list[str], matched: frozenset[int]
) -> frozenset[int]:
    """The numbers of the statements that cover a class: its texts match exactly the patterns `matched`."""
    texts = {patterns[number] for number in matched}
    return frozenset(
        number
        for number, one in enumerate(statements)
        if (
            not texts & {*getattr(one, not_name)} if getattr(one, not_name) else texts & {*getattr(one, name)}
        )
    )


def _named_actions(patterns: list[str]) -> dict[frozenset[int], str]:
    """The classes of actions, each with a witness that a reader knows if there is one."""
    globs = [glob(pattern) for pattern in patterns]
    found = classes(globs)
    for action in reversed(_KNOWN_ACTIONS):
        found[frozenset(number for number, one in enumerate(globs) if matches(one, action))] = action
    return found


def _contexts(conditions: list[Condition]) -> Iterator[Context]:
    """One context for each combination of classes of the keys that the conditions name."""
    choices: dict[str, list[tuple[str, ...] | None]] = {}
    for key in dict.fromkeys(condition.key for condition in conditions):
        mine = [condition for condition in conditions if condition.key == key]
        patterns: list[Glob] = []
        for condition in mine:
            make = operator_of(condition.operator).pattern
            if make is not None:
                patterns += [make(value) for value in condition.values]
        values = list(classes(dict.fromkeys(patterns)).values())
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
    for picked in itertools.product(*choices.values()):
        yield {key: values for key, values in zip(choices, picked, strict=True) if values is not None}
