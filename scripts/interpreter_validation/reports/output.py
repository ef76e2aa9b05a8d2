"""Which reports a command writes, and where."""

import argparse
import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .baseline import compared
from .document import as_json, load, text_of
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


def prepare(options: argparse.Namespace) -> None:
    """Before a run of minutes: OSError or ReportError if one of its files cannot be read or written."""
    if options.baseline:
        load(options.baseline)
    if options.check:
        read_check(text_of(options.check), str(options.check))
    for path in filter(None, (getattr(options, name) for name in _FILES)):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if str(path) != "-" and not os.access(path if path.exists() else path.parent, os.W_OK):
            code = errno.EACCES if path.parent.is_dir() else errno.ENOENT
            raise OSError(code, os.strerror(code), str(path))


def write(options: argparse.Namespace, report: dict[str, Any], *, table: bool = True) -> None:
    """Every report that was asked for. OSError or ReportError when one cannot be made; the others are.

    Without `table` nothing is printed for people.
    """
    problem: Exception | None = None
    if options.baseline:
        try:
            report = compared(load(options.baseline), report)
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
    with _standard_output():
        if options.format != "table":
            say(_TEXTS[options.format](report))
        elif table:
            show(report, console())
    if problem is not None:
        raise problem


def say(text: str) -> None:
    """Standard output for programs: in UTF-8, whatever the terminal's encoding. OSError if it is gone."""
    with _standard_output():
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(text)


@contextlib.contextmanager
def _standard_output() -> Iterator[None]:
    """Flushes it after the block, so that a reader who has gone and a full disk are an OSError here.

    At the very end Python would find them, and exit with a status of its own.
    """
    if sys.stdout is None:
        raise OSError("standard output is closed")
    try:
        yield
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _page(options: argparse.Namespace, report: dict[str, Any]) -> str:
    return page(report, read_check(text_of(options.check), str(options.check)) if options.check else None)


def _put(path: Path, text: str) -> None:
    if str(path) == "-":
        say(text)
    else:
        path.write_text(text, encoding="utf-8")
