"""A report as text for people and for other programs."""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .engine import Problem, Report, Result
from .rule import Rule

_SARIF_LEVELS = {"critical": "error", "high": "error", "medium": "warning"}
# `"Name": {` in JSON, `Name:` in YAML.
_OPENS = re.compile(r"""\s*["']?([A-Za-z0-9]+)["']?\s*:\s*(?:\{.*|#.*)?$""")


def table(report: Report) -> str:
    """What needs somebody or was waived, and for each interpreter how many rules hold."""
    rows = [_row(result) for result in report.results if result.status != "pass"]
    grouped: dict[tuple[str, str], list[Result]] = {}
    for result in report.results:
        grouped.setdefault((str(result.template), result.logical_id), []).append(result)
    for mine in grouped.values():
        held = [result for result in mine if result.status == "pass"]
        headlines = [result.evidence for result in held if result.rule.headline]
        rows.append((f"{len(held)} rules", mine[0].interpreter, "PASS", "; ".join(headlines) or "hold"))
    return _laid_out(report, rows)


def verbose(report: Report) -> str:
    """Every rule on every interpreter."""
    return _laid_out(report, [_row(result) for result in report.results])


def _laid_out(report: Report, rows: list[tuple[str, str, str, str]]) -> str:
    heads = ("rule", "interpreter", "verdict", "evidence")
    rows = rows + [("waiver", problem.interpreter, "FAIL", problem.text) for problem in report.problems]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in (heads, *rows)
    ]
    for rule in _failed_rules(report):
        lines += [
            "",
            f"{rule.id}  {rule.title} ({rule.severity})",
            f"  why: {rule.why}",
            f"  fix: {rule.fix}",
        ]
    return "\n".join([*lines, "", summary(report)])


def _row(result: Result) -> tuple[str, str, str, str]:
    return result.rule.id, result.interpreter, result.status.upper(), _evidence(result)


def summary(report: Report) -> str:
    """One line."""
    counts = dict.fromkeys(("pass", "waived", "fail", "unknown"), 0)
    for result in report.results:
        counts[result.status] += 1
    parts = [f"{number} {status}" for status, number in counts.items() if number or status == "pass"]
    if report.problems:
        parts.append(f"{len(report.problems)} waivers that do not hold")
    return f"{'ok' if report.ok else 'FAILED'}: {', '.join(parts)}"


def as_json(report: Report) -> str:
    """Everything, under schema number 1."""
    value = {
        "schema": 1,
        "ok": report.ok,
        "results": [
            {
                "rule": result.rule.id,
                "severity": result.rule.severity,
                "interpreter": result.interpreter,
                "template": str(result.template),
                "logical_id": result.logical_id,
                "status": result.status,
                "evidence": result.evidence,
                "waiver": _waiver(result),
            }
            for result in report.results
        ],
        "problems": [
            {
                "interpreter": problem.interpreter,
                "template": str(problem.template),
                "logical_id": problem.logical_id,
                "text": problem.text,
            }
            for problem in report.problems
        ],
    }
    return json.dumps(value, indent=2)


def sarif(report: Report) -> str:
    """SARIF 2.1.0; waived results carry a suppression."""
    rules = {result.rule.id: result.rule for result in report.results}
    results: list[dict[str, Any]] = []
    for result in report.results:
        if result.status == "pass":
            continue
        entry = {
            "ruleId": result.rule.id,
            "level": _SARIF_LEVELS[result.rule.severity],
            "message": {"text": f"{result.interpreter}: {result.evidence}"},
            "locations": [_sarif_location(result)],
        }
        if result.waiver:
            entry["suppressions"] = [{"kind": "external", "justification": result.waiver.describe()}]
        results.append(entry)
    for problem in report.problems:
        text = f"{problem.interpreter}: {problem.text}"
        location = _sarif_location(problem)
        results.append(
            {"ruleId": "waiver", "level": "error", "message": {"text": text}, "locations": [location]}
        )
    driver = {
        "name": "interpreter-fleet",
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.why},
                "help": {"text": rule.fix},
            }
            for rule in rules.values()
        ],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    value = {
        "$schema": schema,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(value, indent=2)


def junit(report: Report) -> str:
    """One test case for each rule on each interpreter."""
    findings = sum(result.is_finding for result in report.results) + len(report.problems)
    total = len(report.results) + len(report.problems)
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name="interpreter-fleet check",
        tests=str(total),
        failures=str(findings),
        errors="0",
    )
    for result in report.results:
        case = ElementTree.SubElement(suite, "testcase", classname=result.interpreter, name=result.rule.id)
        if result.is_finding:
            ElementTree.SubElement(
                case, "failure", message=result.evidence, type=result.status
            ).text = result.rule.fix
        else:
            ElementTree.SubElement(case, "system-out").text = _evidence(result)
    for problem in report.problems:
        case = ElementTree.SubElement(suite, "testcase", classname=problem.interpreter, name="waiver")
        ElementTree.SubElement(case, "failure", message=problem.text, type="fail")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def github(report: Report) -> str:
    """Workflow commands that annotate the template's lines."""
    lines = []
    for result in report.results:
        if result.is_finding or result.waiver:
            level = "notice" if result.waiver else "error"
            text = f"{result.interpreter}: {_evidence(result)}"
            lines.append(_annotation(level, result, result.rule.id, text))
    for problem in report.problems:
        text = f"{problem.interpreter}: {problem.text}"
        lines.append(_annotation("error", problem, "waiver", text))
    return "\n".join([*lines, summary(report)])


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": table,
    "verbose": verbose,
    "json": as_json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
}


def _evidence(result: Result) -> str:
    return f"{result.evidence}; {result.waiver.describe()}" if result.waiver else result.evidence


def _failed_rules(report: Report) -> list[Rule]:
    return list({result.rule.id: result.rule for result in report.results if result.is_finding}.values())


def _waiver(result: Result) -> dict[str, str] | None:
    waiver = result.waiver
    if waiver is None:
        return None
    return {
        "reason": waiver.reason,
        "owner": waiver.owner,
        "until": waiver.until.isoformat(),
        "source": waiver.source or "template",
    }


def _sarif_location(found: Result | Problem) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": found.template.as_posix()},
            "region": {"startLine": _line(found)},
        },
        "logicalLocations": [{"name": found.logical_id, "kind": "resource"}],
    }


def _annotation(level: str, found: Result | Problem, title: str, text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level} file={found.template.as_posix()},line={_line(found)},title={title}::{escaped}"


def _line(found: Result | Problem) -> int:
    """Where a resource begins in its template; 1 if that cannot be told."""
    if isinstance(found, Problem) and found.line is not None:
        return found.line
    return _lines(found.template).get(found.logical_id, 1)


@lru_cache(maxsize=64)
def _lines(path: Path) -> dict[str, int]:
    """Key → the first line that opens it, in JSON or YAML laid out with a line for each resource."""
    try:
        text = path.read_text()
    except OSError:  # read from standard input
        return {}
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if matched := _OPENS.match(line):
            found.setdefault(matched[1], number)
    return found
