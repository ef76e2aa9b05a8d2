"""The report as CloudWatch metrics in the embedded metric format: one JSON object a line.

What the CloudWatch agent, Lambda's logs and PutLogEvents turn into metrics by themselves.
Format: AWS docs, CloudWatch_Embedded_Metric_Format_Specification.
"""

from datetime import datetime
from typing import Any

from interpreter_validation.metric_line import line

from .findings import of
from .latency import STEPS

# CloudWatch takes lines of 256 KB; whoever reads a metric's line reads less.
_LONGEST, _MOST = 4000, 50


def emf(report: dict[str, Any]) -> str:
    """A line for each interpreter, by fleet and by fleet and interpreter; then one for the run."""
    at = round(datetime.fromisoformat(report["finished"]).timestamp() * 1000)
    lines = [_interpreter(report, one, at) for one in report["interpreters"]]
    others = [of(one) for one in report["strangers"]]
    rows = [row["verdict"] for row in report["preflight"]["rows"]]
    metrics = {
        "PreflightFailures": (rows.count("fail"), "Count"),
        "PreflightCouldNotTell": (rows.count("could-not-tell"), "Count"),
        "Strangers": (others.count("fail"), "Count"),
        "CouldNotTell": (others.count("could-not-tell"), "Count"),
        "SweptSessions": (len(report["swept"]), "Count"),
        "LeakedSessions": (len(report["leaked"]), "Count"),
        "RunTime": (report["seconds"], "Seconds"),
    }
    keys = ("run", "command", "exit_code", "account", "region", "leaked", "swept")
    # No dimension: a leak is an alarm wherever it is.
    told = {key: report[key] for key in keys}
    for key in ("leaked", "swept"):
        told[key] = report[key][:_MOST]
    lines.append(line(at, [[]], metrics, told))
    return "".join(text + "\n" for text in lines)


def _interpreter(report: dict[str, Any], one: dict[str, Any], at: int) -> str:
    metrics: dict[str, tuple[float, str]] = {
        "Failures": (one["verdict"] == "fail", "Count"),
        "CouldNotTell": (one["verdict"] == "could-not-tell", "Count"),
    }
    for step in STEPS:
        if step in one["milliseconds"]:
            metrics[f"{step.title()}Latency"] = (one["milliseconds"][step], "Milliseconds")
    properties = {
        "Fleet": one["fleet"],
        "Interpreter": one["interpreter"],
        "run": report["run"],
        "id": one["id"],
        "verdict": one["verdict"],
        "detail": one["detail"][:_LONGEST],
        "probes": {probe["probe"]: probe["verdict"] for probe in one["probes"]},
    }
    return line(at, [["Fleet"], ["Fleet", "Interpreter"]], metrics, properties)
