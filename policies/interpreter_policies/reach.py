"""What one execution role may do, in words, and the proof that it is within what was declared."""

from collections.abc import Sequence

from .iam.document import Statement
from .iam.proof import counterexample, describe
from .rule import UNJUDGED
from .rules.storage.prefix import envelope
from .template import Template, Undecided
from .view import Interpreter, interpreters


class UnknownRoleError(ValueError):
    """No interpreter and no role of that name; the message says which there are."""


def prove(name: str, templates: Sequence[Template]) -> tuple[bool, str]:
    """Whether the role reaches nothing beyond its declared prefix, and the whole answer as text.

    `name` is an interpreter's name or logical id, or its role's logical id or name. What cannot be proven is
    not proven: the text says why.
    """
    fleet = interpreters(templates)
    found = [one for one in fleet if name in _names(one)]
    if not found:
        there = ", ".join(dict.fromkeys(one.title for one in fleet)) or "none"
        raise UnknownRoleError(f"no interpreter or execution role {name!r}; interpreters are {there}")
    answers = [_proof(one) for one in found]
    return all(holds for holds, _ in answers), "\n\n".join(text for _, text in answers)


def _names(interpreter: Interpreter) -> set[str]:
    names = {interpreter.title, interpreter.logical_id}
    try:
        role = interpreter.role
    except UNJUDGED:
        return names
    if role is not None:
        given = role.properties.get("RoleName")
        names |= {role.logical_id, *([given] if isinstance(given, str) else [])}
    return names


def _proof(interpreter: Interpreter) -> tuple[bool, str]:
    try:
        role, storage = interpreter.role, interpreter.storage
        if role is None:
            return True, f"{interpreter.title}: has no execution role, and so reaches nothing"
        declared = f"{storage.access} on {storage.bucket}/{storage.prefix}" if storage else "nothing"
        lines = [f"{interpreter.title}, execution role {role.logical_id}", f"  declared: {declared}"]
        lines += [f"  {_in_words(one)}" for one in role.permissions]
        lines += ["  within a permissions boundary that is in the templates"] if role.limits else []
        beyond = counterexample(role.permissions, envelope(storage), within=role.limits)
    except Undecided as choice:
        return False, f"{interpreter.title}: not proven: {choice}; say which with --parameter"
    except UNJUDGED as error:
        return False, f"{interpreter.title}: not proven: {error}"
    if beyond is None:
        verdict = "proven: no request is allowed beyond what is declared"
    else:
        verdict = f"refuted: the role allows {describe(beyond)}"
    return beyond is None, "\n".join([*lines, f"  {verdict}"])


def _in_words(statement: Statement) -> str:
    actions = _all_but(statement.actions, statement.not_actions)
    resources = _all_but(statement.resources, statement.not_resources)
    conditions = " and ".join(
        f"{one.key} {one.operator} {' or '.join(one.values)}" for one in statement.conditions
    )
    return f"{statement.effect.lower()}s {actions} on {resources}" + (
        f" if {conditions}" if conditions else ""
    )


def _all_but(named: tuple[str, ...], excepted: tuple[str, ...]) -> str:
    return f"all but {', '.join(excepted)}" if excepted else ", ".join(named)
