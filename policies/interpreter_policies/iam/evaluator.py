"""Decides one request: default deny, an explicit Deny wins (IAM user guide, policy evaluation logic)."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .document import Condition, DocumentError, Statement
from .globs import Glob, Token, folded, glob, literal, matches
from .operators import UnsupportedError, operator_of, test_of

__all__ = ["Context", "Decision", "Policies", "Principal", "Request", "UnsupportedError", "allowed", "decide"]

# Condition key (lower case) → its values in the request; a key that is not there is absent.
Context = Mapping[str, tuple[str, ...]]
Statements = tuple[Statement, ...]


@dataclass(frozen=True)
class Principal:
    """Who asks: a user or role (`arn`, `account`; `session` too if it is a role's session), or a service."""

    arn: str = ""
    session: str = ""
    account: str = ""
    service: str = ""


@dataclass(frozen=True)
class Request:
    """One action on one resource. `resource_account` None: the principal's own.

    Action and condition keys mean the same in any case; they are kept in lower case.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict, hash=False)
    principal: Principal | None = None
    resource_account: str | None = None

    def __post_init__(self) -> None:
        if not self.action.islower():
            object.__setattr__(self, "action", self.action.lower())
        if not all(map(str.islower, self.context)):
            lower = {key.lower(): values for key, values in self.context.items()}
            object.__setattr__(self, "context", lower)


@dataclass(frozen=True)
class Policies:
    """Everything that bears on a request. None: there is no such policy, which limits nothing.

    `scps` and `rcps` hold one member for each level of the organisation; every level has to allow.
    """

    identity: Statements = ()
    resource: Statements | None = None
    boundary: Statements | None = None
    session: Statements | None = None
    scps: tuple[Statements, ...] = ()
    rcps: tuple[Statements, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Whether the request is allowed, why, and the statement that decided if it was one."""

    allowed: bool
    reason: str
    statement: Statement | None = None


def allowed(statements: Statements, request: Request) -> bool:
    """Whether identity policies alone allow the request. UnsupportedError for what is not evaluated here."""
    effects = {statement.effect for statement in statements if applies(statement, request)}
    return "Allow" in effects and "Deny" not in effects


def decide(policies: Policies, request: Request) -> Decision:
    """Whether all policies together allow the request (IAM user guide, "Policy evaluation logic")."""
    who = request.principal or Principal()
    layers = list(_layers(policies))
    for name, statements in layers:
        for statement in statements:
            if statement.effect == "Deny" and _concerns(
                name, statement, request, who, bounded=policies.boundary is not None
            ):
                return Decision(False, f"explicit deny in the {name}", statement)
    for name, statements in layers:
        if "control" in name and _under_control(name, who) and _grant(statements, request) is None:
            return Decision(False, f"no statement of the {name} allows it")
    by_resource, grant = _resource_grant(policies.resource or (), request, who)
    if who.service:
        reason = "the resource policy allows it" if grant else "no statement of the resource policy allows it"
        return Decision(bool(grant), reason, grant)
    foreign = request.resource_account not in (None, who.account)
    # An assumed role and a KMS key ask their own policy; identity policies alone are not enough for them.
    asks_resource = request.action.startswith(("sts:assumerole", "kms:")) and policies.resource is not None
    if grant is None and (foreign or asks_resource):
        return Decision(False, "no statement of the resource policy allows it")
    if grant is not None and by_resource == "itself" and not foreign:
        return Decision(True, "the resource policy allows it to the principal itself", grant)
    identity = _grant(policies.identity, request)
    direct = grant is not None and by_resource != "account" and not foreign
    if identity is None and not direct:
        return Decision(False, "no statement of the identity policy allows it")
    for name, limit in (("permissions boundary", policies.boundary), ("session policy", policies.session)):
        if limit is not None and _grant(limit, request) is None:
            return Decision(False, f"no statement of the {name} allows it")
    if identity is None:
        return Decision(True, "the resource policy allows it", grant)
    return Decision(True, "the identity policy allows it", identity)


def _layers(policies: Policies) -> Iterator[tuple[str, Statements]]:
    for number, level in enumerate(policies.rcps, start=1):
        yield f"resource control policy of level {number}", level
    for number, level in enumerate(policies.scps, start=1):
        yield f"service control policy of level {number}", level
    yield "resource policy", policies.resource or ()
    yield "identity policy", policies.identity
    yield "permissions boundary", policies.boundary or ()
    yield "session policy", policies.session or ()


def _under_control(layer: str, who: Principal) -> bool:
    """Control policies bind no service-linked role; those on principals bind no service either."""
    linked = ":role/aws-service-role/" in who.arn
    return not linked and not (layer.startswith("service control") and who.service)


def _concerns(layer: str, statement: Statement, request: Request, who: Principal, *, bounded: bool) -> bool:
    if "control" in layer and not _under_control(layer, who):
        return False
    if layer == "resource policy" or (layer.startswith("resource control") and statement.principal):
        # With a boundary, a Deny for others than the named hits the named as well (NotPrincipal's page).
        others = isinstance(statement.principal, dict) and "Not" in statement.principal
        means = (bounded and others) or _names_principal(statement, who) is not None
        return means and applies(statement, request)
    return applies(statement, request)


def _grant(statements: Statements, request: Request) -> Statement | None:
    """The first statement that allows."""
    found = (one for one in statements if one.effect == "Allow" and applies(one, request))
    return next(found, None)


def _resource_grant(statements: Statements, request: Request, who: Principal) -> tuple[str, Statement | None]:
    """How a resource policy allows the request: to the principal "itself", as a "role", to its "account"."""
    found: dict[str, Statement] = {}
    for statement in statements:
        if statement.effect == "Allow" and applies(statement, request):
            kind = _names_principal(statement, who)
            if kind is not None:
                found.setdefault(kind, statement)
    for kind in ("itself", "role", "account"):
        if kind in found:
            return kind, found[kind]
    return "", None


def _names_principal(statement: Statement, who: Principal) -> str | None:
    """How a resource policy's statement means the principal, None if it does not.

    "itself": a user or one session of a role, which boundaries do not limit then; "role": a role, or
    everybody; "account": the whole account, which leaves the decision to the identity policies.
    """
    named = statement.principal
    if named is None:
        raise DocumentError("a resource policy's statement has no Principal")
    if isinstance(named, dict) and "Not" in named:
        if statement.effect == "Allow":
            raise UnsupportedError("NotPrincipal with Allow is not evaluated here")
        return None if _spared(named["Not"], who) else "role"
    if named == "*":
        return _everybody(statement)
    if not isinstance(named, dict):
        raise DocumentError(f"Principal is {named!r}, expected '*' or an object")
    if who.service:
        return "itself" if who.service in _list(named.get("Service")) else None
    listed = _list(named.get("AWS"))
    kinds = [_everybody(statement) if one == "*" else _kind(one, who) for one in listed]
    return next((kind for kind in ("itself", "role", "account") if kind in kinds), None)


def _everybody(statement: Statement) -> str:
    """Everybody with a condition on aws:PrincipalArn is as good as the session (Principal element's page)."""
    return "itself" if any(one.key == "aws:principalarn" for one in statement.conditions) else "role"


def _kind(named: str, who: Principal) -> str | None:
    if named == "*":
        return "role"
    if "*" in named or "?" in named:
        raise DocumentError(f"Principal {named!r} has a wildcard, expected '*' alone or a whole ARN")
    if named and named == who.session:
        return "itself"
    if named and named == who.arn:
        return "role" if who.session or ":role/" in who.arn else "itself"
    account = re.fullmatch(r"(?:arn:[^:]+:iam::)?([0-9]{12}|<[^<>]+>)(?::root)?", named)
    return "account" if account and account[1] == who.account else None


def _spared(named: Any, who: Principal) -> bool:
    """Whether NotPrincipal leaves a principal out: its account, role and session must all be named."""
    if not isinstance(named, dict):
        return bool(named == "*")
    if who.service:
        return who.service in _list(named.get("Service"))
    arns = _list(named.get("AWS"))
    kinds = {_kind(one, who) for one in arns}
    return "*" in arns or (
        "account" in kinds and who.arn in arns and (not who.session or who.session in arns)
    )


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def applies(statement: Statement, request: Request) -> bool:
    """Whether a statement is about the request; principals are not looked at."""
    return (
        names(statement.actions, statement.not_actions, request.action)
        and _covers(statement, request)
        and all(holds(one, request.context, variables=statement.variables) for one in statement.conditions)
    )


@lru_cache(maxsize=1 << 14)
def names(patterns: tuple[str, ...], not_patterns: tuple[str, ...], text: str) -> bool:
    """Whether Action/NotAction (or Resource/NotResource without variables) covers a text."""
    if not_patterns:
        return not any(matches(glob(pattern), text) for pattern in not_patterns)
    return any(matches(glob(pattern), text) for pattern in patterns)


def _covers(statement: Statement, request: Request) -> bool:
    patterns = statement.not_resources or statement.resources
    # A trust policy names no resource: it is about its role.
    if not patterns:
        return statement.principal is not None
    if not (statement.variables and any("${" in pattern for pattern in patterns)):
        return names(statement.resources, statement.not_resources, request.resource)
    found = any(
        matches(one, request.resource)
        for pattern in patterns
        if (one := _substituted(pattern, glob, request.context, statement.variables)) is not None
    )
    return found != bool(statement.not_resources)


def holds(condition: Condition, context: Context, *, variables: bool = False) -> bool:
    """Whether a condition is true in a context."""
    operator = operator_of(condition.operator)
    values = context.get(condition.key)
    if operator.family == "null":
        wanted = [value.lower() == "true" for value in condition.values]
        return (values is None) in wanted
    if values is None:
        # An absent key passes an optional test, ForAllValues and a plain negated test; it fails the others.
        if operator.if_exists or operator.quantifier == "ForAllValues":
            return True
        return operator.negated and not operator.quantifier
    if operator.quantifier == "ForAllValues" and not any(values):
        return True  # an empty text counts as no value
    compare = list(_comparisons(condition, context, variables))
    tests = [any(one(value) for one in compare) != operator.negated for value in values]
    if operator.quantifier == "ForAllValues":
        return all(tests)
    if operator.quantifier == "ForAnyValue":
        return any(tests)
    return all(tests) if operator.negated else any(tests)


def _comparisons(condition: Condition, context: Context, variables: bool) -> Iterator[Callable[[str], bool]]:
    make = operator_of(condition.operator).pattern
    for value in condition.values:
        if make is None or not (variables and "${" in value):
            yield test_of(condition.operator, value)
        elif (pattern := _substituted(value, make, context, variables)) is not None:
            yield lambda text, pattern=pattern: matches(pattern, text)  # type: ignore[misc]


# `${key}`, `${key, 'default'}`, and the three characters that could not be written otherwise.
VARIABLE = re.compile(r"\$\{([^},]*)(?:,\s*'([^']*)')?\s*\}")
CHARACTERS = ("*", "?", "$")


def _substituted(text: str, make: Callable[[str], Glob], context: Context, variables: bool) -> Glob | None:
    """A pattern with its policy variables filled in, their values taken literally; None if one is absent."""
    if not (variables and "${" in text):
        return make(text)
    filled: dict[str, str] = {}
    for found in VARIABLE.finditer(text):
        key, default = found[1].strip(), found[2]
        values = context.get(key.lower())
        if key in CHARACTERS:
            filled[found[0]] = key
        elif values is not None and len(values) == 1:
            filled[found[0]] = values[0]
        elif values is None and default is not None:
            filled[found[0]] = default
        else:
            return None
    return make_filled(text, make, filled)


def make_filled(text: str, make: Callable[[str], Glob], filled: Mapping[str, str]) -> Glob:
    """A pattern whose variables are replaced by texts without a meaning of their own as wildcards."""
    # Each value passes through the pattern as one private character, and is put back place by place.
    marks = {chr(0xE000 + number): variable for number, variable in enumerate(filled)}
    for mark, variable in marks.items():
        text = text.replace(variable, mark)
    places: list[Token] = []
    for token in make(text).tokens:
        mark = token.among[0] if token.among else ""
        places += _literally(make, filled[marks[mark]]) if mark in marks else [token]
    return Glob(tuple(places))


def _literally(make: Callable[[str], Glob], value: str) -> list[Token]:
    return list((folded if make is folded else literal)(value).tokens)
