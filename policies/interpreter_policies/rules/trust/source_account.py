"""ACCI-011."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.trust.reading import ACCOUNT_OPERATORS, allowing, values_of
from interpreter_policies.view import Interpreter


class SourceAccount(Rule):
    """The service may assume the role only on behalf of this account."""

    id = "ACCI-011"
    title = "trust policy names the account"
    severity = "high"
    why = "Without it another account's interpreter could make the service use this role (confused deputy)."
    fix = "StringEquals aws:SourceAccount with the account's own id."
    source = "AWS docs, confused deputy prevention"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        for statement in allowing(role):
            bounds = values_of(statement, ACCOUNT_OPERATORS, "aws:sourceaccount")
            if bounds != ("<AWS::AccountId>",):
                return failed(
                    f"aws:SourceAccount is bound to {bounds or 'nothing'}, expected the account's own id"
                )
        return passed("aws:SourceAccount is the account's own id")
