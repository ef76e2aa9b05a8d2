"""Waivers: a failed rule that somebody answers for, until a day. A waiver that does not hold is a finding.

They stand in the metadata of an interpreter (`waivers` in fleet.yaml) or, for templates that nobody here
wrote, in a waiver file.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .rule import Rule
from .view import Interpreter

_FIELDS = ("Rule", "Reason", "Owner", "Until")
_NEEDED = ("rule", "interpreter", "reason", "owner", "until")
_KEYS = (*_NEEDED, "template")


class WaiverError(ValueError):
    """A waiver file that cannot be read; the message names file, line and key."""


@dataclass(frozen=True)
class Waiver:
    """One rule waived for one interpreter through the day `until`; `source` is where a file says so."""

    rule: str
    reason: str
    owner: str
    until: datetime.date
    source: str = ""

    def describe(self) -> str:
        """For reports."""
        return f"waived until {self.until} by {self.owner}: {self.reason}"


@dataclass(frozen=True)
class Entry:
    """One waiver of a file, and whom it is for: a title or logical id, in any template or in one."""

    waiver: Waiver
    interpreter: str
    template: str | None
    line: int

    def means(self, interpreter: Interpreter) -> bool:
        """Whether it is for this interpreter; a template is named by its file name or a longer path."""
        if self.interpreter not in (interpreter.title, interpreter.logical_id):
            return False
        if self.template is None:
            return True
        parts = Path(self.template).parts
        return interpreter.template.path.parts[-len(parts) :] == parts


@dataclass(frozen=True)
class WaiverFile:
    """A waiver file, read."""

    path: Path
    entries: tuple[Entry, ...]

    def of(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> tuple[Waiver, ...]:
        """Those that are for an interpreter, and for no other of the fleet."""
        mine = [entry for entry in self.entries if entry.means(interpreter)]
        return tuple(entry.waiver for entry in mine if sum(map(entry.means, fleet)) == 1)

    def astray(self, fleet: Sequence[Interpreter]) -> list[tuple[Entry, str]]:
        """The entries that are for no interpreter or for more than one, and what is wrong."""
        found = []
        for entry in self.entries:
            mine = [one for one in fleet if entry.means(one)]
            text = f"waiver of {entry.waiver.rule} ({entry.waiver.source})"
            if not mine:
                names = ", ".join(sorted({one.title for one in fleet}))
                within = f" in template {entry.template}" if entry.template else ""
                what = f"no interpreter {entry.interpreter!r}{within}, expected one of {names}"
                found.append((entry, f"{text}: {what}"))
            elif len(mine) > 1:
                paths = ", ".join(str(one.template.path) for one in mine)
                what = f"{entry.interpreter!r} is {len(mine)} interpreters, expected `template` to be one of"
                found.append((entry, f"{text}: {what} {paths}"))
        return found


def read(
    interpreter: Interpreter,
    rules: dict[str, Rule],
    today: datetime.date,
    filed: Sequence[Waiver] = (),
) -> tuple[dict[str, Waiver], list[str]]:
    """The waivers that hold for an interpreter, by rule, and what is wrong with the others.

    `filed` are those of a waiver file that are for it; they join the ones of its metadata.
    """
    valid: dict[str, Waiver] = {}
    problems: list[str] = []
    for waiver in (*map(_parse, interpreter.waivers), *filed):
        if isinstance(waiver, str):
            problems.append(waiver)
            continue
        name = f"waiver of {waiver.rule}{f' ({waiver.source})' if waiver.source else ''}"
        if waiver.rule not in rules:
            problems.append(f"{name}: no such rule, expected one of {', '.join(rules)}")
        elif not rules[waiver.rule].waivable:
            problems.append(f"{name}: this rule cannot be waived")
        elif waiver.until < today:
            problems.append(f"{name} ended on {waiver.until}")
        elif waiver.rule in valid:
            problems.append(f"{name} is there twice")
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


def read_file(path: Path) -> WaiverFile:
    """A waiver file: a YAML list of {rule, interpreter, reason, owner, until} and perhaps template.

    WaiverError for anything else in it. Whether rule and interpreter exist is told by the check.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise WaiverError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise WaiverError(f"{path}{line}: is no YAML: {getattr(error, 'problem', None) or error}") from error
    if root is None:
        return WaiverFile(path, ())
    if not isinstance(root, yaml.SequenceNode):
        raise WaiverError(f"{_at(path, root)}: found {_kind(root)}, expected a list of waivers")
    entries = tuple(_entry(path, node) for node in root.value)
    seen: dict[tuple[str, str, str | None], int] = {}
    for entry in entries:
        key = (entry.waiver.rule, entry.interpreter, entry.template)
        if key in seen:
            where = f"{path}:{entry.line}"
            raise WaiverError(f"{where}: rule {key[0]} of {key[1]} is waived on line {seen[key]} already")
        seen[key] = entry.line
    return WaiverFile(path, entries)


def _entry(path: Path, node: yaml.Node) -> Entry:
    if not isinstance(node, yaml.MappingNode):
        raise WaiverError(f"{_at(path, node)}: found {_kind(node)}, expected {', '.join(_NEEDED)}")
    found: dict[str, tuple[str, yaml.Node]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value not in _KEYS:
            name = key.value if isinstance(key, yaml.ScalarNode) else _kind(key)
            raise WaiverError(f"{_at(path, key)}: unknown key {name!r}, expected {', '.join(_KEYS)}")
        if key.value in found:
            raise WaiverError(f"{_at(path, key)}: {key.value} is there twice")
        # 2027-05-31 is a date to YAML and 12 a number: both are taken as they are written.
        if not isinstance(value, yaml.ScalarNode) or not value.value.strip() or _is_null(value):
            said = repr(value.value) if isinstance(value, yaml.ScalarNode) else _kind(value)
            raise WaiverError(f"{_at(path, value)}: {key.value} is {said}, expected a text")
        found[key.value] = (value.value.strip(), value)
    for name in _NEEDED:
        if name not in found:
            raise WaiverError(f"{_at(path, node)}: {name} is missing, expected {', '.join(_NEEDED)}")
    text, place = found["until"]
    try:
        until = datetime.date.fromisoformat(text)
    except ValueError:
        where = _at(path, place)
        raise WaiverError(f"{where}: until is {text!r}, expected a day such as 2027-05-31") from None
    rule, interpreter, reason, owner = (found[name][0] for name in _NEEDED[:4])
    waiver = Waiver(rule, reason, owner, until, _at(path, node))
    return Entry(waiver, interpreter, found["template"][0] if "template" in found else None, _line(node))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _at(path: Path, node: yaml.Node) -> str:
    return f"{path}:{_line(node)}"


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"


def _is_null(node: yaml.ScalarNode) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")
