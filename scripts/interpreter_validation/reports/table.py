"""The report as tables on a terminal, or as a picture of them."""

import io
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .findings import findings, forecast, summary
from .latency import STEPS
from .names import namer

_LOG_WIDTH = 160
_LATENCIES = ", ".join(STEPS)
_NUMBERS = ("limit", "used", "planned", "headroom")
# The columns beside the name, and how wide a terminal must be to hold each.
_CANARY = {"mode": 60, "execution role": 120, "prefix": 80, "verdict": 0, _LATENCIES: 100}
_PREFLIGHT = {
    "limit": 60,
    "used": 80,
    "planned": 80,
    "headroom": 0,
    "source": 120,
    "adjustable": 100,
    "verdict": 0,
}
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


class _Console(Console):
    """rich's own ends the process with the exit status of a finding when its reader has gone."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError("the reader of the output has gone")


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; wide enough for a role's name where there is none (a CI log)."""
    made = _Console(stderr=stderr)
    return made if made.is_terminal else _Console(stderr=stderr, width=_LOG_WIDTH)


def show(report: dict[str, Any], console: Console, *, wrap: bool = False) -> None:
    """Tables, then what needs somebody, what changed, what was swept, then one line.

    Lines of text are not wrapped unless asked for, so that they can be searched and copied.
    """

    def say(text: str) -> None:
        # Text: rich must read no markup in what a session printed.
        console.print(Text(text), soft_wrap=not wrap)

    if report["preflight"]["rows"]:
        console.print(_preflight_table(report["preflight"]["rows"], console.width))
    if told := forecast(report):
        say(f"forecast: {told}")
    if report["interpreters"]:
        console.print(_canary_table(report, console.width))
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


def _preflight_table(rows: list[dict[str, Any]], width: int) -> Table:
    table = _table("preflight")
    table.add_column("quota or need", overflow="fold")
    heads = [head for head, needs in _PREFLIGHT.items() if width >= needs]
    for head in heads:
        figures = head in _NUMBERS
        table.add_column(head, justify="right" if figures else "left", no_wrap=figures or head == "verdict")
    for row in rows:
        cells: dict[str, str | Text] = {
            **{key: "" if row[key] is None else f"{row[key]:g}" for key in _NUMBERS},
            "source": Text(row["source"]),
            "adjustable": {True: "yes", False: "no", None: ""}[row["adjustable"]],
            "verdict": _styled(row["verdict"]),
        }
        table.add_row(Text(row["name"]), *(cells[head] for head in heads))
    return table


def _canary_table(report: dict[str, Any], width: int) -> Table:
    """As many columns as the terminal has room for: names that are cut into pieces say nothing."""
    table = _table("canary")
    name = namer(report["interpreters"])
    table.add_column("interpreter", overflow="fold")
    heads = [head for head, needs in _CANARY.items() if width >= needs]
    for head in heads:
        table.add_column(
            head,
            overflow="fold",
            no_wrap=head in ("mode", _LATENCIES) or (head == "verdict" and width >= 80),
            justify="right" if head == _LATENCIES else "left",
        )
    for row in report["interpreters"]:
        prefix = f"{row['prefix']} ({row['access']})" if row["prefix"] else "none"
        cells = {
            "mode": Text(row["network_mode"]),
            "execution role": Text(row["role_arn"].rpartition("/")[2]),
            "prefix": Text(prefix),
            "verdict": _verdict(row),
            _LATENCIES: Text(_latency(row)),
        }
        table.add_row(Text(name(row)), *(cells[head] for head in heads))
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
