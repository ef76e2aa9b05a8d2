"""What a probe found, and what that makes of an interpreter."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from interpreter_fleet.manifest import Record

from .verdict import Verdict

_WORST_FIRST = (Verdict.FAIL, Verdict.COULD_NOT_TELL, Verdict.PASS)


@dataclass(frozen=True)
class ProbeResult:
    """One probe on one interpreter; `expected`, `seen` and `todo` are for whoever has to act."""

    probe: str
    verdict: Verdict
    detail: str = ""
    expected: str = ""
    seen: str = ""
    todo: str = ""
    milliseconds: dict[str, float] = field(default_factory=dict)


class ProbeError(AssertionError):
    """The interpreter did something else than it should; the text says what was expected and found."""

    def __init__(self, text: str, *, expected: str = "", seen: str = "", todo: str = "") -> None:
        super().__init__(text)
        self.expected = expected
        self.seen = seen
        self.todo = todo


class UntoldError(RuntimeError):
    """The probe could not find out; the text says why, `todo` what would let it."""

    def __init__(self, text: str, *, todo: str = "") -> None:
        super().__init__(text)
        self.todo = todo


class SilentError(UntoldError):
    """Code was sent to a session, and no answer came in time."""


@dataclass(frozen=True)
class Canary:
    """What was found on one interpreter, in the order in which it was tried."""

    record: Record
    results: tuple[ProbeResult, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its probes; without any, nothing is known."""
        return worst(one.verdict for one in self.results)

    @property
    def detail(self) -> str:
        """What did not pass, in one line; "" when all did."""
        found = [one for one in self.results if one.verdict is not Verdict.PASS]
        return "; ".join(f"{one.probe}: {one.detail}" for one in found)

    @property
    def milliseconds(self) -> dict[str, float]:
        """The latencies of the lifecycle: start, invoke, invoke again, stop, all."""
        return next((dict(one.milliseconds) for one in self.results if one.probe == "lifecycle"), {})


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """fail before could-not-tell before pass; of nothing, could-not-tell."""
    found = set(verdicts)
    return next((one for one in _WORST_FIRST if one in found), Verdict.COULD_NOT_TELL)
