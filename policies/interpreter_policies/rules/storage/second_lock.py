"""ACCI-051."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from interpreter_policies.iam.document import Statement
from interpreter_policies.iam.proof import counterexample, describe
from interpreter_policies.iam_resources import read
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.storage.bucket import bucket_named
from interpreter_policies.template import Template, UnresolvedError
from interpreter_policies.view import Interpreter, Role


class SecondLock(Rule):
    """The bucket's own policy keeps the role within its prefix, whatever the role is given later: proven."""

    id = "ACCI-051"
    title = "bucket policy keeps the role within its prefix"
    severity = "medium"
    why = "Two locks: a mistake in the role's policy alone opens nothing."
    fix = "Deny the role s3:* in the bucket's policy, with NotResource its prefix and the bucket."
    source = "AWS docs, Amazon S3 bucket policies"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        storage, role = interpreter.storage, interpreter.role
        if storage is None or role is None:
            return passed("has no storage")
        found = bucket_named(interpreter.assembly, storage.bucket)
        if found is None:
            raise UnresolvedError(f"bucket {storage.bucket} is not in these templates")
        arn = f"arn:<AWS::Partition>:s3:::{storage.bucket}"
        everything = Statement("Allow", actions=("s3:*",), resources=(f"{arn}/*",))
        prefix = Statement("Allow", actions=("*",), resources=(f"{arn}/{storage.prefix}*",))
        left = counterexample((everything, *_denies(*found, role)), (prefix,))
        if left is not None:
            return failed(f"the bucket's policy leaves the role {describe(left)}")
        return passed(f"proven: the bucket's policy keeps the role within {storage.prefix}")


def _denies(template: Template, logical_id: str, role: Role) -> Iterator[Statement]:
    """The Deny statements of a bucket's policy that are about the role."""
    for _, resource in template.of_type("AWS::S3::BucketPolicy"):
        properties = resource.get("Properties", {})
        if template.text(properties.get("Bucket")) != template.text({"Ref": logical_id}):
            continue
        for one in read(template, properties.get("PolicyDocument")):
            named = one.principal.get("AWS") if isinstance(one.principal, dict) else one.principal
            listed = named if isinstance(named, list) else [named]
            if one.effect != "Deny" or not ("*" in listed or role.arns & {str(name) for name in listed}):
                continue
            # A condition that the principal is this role holds for it.
            others = tuple(
                condition
                for condition in one.conditions
                if not (condition.key == "aws:principalarn" and role.arns & set(condition.values))
                or condition.operator not in ("ArnEquals", "ArnLike", "StringEquals", "StringLike")
            )
            yield replace(one, conditions=others)
