"""ACCI-028."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Condition
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class OwnAccount(Rule):
    """Every grant on Amazon S3 is bound to resources of the own account."""

    id = "ACCI-028"
    title = "S3 grants are bound to the own account"
    severity = "medium"
    why = "A bucket's name can come to belong to somebody else; a grant by name would follow it there."
    fix = "StringEquals aws:ResourceAccount with the account's own id on every statement for S3."
    source = "AWS docs, data perimeters"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        for statement in role.permissions:
            if statement.effect != "Allow" or not any(
                action.startswith(("s3:", "*")) for action in statement.actions
            ):
                continue
            if not any(_binds(condition) for condition in statement.conditions):
                return failed(
                    f"statement {statement.sid or '(without Sid)'} has no condition on aws:ResourceAccount"
                )
        return passed("every grant on S3 names aws:ResourceAccount")


def _binds(condition: Condition) -> bool:
    if condition.operator != "StringEquals":
        return False
    return condition.key in ("aws:resourceaccount", "aws:resourceorgid")
