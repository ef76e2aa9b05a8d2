"""ACCI-029."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class Boundary(Rule):
    """The execution role has a permissions boundary."""

    id = "ACCI-029"
    title = "execution role has a permissions boundary"
    severity = "medium"
    why = "A boundary holds even when somebody adds a policy to the role later."
    fix = "Set permissions_boundary in fleet.yaml, or PermissionsBoundary on the role."
    source = "AWS docs, permissions boundaries"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        boundary = role.properties.get("PermissionsBoundary")
        if boundary is None:
            return failed(f"role {role.logical_id} has no PermissionsBoundary")
        return passed(f"PermissionsBoundary is {role.template.text(boundary)}")
