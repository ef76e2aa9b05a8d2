"""The report as tables on a terminal, or as a picture of them."""

import io
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .findings import findings, forecast, summary
from .latency import STEPS

_LOG_WIDTH = 160
_STYLES = {"pass": "green", "fail": "bold red", "could-not-tell": "yellow"}
# rich's own, without the font that it would load from the web.
_SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; \
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" \
height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; wide enough for a role's name where there is none (a CI log)."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=_LOG_WIDTH)


def show(report: dict[str, Any], console: Console, *, wrap: bool = False) -> None:
    """Tables, then what needs somebody, what changed, what was swept, then one line.

    Lines of text are not wrapped unless asked for, so that they can be searched and copied.
    """

    def say(text: str) -> None:
        # Text: rich must read no markup in what a session printed.
        console.print(Text(text), soft_wrap=not wrap)

    if report["preflight"]["rows"]:
        console.print(_preflight_table(report["preflight"]["rows"]))
    if told := forecast(report):
        say(f"forecast: {told}")
    if report["interpreters"]:
        console.print(_canary_table(report["interpreters"]))
    for one in findings(report):
        mark = "NOT REMOVED" if one.aspect == "leak" else f"{one.about}, {one.aspect}"
        say(f"{mark}: {one.detail}")
        for word, text in (("expected", one.expected), ("seen", one.seen), ("to do", one.todo)):
            if text:
                say(f"  {word}: {text}")
    if report["baseline"] is not None:
        same = "" if report["changes"] else ": nothing"
        say(f"changed since run {report['baseline']}{same}")
    for one in report["changes"]:
        word = {True: "worse: ", False: "better: ", None: ""}[one["worse"]]
        say(f"  {word}{one['about']}: {one['what']} {one['before']} → {one['now']}")
    for text in report["swept"]:
        say(f"removed: {text}")
    say(summary(report))


def svg(report: dict[str, Any]) -> str:
    """A picture of what `show` prints; nothing in it is loaded from elsewhere."""
    recorded = Console(record=True, width=132, file=io.StringIO())
    show(report, recorded, wrap=True)
    return recorded.export_svg(
        title=f"validate.py {report['command']}", code_format=_SVG, unique_id="interpreters"
    )


def _preflight_table(rows: list[dict[str, Any]]) -> Table:
    table = _table("preflight")
    table.add_column("quota or need", overflow="fold")
    numbers = ("limit", "used", "planned", "headroom")
    for head in numbers:
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("source", "adjustable", "verdict"):
        table.add_column(head, no_wrap=head == "verdict")
    for row in rows:
        table.add_row(
            Text(row["name"]),
            *("" if row[key] is None else f"{row[key]:g}" for key in numbers),
            Text(row["source"]),
            {True: "yes", False: "no", None: ""}[row["adjustable"]],
            _styled(row["verdict"]),
        )
    return table


def _canary_table(rows: list[dict[str, Any]]) -> Table:
    table = _table("canary")
    for head in ("interpreter", "mode", "execution role", "prefix", "verdict"):
        table.add_column(head, overflow="fold", no_wrap=head in ("mode", "verdict"))
    table.add_column(", ".join(STEPS), justify="right", no_wrap=True)
    for row in rows:
        role = row["role_arn"].rpartition("/")[2]
        prefix = f"{row['prefix']} ({row['access']})" if row["prefix"] else "none"
        cells = (Text(row[key]) for key in ("interpreter", "network_mode"))
        table.add_row(*cells, Text(role), Text(prefix), _verdict(row), _latency(row))
    return table


def _verdict(row: dict[str, Any]) -> Text:
    """The verdict, and which of its probes made it."""
    cause = ", ".join(one["probe"] for one in row["probes"] if one["verdict"] == row["verdict"])
    said = _styled(row["verdict"])
    return said if row["verdict"] == "pass" or not cause else said.append(f" ({cause})")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _latency(row: dict[str, Any]) -> str:
    took = row["milliseconds"]
    steps = [took[step] for step in STEPS if step in took]
    return ", ".join(f"{step:.0f}" for step in steps) + " ms" if steps else ""


def _styled(verdict: str) -> Text:
    return Text(verdict, style=_STYLES[verdict])
