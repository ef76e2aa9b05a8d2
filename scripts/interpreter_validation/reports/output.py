"""Which reports a command writes, and where."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .baseline import compared
from .document import as_json, read
from .emf import emf
from .github import github
from .junit import junit
from .page import page
from .proof import read_check
from .table import console, show, svg

_TEXTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "json": lambda report: as_json(report) + "\n",
    "junit": lambda report: junit(report) + "\n",
    "github": github,
    "emf": emf,
    "svg": svg,
}
FORMATS = ("table", *_TEXTS)
_FILES = {
    "json": "the JSON report (docs/report.md)",
    "junit": "the JUnit report",
    "emf": "CloudWatch metrics, embedded metric format",
    "html": "one HTML page for people",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--format, a --json, --junit, --emf and --html FILE, and the files that they are made with."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="of standard output")
    for name, what in _FILES.items():
        parser.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"write {what} there too (- for standard output)"
        )
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="the JSON of check.py, for the page: the proof beside it"
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE", help="an earlier JSON report: say what changed since"
    )


def log(options: argparse.Namespace) -> bool:
    """Whether standard output is only for a program, so that progress must go to standard error."""
    return str(options.format) != "table"


def write(options: argparse.Namespace, report: dict[str, Any]) -> None:
    """Every report that was asked for. OSError or ReportError when one cannot be made; the others are."""
    problem: Exception | None = None
    if options.baseline:
        try:
            report = compared(read(options.baseline.read_text(), str(options.baseline)), report)
        except (OSError, ValueError) as error:
            problem = error
    for name in _FILES:
        path = getattr(options, name)
        try:
            if path:
                text = _page(options, report) if name == "html" else _TEXTS[name](report)
                _put(path, text)
        except (OSError, ValueError) as error:
            problem = error
    if options.format == "table":
        show(report, console())
    else:
        sys.stdout.write(_TEXTS[options.format](report))
    if problem is not None:
        raise problem


def _page(options: argparse.Namespace, report: dict[str, Any]) -> str:
    return page(report, read_check(options.check.read_text(), str(options.check)) if options.check else None)


def _put(path: Path, text: str) -> None:
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")
