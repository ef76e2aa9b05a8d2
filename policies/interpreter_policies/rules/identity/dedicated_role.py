"""ACCI-006."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter, holders


class DedicatedRole(Rule):
    """No other interpreter has the same execution role."""

    id = "ACCI-006"
    title = "execution role belongs to one interpreter"
    severity = "medium"
    why = "A shared role gives each interpreter what any of them needs."
    fix = "Give every interpreter an execution role of its own."
    source = "AWS docs, least privilege for AgentCore execution roles"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        for other in holders(interpreter.assembly)[role.template.scope, role.logical_id]:
            if other.logical_id != interpreter.logical_id or other.template != interpreter.template:
                return failed(f"role {role.logical_id} is also the role of {other.title}")
        return passed(f"role {role.logical_id} is its own")
