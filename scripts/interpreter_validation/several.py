"""Many names in a sentence."""

from collections.abc import Sequence

_NAMED = 5


def first(names: Sequence[str]) -> str:
    """`a, b, c, d, e and 4 more`; all of them where there are no more than five."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
