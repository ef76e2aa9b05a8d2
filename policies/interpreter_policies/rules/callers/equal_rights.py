"""ACCI-061."""

from collections.abc import Sequence

from interpreter_policies.iam.proof import counterexample, describe
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.callers.reading import (
    SESSION_ACTIONS,
    callers,
    granting,
    own_arns,
    reaches,
    refuse_unread,
)
from interpreter_policies.view import Interpreter


class EqualRights(Rule):
    """Whoever may use the interpreter may do by themselves what its role may: proven."""

    id = "ACCI-061"
    title = "callers have the rights of the role"
    severity = "high"
    why = "Code in a session can read the role's credentials: its caller gains what the role has more."
    fix = "Take from the role what its callers may not do, or keep those callers away from it."
    source = "AWS docs, AgentCore security-credentials-management"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        arns = own_arns(interpreter)
        found = []
        for identity in callers(interpreter.assembly):
            refuse_unread(identity)
            grants = granting(identity, SESSION_ACTIONS)
            if not any(reaches(one, arn) for one in grants for arn in arns):
                continue
            limits = () if identity.boundary is None else (identity.boundary,)
            shown = (
                counterexample(role.permissions, one, within=role.limits)
                for one in (identity.statements, *limits)
            )
            more = next((one for one in shown if one is not None), None)
            if more is not None:
                return failed(f"{identity.title} may not {describe(more)}, but the role may")
            found.append(identity.title)
        return passed(f"proven: {', '.join(found)}" if found else "no caller in the templates")
