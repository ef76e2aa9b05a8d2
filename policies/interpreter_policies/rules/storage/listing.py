"""ACCI-024."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Condition, Statement
from interpreter_policies.rule import Outcome, Rule
from interpreter_policies.rules.reach import all_but, within
from interpreter_policies.view import Interpreter


class Listing(Rule):
    """The bucket is listed only below a prefix."""

    id = "ACCI-024"
    title = "listing is bound to a prefix"
    severity = "high"
    why = "Names of objects are data; a list without a prefix shows every interpreter's."
    fix = "StringLike s3:prefix on s3:ListBucket, not ...IfExists and not negated."
    source = "AWS docs, s3:prefix condition key"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        return within(interpreter, _BOUND, "no listing without a prefix")


_LISTS = ("s3:listbucket", "s3:listbucketversions", "s3:listbucketmultipartuploads")
_BOUND = (
    *all_but(*_LISTS),
    Statement(
        "Allow",
        actions=_LISTS,
        resources=("*",),
        conditions=(Condition("StringLike", "s3:prefix", ("?*/*",)),),
    ),
)
