"""The policy proof of `check.py --format json`, beside what was seen on each interpreter."""

import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from .document import clean
from .shape import ReportError

# The schema of check.py's JSON that is read here.
CHECK_SCHEMA = 1


@dataclass(frozen=True)
class Ruling:
    """One rule on one interpreter; `waiver` says by whom, why and until when, "" without one."""

    rule: str
    status: str
    evidence: str
    waiver: str


@dataclass(frozen=True)
class Proof:
    """What the check says of one interpreter."""

    interpreter: str
    stack: str
    rulings: tuple[Ruling, ...]

    @property
    def held(self) -> int:
        """How many rules hold."""
        return sum(one.status == "pass" for one in self.rulings)

    @property
    def proven(self) -> tuple[Ruling, ...]:
        """The rules that hold because of the proof over all requests, each evidence once."""
        found = {
            one.evidence: one
            for one in reversed(self.rulings)
            if one.status == "pass" and one.evidence.startswith("proven: ")
        }
        return tuple(reversed(found.values()))

    @property
    def broken(self) -> tuple[Ruling, ...]:
        """What is a finding: failed, or not to be judged."""
        return tuple(one for one in self.rulings if one.status not in ("pass", "waived"))

    @property
    def waived(self) -> tuple[Ruling, ...]:
        """What does not hold and somebody answers for."""
        return tuple(one for one in self.rulings if one.status == "waived")


@dataclass(frozen=True)
class Check:
    """One run of the policy check."""

    ok: bool
    proofs: tuple[Proof, ...]
    problems: tuple[str, ...]

    def of(self, interpreter: str, stack: str, *, alone: bool = True) -> Proof | None:
        """The proof of a deployed interpreter: by its stack, else by its name if only one has it.

        `alone`: no other deployed interpreter has this name, in another fleet say.
        """
        named = [one for one in self.proofs if one.interpreter == interpreter]
        there = [one for one in named if one.stack == stack]
        found = there or (named if alone else [])
        return found[0] if len(found) == 1 else None


def read_check(text: str, name: str) -> Check:
    """The JSON report of check.py. ReportError when it is none."""
    try:
        found = clean(json.loads(text))
    except ValueError as error:
        raise ReportError(f"{name}: not JSON: {error}") from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != CHECK_SCHEMA:
        raise ReportError(f"{name}: schema is {schema!r}, expected {CHECK_SCHEMA}: not a report of check.py")
    rulings: dict[tuple[str, str], list[Ruling]] = {}
    try:
        for one in found["results"]:
            stack = PurePath(one["template"]).name.removesuffix(".template.json")
            rulings.setdefault((one["interpreter"], stack), []).append(
                Ruling(one["rule"], one["status"], one["evidence"], _waiver(one["waiver"]))
            )
        problems = tuple(f"{one['interpreter']}: {one['text']}" for one in found["problems"])
        proofs = tuple(Proof(*key, tuple(rules)) for key, rules in rulings.items())
        return Check(bool(found["ok"]), proofs, problems)
    except (KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{name}: not a report of check.py: {type(error).__name__}: {error}") from error


def _waiver(found: dict[str, Any] | None) -> str:
    return "" if found is None else f"until {found['until']} by {found['owner']}: {found['reason']}"
