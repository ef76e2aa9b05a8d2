"""ACCI-023."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from interpreter_policies.iam.meeting import may_meet
from interpreter_policies.iam_resources import Assembly
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import TYPE, Interpreter


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
        if any(c in storage.bucket for c in "*?$"):
            return failed(f"bucket is {storage.bucket!r}, expected one, without a wildcard")
        buckets = by_bucket(interpreter.assembly)
        mine = (interpreter.template.scope, interpreter.logical_id)
        others = (
            other
            for bucket, prefixes in buckets.items()
            if bucket == storage.bucket or _may_be(bucket, storage.bucket)
            for other in prefixes.overlapping(storage.prefix)
        )
        for other in others:
            if (other.template.scope, other.logical_id) != mine:
                return failed(f"prefix {storage.prefix} overlaps that of {other.title}")
        return passed(f"prefix {storage.prefix} is its own")


def _may_be(one: str, other: str) -> bool:
    """Whether two names may be the same: one written out, the other with what only the deployment tells."""
    return ("<" in one) != ("<" in other) and may_meet(one, other)


@dataclass(frozen=True)
class Prefixes:
    """The prefixes of one bucket and who has them, in order: large fleets are not compared pair by pair."""

    owners: dict[str, list[Interpreter]]

    @cached_property
    def _in_order(self) -> list[str]:
        return sorted(self.owners)

    def overlapping(self, prefix: str) -> Iterator[Interpreter]:
        """Who has a prefix that this one begins with, or that begins with this one (as its owner's does)."""
        for length in range(len(prefix)):
            yield from self.owners.get(prefix[:length], ())
        for at in range(bisect_left(self._in_order, prefix), len(self._in_order)):
            if not self._in_order[at].startswith(prefix):
                return
            yield from self.owners[self._in_order[at]]


@lru_cache(maxsize=64)
def by_bucket(assembly: Assembly) -> dict[str, Prefixes]:
    """The prefixes of all interpreters that may be created, by bucket."""
    found: dict[str, Prefixes] = {}
    for template in assembly:
        for logical_id in template.possible(TYPE):
            one = Interpreter(template, logical_id, assembly)
            if one.storage is not None:
                mine = found.setdefault(one.storage.bucket, Prefixes({})).owners
                mine.setdefault(one.storage.prefix, []).append(one)
    return found
