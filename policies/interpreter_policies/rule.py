"""What a rule is: a class with metadata, and `check`, which judges one interpreter."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal

from .iam.document import DocumentError
from .iam.evaluator import UnsupportedError
from .iam.globs import TooManyClassesError
from .template import UnresolvedError
from .view import Interpreter

# What a rule may meet in a template that it cannot judge: the verdict is UNKNOWN then, never PASS.
UNJUDGED = (UnresolvedError, DocumentError, UnsupportedError, TooManyClassesError)


PROFILES = ("baseline", "securityhub", "data-perimeter")


class Verdict(Enum):
    """UNKNOWN counts as failed unless it is waived."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """A verdict on one interpreter and what it rests on."""

    verdict: Verdict
    evidence: str


class Rule:
    """Base of all rules; a subclass sets the attributes and says `check`."""

    id: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Literal["critical", "high", "medium"]]
    why: ClassVar[str]
    fix: ClassVar[str]
    source: ClassVar[str]
    waivable: ClassVar[bool] = True
    # Whether its evidence stands for the interpreter where a report has room for one line.
    headline: ClassVar[bool] = False
    # What it is checked for; `baseline` is checked always.
    profiles: ClassVar[frozenset[str]] = frozenset({"baseline"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        """Judges `interpreter`; `fleet` is every interpreter of the run, itself included."""
        raise TypeError(f"{type(self).__name__} has no check")


def passed(evidence: str) -> Outcome:
    """The rule holds."""
    return Outcome(Verdict.PASS, evidence)


def failed(evidence: str) -> Outcome:
    """The rule does not hold."""
    return Outcome(Verdict.FAIL, evidence)
