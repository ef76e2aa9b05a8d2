"""ACCI-052."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Condition, Statement
from interpreter_policies.iam.globs import classes, glob
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.reach import all_but, within
from interpreter_policies.view import Interpreter


class Keys(Rule):
    """A KMS key is named, and used through Amazon S3 only."""

    id = "ACCI-052"
    title = "KMS grants are on named keys, through S3"
    severity = "medium"
    why = "A key that can be used directly opens everything that was ever encrypted with it."
    fix = "Name the key's ARN and add StringEquals kms:ViaService s3.<region>.amazonaws.com."
    source = "AWS KMS docs, kms:ViaService"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        for statement in role.permissions:
            if statement.effect == "Allow" and any(_means_kms(one) for one in statement.actions):
                for resource in statement.resources:
                    if "*" in resource or "?" in resource:
                        return failed(f"the role may use the keys {resource}, expected a key's ARN")
        return within(interpreter, _THROUGH_S3, "no key but through S3")


def _means_kms(action: str) -> bool:
    """Whether a pattern of actions has one of KMS in it."""
    return frozenset([0, 1]) in classes([glob(action), glob("kms:*")])


_THROUGH_S3 = (
    *all_but("kms:*"),
    Statement(
        "Allow",
        actions=("kms:*",),
        resources=("*",),
        conditions=(Condition("StringLike", "kms:viaservice", ("s3.*.amazonaws.com*",)),),
    ),
)
