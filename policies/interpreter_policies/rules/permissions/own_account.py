"""ACCI-028."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Condition, Statement
from interpreter_policies.rule import Outcome, Rule
from interpreter_policies.rules.reach import all_but, within
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
        return within(interpreter, _BOUND, "every grant on S3 names the own account or organisation")


# By proof, because an action can mean S3 without being written `s3:`: NotAction, `s*:Get*`.
_BOUND = (
    *all_but("s3:*"),
    *(
        Statement("Allow", actions=("*",), resources=("*",), conditions=(condition,))
        for condition in (
            Condition("StringEquals", "aws:resourceaccount", ("<AWS::AccountId>",)),
            Condition("StringLike", "aws:resourceorgid", ("o-?*",)),
        )
    ),
)
