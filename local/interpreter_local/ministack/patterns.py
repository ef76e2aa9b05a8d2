"""IAM's wildcards, for any text and without going through all that they could stand for.

MiniStack's `*` ends at a line break, so that a Deny does not hold for a key that has one, and the time of
three of them grows with the cube of the key's length.
"""

import fnmatch
import re
from functools import lru_cache
from typing import Any


def compiled(_old: Any, pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """An expression that matches what the pattern does, all of it."""
    return _expression(pattern, ignore_case)


@lru_cache(4096)
def _expression(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    # Python's never go back behind a `*`. IAM has no sets, which a bracket would begin.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.IGNORECASE if ignore_case else 0)
