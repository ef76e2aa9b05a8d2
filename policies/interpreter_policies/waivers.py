"""Waivers: a failed rule that somebody answers for, until a day. A waiver that does not hold is a finding."""

import datetime
from dataclasses import dataclass
from typing import Any

from .rule import Rule
from .view import Interpreter

_FIELDS = ("Rule", "Reason", "Owner", "Until")


@dataclass(frozen=True)
class Waiver:
    """One rule waived for one interpreter through the day `until`."""

    rule: str
    reason: str
    owner: str
    until: datetime.date

    def describe(self) -> str:
        """For reports."""
        return f"waived until {self.until} by {self.owner}: {self.reason}"


def read(
    interpreter: Interpreter, rules: dict[str, Rule], today: datetime.date
) -> tuple[dict[str, Waiver], list[str]]:
    """The waivers that hold for an interpreter, by rule, and what is wrong with the others."""
    valid: dict[str, Waiver] = {}
    problems: list[str] = []
    for raw in interpreter.waivers:
        waiver = _parse(raw)
        if isinstance(waiver, str):
            problems.append(waiver)
        elif waiver.rule not in rules:
            problems.append(f"waiver of {waiver.rule}: no such rule, expected one of {', '.join(rules)}")
        elif not rules[waiver.rule].waivable:
            problems.append(f"waiver of {waiver.rule}: this rule cannot be waived")
        elif waiver.until < today:
            problems.append(f"waiver of {waiver.rule} ended on {waiver.until}")
        elif waiver.rule in valid:
            problems.append(f"waiver of {waiver.rule} is there twice")
        else:
            valid[waiver.rule] = waiver
    return valid, problems


def _parse(raw: Any) -> Waiver | str:
    if not isinstance(raw, dict):
        return f"waiver is {raw!r}, expected {', '.join(_FIELDS)}"
    for name in _FIELDS:
        if not isinstance(raw.get(name), str) or not raw[name].strip():
            return f"waiver of {raw.get('Rule')!r}: {name} is {raw.get(name)!r}, expected a text"
    try:
        until = datetime.date.fromisoformat(raw["Until"])
    except ValueError:
        return f"waiver of {raw['Rule']}: Until is {raw['Until']!r}, expected a day such as 2027-05-31"
    return Waiver(raw["Rule"], raw["Reason"], raw["Owner"], until)
