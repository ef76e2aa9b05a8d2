"""What a check can end with."""

from enum import StrEnum


class Verdict(StrEnum):
    """COULD_NOT_TELL is never a pass."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    COULD_NOT_TELL = "could-not-tell"


OK = 0
FINDING = 1
USAGE = 2
COULD_NOT_RUN = 3
LEAKED = 4
INTERRUPTED = 130
