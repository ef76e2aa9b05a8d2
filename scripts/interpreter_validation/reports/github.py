"""The report as Markdown for a GitHub job summary (`>> "$GITHUB_STEP_SUMMARY"`)."""

import html
import re
from typing import Any

from .findings import findings, summary
from .latency import STEPS
from .names import namer

_MARKS = {"pass": "✅", "fail": "❌", "could-not-tell": "❔"}
# GitHub refuses a summary of more than 1 MiB and shows nothing of it: so each section has its part, and of a
# fleet of thousands the worst hundreds are shown. A text is cut where it would take a page.
_BYTES = {"found": 550_000, "changed": 150_000, "fleet": 200_000, "room": 50_000, "removed": 50_000}
_LONGEST = 600
_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]()#+!|~>@:$-])")


def github(report: dict[str, Any]) -> str:
    """A headline, what needs somebody, changes, the fleet, quotas."""
    lines = [f"## Code interpreters — {_text(summary(report))}", "", _where(report), ""]
    found = findings(report)
    if found:
        lines += ["### Needs somebody", ""]
        lines += _rows(
            ("", "what", "found", "expected", "seen", "to do"),
            [
                [
                    _MARKS[one.verdict],
                    f"**{_text(one.about)}** {_text(one.aspect)}",
                    *(_text(text) for text in (one.detail, one.expected, one.seen, one.todo)),
                ]
                for one in found
            ],
            _BYTES["found"],
        )
    if report["baseline"] is not None:
        lines += [f"### Changed since run {_text(report['baseline'])}", ""]
        lines += _rows(
            ("", "what", "before", "now"),
            [
                [
                    {True: "🔺", False: "🔻", None: "•"}[one["worse"]],
                    f"{_text(one['about'])}: {_text(one['what'])}",
                    _text(one["before"]),
                    _text(one["now"]),
                ]
                for one in report["changes"]
            ],
            _BYTES["changed"],
        ) or ["Nothing.", ""]
    if report["interpreters"]:
        lines += ["### Interpreters", ""]
        name = namer(report["interpreters"])
        worst_first = sorted(report["interpreters"], key=lambda one: one["verdict"] == "pass")
        lines += _rows(
            ("", "interpreter", "mode", "storage", "probes", ", ".join(STEPS) + " (ms)"),
            [_interpreter(one, name(one)) for one in worst_first],
            _BYTES["fleet"],
        )
    if report["preflight"]["rows"]:
        lines += ["### Room", ""]
        lines += _rows(
            ("", "quota or need", "limit", "used", "planned", "headroom"),
            [
                [_MARKS[row["verdict"]], _text(row["name"])]
                + [_number(row[key]) for key in ("limit", "used", "planned", "headroom")]
                for row in report["preflight"]["rows"]
            ],
            _BYTES["room"],
        )
    removed = [f"- removed, left by another run: {_text(text)}" for text in report["swept"]]
    lines += _within(removed, _BYTES["removed"])
    return "\n".join(lines).rstrip() + "\n"


def _where(report: dict[str, Any]) -> str:
    parts = [
        f"account {report['account']}" if report["account"] else "",
        report["region"],
        report["endpoint"],
        f"{report['started']}, {report['seconds']:.0f} s",
        f"run {report['run']}",
    ]
    return " · ".join(_text(part) for part in parts if part)


def _interpreter(one: dict[str, Any], name: str) -> list[str]:
    storage = f"{one['prefix']} ({one['access']})" if one["prefix"] else "none"
    probes = " ".join(f"{_MARKS[probe['verdict']]} {_text(probe['probe'])}" for probe in one["probes"])
    took = [one["milliseconds"].get(step) for step in STEPS]
    return [
        _MARKS[one["verdict"]],
        f"**{_text(name)}**",
        _text(one["network_mode"]),
        _text(storage),
        probes,
        ", ".join("-" if step is None else f"{step:.0f}" for step in took),
    ]


def _rows(heads: tuple[str, ...], rows: list[list[str]], most: int) -> list[str]:
    if not rows:
        return []
    lines = [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]
    return [*lines[:2], *_within(lines[2:], most), ""]


def _within(lines: list[str], most: int) -> list[str]:
    """As many of these lines as take so many bytes, and how many more there are."""
    shown: list[str] = []
    for line in lines:
        most -= len(line.encode()) + 1
        if most < 0:
            return [*shown, "", f"… and {len(lines) - len(shown)} more, in the JSON report."]
        shown.append(line)
    return shown


def _number(found: float | None) -> str:
    return "" if found is None else f"{found:g}"


def _text(text: str) -> str:
    """Markdown that shows this text and nothing else: no link, no tag, no mention, no second line."""
    words = " ".join(text.split())
    plain = html.escape(words if len(words) <= _LONGEST else words[:_LONGEST] + "…", quote=False)
    # Entities rather than backslashes: those do not stop a bare address or a mention from becoming a link.
    return _MEANS_SOMETHING.sub(lambda found: f"&#{ord(found[0])};", plain)
