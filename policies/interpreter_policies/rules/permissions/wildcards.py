"""ACCI-021."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class Wildcards(Rule):
    """No Allow is written with NotAction, NotResource or a whole service."""

    id = "ACCI-021"
    title = "no Allow of everything but something"
    severity = "high"
    why = "What is allowed by exclusion grows with every new service and resource of AWS."
    fix = "Name the actions and the resources."
    source = "AWS docs, IAM best practices"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        for statement in role.permissions:
            if statement.effect != "Allow":
                continue
            if statement.not_actions or statement.not_resources:
                return failed(
                    f"statement {statement.sid or '(without Sid)'} allows with NotAction or NotResource"
                )
            for action in statement.actions:
                if action == "*" or action.endswith(":*"):
                    return failed(f"statement {statement.sid or '(without Sid)'} allows {action}")
        return passed("every Allow names its actions and resources")
