"""Runs every rule over every interpreter, and claims nothing that was not checked."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import waivers
from .rule import UNJUDGED, Outcome, Rule, Verdict
from .template import Template
from .view import Interpreter, interpreters

Status = Literal["pass", "fail", "unknown", "waived"]


class CheckError(RuntimeError):
    """The check could not run: a rule crashed, or there was nothing to check. Never a pass."""


@dataclass(frozen=True)
class Result:
    """One rule on one interpreter."""

    rule: Rule
    interpreter: str
    template: Path
    logical_id: str
    status: Status
    evidence: str
    waiver: waivers.Waiver | None = None

    @property
    def is_finding(self) -> bool:
        """Whether somebody has to act; UNKNOWN counts."""
        return self.status in ("fail", "unknown")


@dataclass(frozen=True)
class Problem:
    """A waiver that does not hold, or that nothing needs."""

    interpreter: str
    template: Path
    logical_id: str
    text: str


@dataclass(frozen=True)
class Report:
    """Everything a run found."""

    results: tuple[Result, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing has to be done."""
        return not self.problems and not any(result.is_finding for result in self.results)


def run(
    templates: Sequence[Template],
    rules: Sequence[Rule],
    *,
    known: Sequence[Rule] | None = None,
    today: datetime.date | None = None,
) -> Report:
    """Checks templates. CheckError if there is no interpreter or no rule, or if a rule crashes.

    `known` are the rules that a waiver may name, more than `rules` where only some are checked.
    """
    fleet = interpreters(templates)
    if not rules:
        raise CheckError("no rule to check with")
    if not fleet:
        names = ", ".join(str(template.path) for template in templates)
        raise CheckError(f"nothing to check: no code interpreter in {names}")
    results: list[Result] = []
    problems: list[Problem] = []
    by_id = {rule.id: rule for rule in known or rules}
    checked = {rule.id for rule in rules}
    for interpreter in fleet:
        valid, wrong = waivers.read(interpreter, by_id, today or datetime.date.today())
        mine = [_judge(rule, interpreter, fleet, valid.get(rule.id)) for rule in rules]
        used = {result.rule.id for result in mine if result.status == "waived"}
        unneeded = (valid.keys() & checked) - used
        wrong += [f"waiver of {rule} is not needed: the rule holds" for rule in sorted(unneeded)]
        results += mine
        problems += [
            Problem(interpreter.title, interpreter.template.path, interpreter.logical_id, text)
            for text in wrong
        ]
    if len(results) != len(fleet) * len(rules):
        raise CheckError(f"{len(results)} results for {len(fleet)} interpreters and {len(rules)} rules")
    return Report(tuple(results), tuple(problems))


def _judge(
    rule: Rule, interpreter: Interpreter, fleet: Sequence[Interpreter], waiver: waivers.Waiver | None
) -> Result:
    try:
        outcome = rule.check(interpreter, fleet)
    except UNJUDGED as error:
        outcome = Outcome(Verdict.UNKNOWN, str(error))
    except Exception as error:
        raise CheckError(
            f"rule {rule.id} crashed on {interpreter.title} ({interpreter.template.path}): "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(outcome, Outcome):
        raise CheckError(f"rule {rule.id} gave {outcome!r} for {interpreter.title}, expected an Outcome")
    status: Status = outcome.verdict.value
    if outcome.verdict is not Verdict.PASS and waiver is not None:
        status = "waived"
    return Result(
        rule,
        interpreter.title,
        interpreter.template.path,
        interpreter.logical_id,
        status,
        outcome.evidence,
        waiver if status == "waived" else None,
    )
