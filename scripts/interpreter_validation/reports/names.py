"""What to call an interpreter in a report."""

from collections.abc import Callable, Iterable
from typing import Any


def namer(interpreters: Iterable[dict[str, Any]]) -> Callable[[dict[str, Any]], str]:
    """By its name in `fleet.yaml`; where they are of several fleets, by its fleet too: `demo/analytics`."""
    several = len({one["fleet"] for one in interpreters}) > 1
    return lambda one: f"{one['fleet']}/{one['interpreter']}" if several else str(one["interpreter"])
