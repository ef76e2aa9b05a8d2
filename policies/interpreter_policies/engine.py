"""Runs every rule over every interpreter, and claims nothing that was not checked."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .rule import UNJUDGED, Outcome, Rule, Verdict
from .template import Template, Undecided
from .view import Interpreter, interpreters
from .waivers import Waiver, WaiverFile
from .waivers import read as read_waivers

Status = Literal["pass", "fail", "unknown", "waived"]
# Which possibilities are taken: the template's file, what is open there, and the option.
_World = tuple[tuple[Path, str, str], ...]
_MOST_WORLDS = 64


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
    waiver: Waiver | None = None

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
    # Where the file `template` says so; None: where the resource begins.
    line: int | None = None


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
    waivers: WaiverFile | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Checks templates. CheckError if there is no interpreter or no rule, or if a rule crashes.

    `known` are the rules that a waiver may name, more than `rules` where only some are checked. `waivers`
    join those of the templates. `progress` is told how many interpreters are checked, and of how many.
    """
    worlds = _Worlds(templates)
    fleet = worlds.fleet(())
    if not rules:
        raise CheckError("no rule to check with")
    if not fleet:
        names = ", ".join(str(template.path) for template in templates)
        raise CheckError(f"nothing to check: no code interpreter in {names}")
    results: list[Result] = []
    problems: list[Problem] = []
    by_id = {rule.id: rule for rule in known or rules}
    checked = {rule.id for rule in rules}
    for number, interpreter in enumerate(fleet):
        filed = waivers.of(interpreter, fleet) if waivers else ()
        valid, wrong = read_waivers(interpreter, by_id, today or datetime.date.today(), filed)
        mine = [_judge(rule, worlds, number, valid.get(rule.id)) for rule in rules]
        used = {result.rule.id for result in mine if result.status == "waived"}
        unneeded = (valid.keys() & checked) - used
        wrong += [f"waiver of {rule} is not needed: the rule holds" for rule in sorted(unneeded)]
        results += mine
        problems += [
            Problem(interpreter.title, interpreter.template.path, interpreter.logical_id, text)
            for text in wrong
        ]
        if progress is not None:
            progress(number + 1, len(fleet))
    if waivers is not None:
        problems += [
            Problem(entry.interpreter, waivers.path, entry.interpreter, text, entry.line)
            for entry, text in waivers.astray(fleet)
        ]
    if len(results) != len(fleet) * len(rules):
        raise CheckError(f"{len(results)} results for {len(fleet)} interpreters and {len(rules)} rules")
    return Report(tuple(results), tuple(problems))


class _Worlds:
    """The fleet under each of the possibilities that its templates leave open, as far as a rule asks."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self._templates = tuple(templates)
        self._fleets: dict[_World, list[Interpreter]] = {}
        self._created: dict[_World, list[Interpreter]] = {}

    def fleet(self, world: _World) -> list[Interpreter]:
        """Every interpreter, those that this world does not create included."""
        if world not in self._fleets:
            choices: dict[Path, dict[str, str]] = {}
            for path, key, option in world:
                choices.setdefault(path, {})[key] = option
            self._fleets[world] = interpreters(
                one.choosing(choices[one.path]) if one.path in choices else one for one in self._templates
            )
        return self._fleets[world]

    def created(self, world: _World) -> list[Interpreter]:
        """Those that this world may create: neighbours whose condition is open are there."""
        if world not in self._created:
            fleet = self.fleet(world)
            self._created[world] = [one for one in fleet if one.template.may_exist(one.logical_id)]
        return self._created[world]


def _judge(rule: Rule, worlds: _Worlds, number: int, waiver: Waiver | None) -> Result:
    interpreter = worlds.fleet(())[number]
    outcome = _outcome(rule, worlds, number)
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


def _outcome(rule: Rule, worlds: _Worlds, number: int) -> Outcome:
    """The verdict over all possibilities that the rule asks about: the worst of them."""
    pending: list[_World] = [()]
    found: list[tuple[_World, Outcome]] = []
    while pending:
        world = pending.pop()
        try:
            found.append((world, _checked(rule, worlds, world, number)))
        except Undecided as choice:
            if len(pending) + len(found) + len(choice.options) > _MOST_WORLDS:
                return Outcome(Verdict.UNKNOWN, f"more than {_MOST_WORLDS} combinations, with {choice}")
            asked = [(*world, (choice.template.path, choice.key, option)) for option in choice.options]
            pending += reversed(asked)
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS):
        for world, outcome in found:
            if outcome.verdict is verdict:
                chosen = ", ".join(f"{key}={option}" for _, key, option in world)
                if chosen and verdict is not Verdict.PASS:
                    return Outcome(verdict, f"with {chosen}: {outcome.evidence}")
                return outcome
    raise CheckError(f"rule {rule.id} gave no verdict")


def _checked(rule: Rule, worlds: _Worlds, world: _World, number: int) -> Outcome:
    """One rule on one interpreter in one world; Undecided passes through."""
    interpreter = worlds.fleet(world)[number]
    unreadable = next((one.unreadable for one in interpreter.assembly if one.unreadable), None)
    if unreadable is not None:
        return Outcome(Verdict.UNKNOWN, unreadable)
    try:
        if not interpreter.template.exists(interpreter.logical_id):
            return Outcome(Verdict.PASS, "is not created")
        outcome = rule.check(interpreter, worlds.created(world))
    except Undecided:
        raise
    except UNJUDGED as error:
        return Outcome(Verdict.UNKNOWN, str(error))
    except Exception as error:
        raise CheckError(
            f"rule {rule.id} crashed on {interpreter.title} ({interpreter.template.path}): "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(outcome, Outcome):
        raise CheckError(f"rule {rule.id} gave {outcome!r} for {interpreter.title}, expected an Outcome")
    return outcome
