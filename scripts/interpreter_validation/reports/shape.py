"""The shape of the JSON report: every key once, with what it means.

`check` holds a file to it and `documented` writes docs/report.md from it, so neither can fall behind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = 2

TEXT = "text"
NUMBER = "number"
WHOLE = "whole number"
FLAG = "true or false"
VERDICT = "verdict"
NUMBERS = "numbers by name"
TEXTS = "list of texts"
ANYTHING = "numbers, texts, or numbers by name, by name"
_VERDICTS = ("pass", "fail", "could-not-tell")


class ReportError(ValueError):
    """A file that is no report of ours; the text names the file, the key, and what was expected."""


@dataclass(frozen=True)
class Key:
    """One key: what its value is, whether it may be null, and its meaning; `of` for objects and lists."""

    kind: str
    meaning: str
    nullable: bool = False
    of: "Mapping[str, Key] | None" = None


def _one(meaning: str, of: "Mapping[str, Key]") -> Key:
    return Key("object", meaning, of=of)


def _many(meaning: str, of: "Mapping[str, Key]") -> Key:
    return Key("list of objects", meaning, of=of)


_ROW = {
    "name": Key(TEXT, "the quota as Service Quotas names it, or what else was looked at"),
    "kind": Key(TEXT, "`count` (of things in the account), `rate` (requests a second), `stack` or `check`"),
    "limit": Key(NUMBER, "the account's limit", nullable=True),
    "used": Key(NUMBER, "what is used today", nullable=True),
    "planned": Key(NUMBER, "what the deployment or the canary adds", nullable=True),
    "headroom": Key(NUMBER, "what is left after that; below 0 there is no room", nullable=True),
    "source": Key(TEXT, "who told the limit: the account, or AWS's documentation"),
    "adjustable": Key(
        FLAG, "whether an increase can be asked for; null when that was not told", nullable=True
    ),
    "verdict": Key(VERDICT, "whether there is room"),
    "detail": Key(TEXT, "one sentence"),
}
_PROBE = {
    "probe": Key(TEXT, "`lifecycle`, `declared`, `tools`, `network`, `storage`, `identity`, `isolation`, …"),
    "verdict": Key(VERDICT, "what the probe found"),
    "detail": Key(TEXT, "one sentence; empty for a plain pass"),
    "expected": Key(TEXT, "what should have been, when it was not or could not be told"),
    "seen": Key(TEXT, "what was, instead"),
    "todo": Key(TEXT, "what to do about it"),
    "milliseconds": Key(NUMBERS, "how long each step took"),
}
_INTERPRETER = {
    "fleet": Key(TEXT, "the fleet's name"),
    "interpreter": Key(TEXT, "its name in `fleet.yaml`"),
    "id": Key(TEXT, "its id today; another one after a replacement"),
    "arn": Key(TEXT, "its ARN"),
    "stack": Key(TEXT, "the CloudFormation stack that holds it"),
    "network_mode": Key(TEXT, "`SANDBOX`, `PUBLIC` or `VPC`, as recorded"),
    "role_arn": Key(TEXT, "its execution role, as recorded"),
    "bucket": Key(TEXT, "the bucket of its storage", nullable=True),
    "prefix": Key(TEXT, "its prefix in that bucket", nullable=True),
    "access": Key(TEXT, "`read`, `write` or `read-write`", nullable=True),
    "verdict": Key(VERDICT, "the worst of its probes"),
    "detail": Key(TEXT, "everything that did not pass, in one line"),
    "milliseconds": Key(NUMBERS, "of the lifecycle probe: `start`, `invoke`, `invoke again`, `stop`, `all`"),
    "probes": _many("one for each probe, in the order in which they ran", _PROBE),
}
_STRANGER = {
    "kind": Key(
        TEXT,
        "`interpreter`, `record`, `session`, `object`; `unknown` where it could not be looked for, or nothing"
        " could: then `detail` says why the run ended",
    ),
    "id": Key(TEXT, "which one"),
    "detail": Key(TEXT, "why it does not belong to the fleet, or is not what was deployed"),
    "todo": Key(TEXT, "what to do about it"),
}
_CHANGE = {
    "what": Key(TEXT, "`verdict`, `latency`, `new`, `gone`, `replaced` or `headroom`"),
    "about": Key(TEXT, "the interpreter, its probe or step, or the quota"),
    "before": Key(TEXT, "in the baseline"),
    "now": Key(TEXT, "in this run"),
    "worse": Key(FLAG, "whether somebody should look; null for a plain difference", nullable=True),
}
REPORT = {
    "schema": Key(WHOLE, f"{SCHEMA}; counts up when a key changes its meaning or goes"),
    "command": Key(TEXT, "`preflight`, `canary`, `sweep` or `all`"),
    "run": Key(TEXT, "names the run; its sessions carry it in their names"),
    "endpoint": Key(TEXT, "who was asked"),
    "region": Key(TEXT, "where"),
    "account": Key(TEXT, "the account's number; empty when nothing told it"),
    "started": Key(TEXT, "UTC, ISO 8601"),
    "finished": Key(TEXT, "UTC, ISO 8601"),
    "seconds": Key(NUMBER, "how long the run took"),
    "exit_code": Key(WHOLE, "what the command ended with, see [aws.md](aws.md)"),
    "preflight": _one(
        "is there room, and is what a deployment needs there?",
        {
            "rows": _many("one for each quota and thing looked at; empty when preflight did not run", _ROW),
            "forecast": Key(ANYTHING, "how long deployment and canary will take at the account's rates"),
        },
    ),
    "interpreters": _many("one for each interpreter that the canary ran on", _INTERPRETER),
    "strangers": _many(
        "what uses a fleet's names, roles or tags, untrue records, what a sweep finds",
        _STRANGER,
    ),
    "swept": Key(TEXTS, "sessions and interpreters of other runs that were removed"),
    "leaked": Key(TEXTS, "what could not be stopped or removed, or not be seen to be over"),
    "calls": Key(NUMBERS, "how many requests of each operation the run made, retries included"),
    "throttled": Key(NUMBERS, "how many of them were throttled"),
    "baseline": Key(TEXT, "the run that this one was compared with", nullable=True),
    "changes": _many("the differences from the baseline; empty without one", _CHANGE),
}


def check(found: Any, name: str) -> dict[str, Any]:
    """The report, if it has all keys of this schema; other keys are left alone. ReportError if not."""
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise ReportError(f"{name}: schema is {schema!r}, expected {SCHEMA}: not a report of this version")
    _object(found, REPORT, name, "")
    return dict(found)


def _object(found: Any, keys: Mapping[str, Key], name: str, path: str) -> None:
    if not isinstance(found, dict):
        raise ReportError(f"{name}: {path} is {found!r:.60}, expected an object")
    for key, one in keys.items():
        here = f"{path}.{key}".lstrip(".")
        if key not in found:
            raise ReportError(f"{name}: {here} is missing")
        _value(found[key], one, name, here)


def _value(found: Any, key: Key, name: str, path: str) -> None:
    if found is None and key.nullable:
        return
    if key.kind == "object":
        _object(found, key.of or {}, name, path)
    elif key.kind == "list of objects":
        if not isinstance(found, list):
            raise ReportError(f"{name}: {path} is {found!r:.60}, expected a list")
        for number, one in enumerate(found):
            _object(one, key.of or {}, name, f"{path}[{number}]")
    elif not _IS[key.kind](found):
        raise ReportError(f"{name}: {path} is {found!r:.60}, expected {_ALLOWED.get(key.kind, key.kind)}")


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _are_numbers(found: Any) -> bool:
    return isinstance(found, dict) and all(map(_is_number, found.values()))


_ALLOWED = {VERDICT: "one of " + ", ".join(_VERDICTS)}
_IS: dict[str, Callable[[Any], bool]] = {
    TEXT: lambda found: isinstance(found, str),
    NUMBER: _is_number,
    WHOLE: lambda found: _is_number(found) and isinstance(found, int),
    FLAG: lambda found: isinstance(found, bool),
    VERDICT: lambda found: found in _VERDICTS,
    NUMBERS: _are_numbers,
    TEXTS: lambda found: isinstance(found, list) and all(isinstance(one, str) for one in found),
    ANYTHING: lambda found: (
        isinstance(found, dict)
        and all(_is_number(one) or isinstance(one, str) or _are_numbers(one) for one in found.values())
    ),
}

_HEAD = f"""\
# The JSON report

`validate.py … --json FILE` writes it, `validate.py show FILE` reads it, with every other format at choice. \
Schema {SCHEMA}. New keys may come at any time; a key that changes its meaning or goes makes it schema \
{SCHEMA + 1}. A verdict is `pass`, `fail` or `could-not-tell`; the last is never a pass. Control \
characters in texts are written out (`\\x1b`), so that what code printed in a session can do nothing to a \
terminal or a page.

Written by `make docs` from what `show` holds a file to.
"""


def documented() -> str:
    """docs/report.md."""
    lines = [_HEAD]
    _table(lines, "The report", REPORT)
    return "\n".join(lines).rstrip() + "\n"


def _table(lines: list[str], title: str, keys: Mapping[str, Key]) -> None:
    lines += [f"## {title}", "", "| key | value | meaning |", "|---|---|---|"]
    for name, key in keys.items():
        kind = key.kind + (" or null" if key.nullable else "")
        lines.append(f"| `{name}` | {kind} | {key.meaning} |")
    lines.append("")
    for name, key in keys.items():
        if key.of is not None:
            prefix = "" if title == "The report" else title.strip("`") + "."
            _table(lines, f"`{prefix}{name}{'[]' if key.kind.startswith('list') else ''}`", key.of)


def write() -> None:
    """docs/report.md anew; run at the root of the project."""
    Path("docs/report.md").write_text(documented())
