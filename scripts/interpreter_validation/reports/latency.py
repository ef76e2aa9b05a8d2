"""Latencies of a fleet, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .names import namer

STEPS = ("start", "invoke", "stop")


@dataclass(frozen=True)
class Spread:
    """One step over all interpreters that came to it, in milliseconds."""

    step: str
    count: int
    median: float
    most: float
    slowest: float
    whose: str


def spreads(interpreters: Sequence[dict[str, Any]]) -> list[Spread]:
    """Median, 95th percentile and slowest of each step; steps that nobody came to are left out."""
    found = []
    name = namer(interpreters)
    for step in STEPS:
        took = sorted(
            (one["milliseconds"][step], name(one)) for one in interpreters if step in one["milliseconds"]
        )
        if took:
            values = [value for value, _ in took]
            found.append(
                Spread(step, len(took), percentile(values, 0.5), percentile(values, 0.95), *took[-1])
            )
    return found


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that this share of them does not exceed (nearest rank)."""
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, int(rank) - 1)]
