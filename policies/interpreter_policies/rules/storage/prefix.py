"""ACCI-020."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Condition, Statement
from interpreter_policies.iam.proof import counterexample, describe
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter, Storage

_READ = ("s3:getobject",)
_WRITE = ("s3:putobject", "s3:deleteobject", "s3:abortmultipartupload")


class PrefixOnly(Rule):
    """The execution role reaches its prefix and nothing else: proven for every request, not looked for."""

    id = "ACCI-020"
    title = "role reaches nothing beyond its prefix"
    severity = "critical"
    why = "Whoever may invoke the interpreter holds its role; what the role reaches, they reach."
    fix = (
        "Grant GetObject, PutObject, DeleteObject on bucket/prefix/* and ListBucket with s3:prefix, no more."
    )
    source = "AWS docs, Amazon S3 policy examples"
    waivable = False
    headline = True

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        storage = interpreter.storage
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        beyond = counterexample(role.permissions, envelope(storage), within=role.limits)
        if beyond is not None:
            allowed = f"{storage.access} on {storage.bucket}/{storage.prefix}" if storage else "nothing"
            return failed(f"the role allows {describe(beyond)}; declared is {allowed}")
        return passed(
            f"proven: {storage.access} on {storage.bucket}/{storage.prefix}" if storage else "proven: nothing"
        )


def envelope(storage: Storage | None) -> tuple[Statement, ...]:
    """What a role may reach at most: the declared access to the declared prefix."""
    if storage is None:
        return ()
    # The bucket's ARN names no account: whoever owns a bucket of this name owns it in the whole partition.
    bucket = f"arn:<AWS::Partition>:s3:::{storage.bucket}"
    actions = (_READ if storage.reads else ()) + (_WRITE if storage.writes else ())
    statements = [Statement("Allow", actions=actions, resources=(f"{bucket}/{storage.prefix}*",))]
    if storage.reads:
        within = (Condition("StringLike", "s3:prefix", (f"{storage.prefix}*",)),)
        statements.append(
            Statement("Allow", actions=("s3:listbucket",), resources=(bucket,), conditions=within)
        )
    return tuple(statements)
