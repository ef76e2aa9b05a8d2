"""A run's result as a table for people and as JSON and JUnit for other programs."""

import json
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from rich import box
from rich.console import Console
from rich.table import Table

from .quotas import Row
from .runner import Canary
from .verdict import Verdict

SCHEMA = 1
_LOG_WIDTH = 160
_STYLES = {"pass": "green", "fail": "bold red", "could-not-tell": "yellow"}


class ReportError(ValueError):
    """A file that is no report of ours."""


def value(
    *,
    command: str,
    run: str,
    endpoint: str,
    region: str,
    started: str,
    quotas: list[Row],
    canaries: list[Canary],
    swept: list[str],
    leaked: list[str],
    exit_code: int,
) -> dict[str, Any]:
    """The JSON report: everything that the tables show."""
    return {
        "schema": SCHEMA,
        "command": command,
        "run": run,
        "endpoint": endpoint,
        "region": region,
        "started": started,
        "exit_code": exit_code,
        "quotas": [{**asdict(row), "verdict": row.verdict.value} for row in quotas],
        "interpreters": [
            {
                "fleet": one.record.fleet,
                "interpreter": one.record.base,
                "id": one.record.id,
                "network_mode": one.record.network_mode,
                "role_arn": one.record.role_arn,
                "bucket": one.record.bucket,
                "prefix": one.record.prefix,
                "access": one.record.access,
                "verdict": one.verdict.value,
                "detail": one.detail,
                "milliseconds": {step: round(took, 1) for step, took in one.milliseconds.items()},
            }
            for one in canaries
        ],
        "swept": swept,
        "leaked": leaked,
    }


def read(text: str, name: str) -> dict[str, Any]:
    """A report from its file. ReportError names what is wrong."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ReportError(f"{name}: not JSON: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        schema = found.get("schema") if isinstance(found, dict) else None
        raise ReportError(f"{name}: schema is {schema!r}, expected {SCHEMA}: not a report of this version")
    return found


def as_json(report: dict[str, Any]) -> str:
    """Indented."""
    return json.dumps(report, indent=2)


def junit(report: dict[str, Any]) -> str:
    """One test case for each quota and interpreter; could-not-tell is an error, a finding a failure."""
    cases = [("quota", row["name"], row["verdict"], row["detail"], 0.0) for row in report["quotas"]]
    for one in report["interpreters"]:
        seconds = one["milliseconds"].get("all", 0.0) / 1000
        cases.append((f"canary.{one['fleet']}", one["interpreter"], one["verdict"], one["detail"], seconds))
    cases += [("session", text, "fail", "could not be stopped", 0.0) for text in report["leaked"]]
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=f"interpreter-fleet {report['command']}",
        tests=str(len(cases)),
        failures=str(sum(case[2] == "fail" for case in cases)),
        errors=str(sum(case[2] == "could-not-tell" for case in cases)),
    )
    for kind, name, verdict, detail, seconds in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=kind, name=name, time=f"{seconds:.3f}")
        if verdict != "pass":
            tag = "failure" if verdict == "fail" else "error"
            ElementTree.SubElement(case, tag, message=detail, type=verdict)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; wide enough for a role's name where there is none (a CI log)."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=_LOG_WIDTH)


def show(report: dict[str, Any], console: Console) -> None:
    """Tables, then what needs somebody, then one line."""
    if report["quotas"]:
        console.print(_quota_table(report["quotas"]))
    if report["interpreters"]:
        console.print(_canary_table(report["interpreters"]))
    for one in report["interpreters"]:
        if one["detail"]:
            console.print(f"{one['interpreter']}: {one['detail']}", markup=False, soft_wrap=True)
    for row in report["quotas"]:
        if row["verdict"] != "pass":
            console.print(f"{row['name']}: {row['detail']}", markup=False, soft_wrap=True)
    for text in report["swept"]:
        console.print(f"stopped a session that another run left: {text}", markup=False, soft_wrap=True)
    for text in report["leaked"]:
        console.print(f"NOT STOPPED: session {text}", markup=False, soft_wrap=True)
    console.print(summary(report), markup=False, soft_wrap=True)


def summary(report: dict[str, Any]) -> str:
    """One line."""
    verdicts = [one["verdict"] for one in (*report["quotas"], *report["interpreters"])]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdicts.count(verdict)]
    if report["command"] == "sweep":
        counts.append(f"{len(report['swept'])} sessions stopped")
    if report["leaked"]:
        counts.append(f"{len(report['leaked'])} sessions not stopped")
    word = {0: "ok", 130: "interrupted"}.get(report["exit_code"], "FAILED")
    return f"{word}: {', '.join(counts) or 'nothing was checked'}"


def _quota_table(rows: list[dict[str, Any]]) -> Table:
    table = _table("quotas")
    for head, justify in (("quota", "left"), ("limit", "right"), ("used", "right"), ("adds", "right")):
        table.add_column(head, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("verdict")
    for row in rows:
        used = "" if row["used"] is None else str(row["used"])
        table.add_row(row["name"], f"{row['limit']:g}", used, f"{row['adds']:g}", _styled(row["verdict"]))
    return table


def _canary_table(rows: list[dict[str, Any]]) -> Table:
    table = _table("canary")
    for head in ("interpreter", "mode", "execution role", "prefix", "verdict"):
        table.add_column(head, overflow="fold", no_wrap=head in ("mode", "verdict"))
    table.add_column("start, invoke, stop", justify="right", no_wrap=True)
    for row in rows:
        role = row["role_arn"].rpartition("/")[2]
        prefix = f"{row['prefix']} ({row['access']})" if row["prefix"] else "none"
        table.add_row(
            row["interpreter"], row["network_mode"], role, prefix, _styled(row["verdict"]), _latency(row)
        )
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _latency(row: dict[str, Any]) -> str:
    took = row["milliseconds"]
    steps = [took[step] for step in ("start", "invoke", "stop") if step in took]
    return ", ".join(f"{step:.0f}" for step in steps) + " ms" if steps else ""


def _styled(verdict: str) -> str:
    return f"[{_STYLES[verdict]}]{verdict}[/]"
