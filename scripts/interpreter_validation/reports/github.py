"""The report as Markdown for a GitHub job summary (`>> "$GITHUB_STEP_SUMMARY"`)."""

import html
import re
from typing import Any

from .findings import findings, summary
from .latency import STEPS

_MARKS = {"pass": "✅", "fail": "❌", "could-not-tell": "❔"}
# GitHub refuses summaries of more than 1 MiB; a fleet of thousands stays below with its worst hundreds.
_MOST_ROWS = 300
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
        ) or ["Nothing.", ""]
    if report["interpreters"]:
        lines += ["### Interpreters", ""]
        worst_first = sorted(report["interpreters"], key=lambda one: one["verdict"] == "pass")
        lines += _rows(
            ("", "interpreter", "mode", "storage", "probes", ", ".join(STEPS) + " (ms)"),
            [_interpreter(one) for one in worst_first],
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
        )
    for text in report["swept"]:
        lines.append(f"- removed, left by another run: {_text(text)}")
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


def _interpreter(one: dict[str, Any]) -> list[str]:
    storage = f"{one['prefix']} ({one['access']})" if one["prefix"] else "none"
    probes = " ".join(f"{_MARKS[probe['verdict']]} {_text(probe['probe'])}" for probe in one["probes"])
    took = [one["milliseconds"].get(step) for step in STEPS]
    return [
        _MARKS[one["verdict"]],
        f"**{_text(one['interpreter'])}**",
        _text(one["network_mode"]),
        _text(storage),
        probes,
        ", ".join("-" if step is None else f"{step:.0f}" for step in took),
    ]


def _rows(heads: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    shown = [heads, ["---"] * len(heads), *rows[:_MOST_ROWS]]
    lines = [f"| {' | '.join(row)} |" for row in shown]
    if len(rows) > _MOST_ROWS:
        lines += ["", f"… and {len(rows) - _MOST_ROWS} more, in the JSON report."]
    return [*lines, ""]


def _number(found: float | None) -> str:
    return "" if found is None else f"{found:g}"


def _text(text: str) -> str:
    """Markdown that shows this text and nothing else: no link, no tag, no mention, no second line."""
    plain = html.escape(" ".join(text.split()), quote=False)
    # Entities rather than backslashes: those do not stop a bare address or a mention from becoming a link.
    return _MEANS_SOMETHING.sub(lambda found: f"&#{ord(found[0])};", plain)
