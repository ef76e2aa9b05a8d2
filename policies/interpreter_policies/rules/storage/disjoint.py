"""ACCI-023."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


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
            theirs = other.storage
            if theirs is None or other is interpreter or theirs.bucket != storage.bucket:
                continue
            if theirs.prefix.startswith(storage.prefix) or storage.prefix.startswith(theirs.prefix):
                return failed(f"prefix {storage.prefix} overlaps that of {other.title}")
        return passed(f"prefix {storage.prefix} is its own")
