"""ACCI-023."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter, Storage


class Disjoint(Rule):
    """Its prefix ends in a slash and overlaps no other interpreter's."""

    id = "ACCI-023"
    title = "prefixes are disjoint"
    severity = "critical"
    why = "An interpreter that reaches another one's files is not apart from it."
    fix = "Give every interpreter a prefix of its own, ending in '/'."
    source = "AWS docs, S3 prefixes"
    waivable = False

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        storage = interpreter.storage
        if storage is None:
            return passed("has no storage")
        if (
            not storage.prefix.endswith("/")
            or storage.prefix.startswith("/")
            or any(c in storage.prefix for c in "*?$")
        ):
            return failed(f"prefix is {storage.prefix!r}, expected one that ends in '/' and has no wildcard")
        for other in fleet:
            if other is not interpreter and _overlap(storage, other.storage):
                return failed(f"prefix {storage.prefix} overlaps that of {other.title}")
        return passed(f"prefix {storage.prefix} is its own")


def _overlap(one: Storage, other: Storage | None) -> bool:
    if other is None or one.bucket != other.bucket:
        return False
    return one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
