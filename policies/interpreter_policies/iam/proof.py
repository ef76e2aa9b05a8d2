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

from .evaluator import VARIABLE, Context, Request, Statements, UnsupportedError, allowed
from .unknown import blurred, loosened, met, mixed_keys, narrowed, side_by_side, tightened, widened
from .witnesses import contexts, pairs, rank


def counterexample(
    policy: Statements, envelope: Statements, within: Iterable[Statements] = ()
) -> Request | None:
    """A request that the policy allows and the envelope does not, or None: then there is none.

    `within` are further policies that have to allow it as well (a boundary, a session policy, service control
    policies). The smallest that is found, fewest condition keys first. UnsupportedError if the question stays
    open, or is larger than is tried.
    """
    limits = tuple(within)
    mixed = mixed_keys((policy, *limits))
    wide, narrow = met(
        tuple(
            loosened(statements, mixed, limit=number > 0)
            for number, statements in enumerate((widened(policy), *map(blurred, limits)))
        ),
        tightened(narrowed(envelope), mixed_keys((policy, *limits, envelope))),
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
        return min(found, key=lambda one: (len(one.context), rank(one.action), len(one.resource)))
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
    mixed = mixed_keys(tuple(policies.values()))
    wide = side_by_side([loosened(widened(one), mixed, limit=True) for one in policies.values()])
    owners = [index for index, one in enumerate(wide) for _ in one]
    joint = tuple(itertools.chain.from_iterable(wide))
    doubt: Request | None = None
    for action, resource, concerned in pairs(joint):
        granted = {owners[number] for number in concerned if joint[number].effect == "Allow"}
        for pair in itertools.combinations(sorted(granted), 2):
            both = [joint[number] for number in concerned if owners[number] in pair]
            for context in contexts(tuple(condition for one in both for condition in one.conditions)):
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
    for action, resource, concerned in pairs(joint):
        if any(joint[number].effect == "Allow" for number in concerned if number < own):
            found = contexts(
                tuple(condition for number in concerned for condition in joint[number].conditions)
            )
            yield (Request(action, resource, context) for context in found)


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
