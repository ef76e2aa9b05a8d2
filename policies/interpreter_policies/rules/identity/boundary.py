"""ACCI-029."""

from collections.abc import Sequence

from interpreter_policies.iam.proof import counterexample, describe
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.permissions.escalation import ENVELOPE
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
        given = role.template.branch(role.properties.get("PermissionsBoundary"))
        if given is None:
            return failed(f"role {role.logical_id} has no PermissionsBoundary")
        arn = role.template.text(given)
        if ":iam::aws:policy/" in arn:
            return failed(f"PermissionsBoundary is {arn}, which AWS writes and changes")
        for limit in role.limits:
            beyond = counterexample(limit, ENVELOPE)
            if beyond is not None:
                return failed(f"PermissionsBoundary {arn} lets {describe(beyond)} through")
        return passed(f"PermissionsBoundary is {arn}")
