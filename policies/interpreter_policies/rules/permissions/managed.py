"""ACCI-022."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class ManagedPolicies(Rule):
    """No policy that is managed elsewhere is attached to the role."""

    id = "ACCI-022"
    title = "role has no managed policy from elsewhere"
    severity = "critical"
    why = "A managed policy can change without this template, and AWS's own ones are far wider than a prefix."
    fix = "Write what the role needs as an inline policy."
    source = "AWS docs, managed and inline policies"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        found = role.managed_policies
        return (
            failed(f"role has {', '.join(found)}")
            if found
            else passed("has no managed policy from elsewhere")
        )
