"""The report as a JSON object: made from a run, written, read again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interpreter_validation.result import Canary, ProbeResult

from .shape import SCHEMA, ReportError, check


def value(
    *,
    command: str,
    run: str,
    endpoint: str,
    region: str,
    account: str,
    started: str,
    finished: str,
    seconds: float,
    canaries: Sequence[Canary],
    exit_code: int,
    preflight: Mapping[str, Any] | None = None,
    strangers: Sequence[Mapping[str, str]] = (),
    swept: Sequence[str] = (),
    leaked: Sequence[str] = (),
    calls: Mapping[str, int] | None = None,
    throttled: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The JSON report (docs/report.md): everything that any other format shows."""
    told = preflight or {}
    report = {
        "schema": SCHEMA,
        "command": command,
        "run": run,
        "endpoint": endpoint,
        "region": region,
        "account": account,
        "started": started,
        "finished": finished,
        "seconds": round(seconds, 3),
        "exit_code": exit_code,
        "preflight": {"rows": list(told.get("rows", ())), "forecast": dict(told.get("forecast", {}))},
        "interpreters": [_interpreter(one) for one in canaries],
        "strangers": [dict(one) for one in strangers],
        "swept": list(swept),
        "leaked": list(leaked),
        "calls": dict(calls or {}),
        "throttled": dict(throttled or {}),
        "baseline": None,
        "changes": [],
    }
    cleaned: dict[str, Any] = clean(report)
    return check(cleaned, "this run's report")


def _interpreter(canary: Canary) -> dict[str, Any]:
    record = canary.record
    return {
        "fleet": record.fleet,
        "interpreter": record.base,
        "id": record.id,
        "arn": record.arn,
        "stack": record.stack,
        "network_mode": record.network_mode,
        "role_arn": record.role_arn,
        "bucket": record.bucket,
        "prefix": record.prefix,
        "access": record.access,
        "verdict": canary.verdict.value,
        "detail": canary.detail,
        "milliseconds": _rounded(canary.milliseconds),
        "probes": [_probe(one) for one in canary.results],
    }


def _probe(result: ProbeResult) -> dict[str, Any]:
    return {
        **asdict(result),
        "verdict": result.verdict.value,
        "milliseconds": _rounded(result.milliseconds),
    }


def _rounded(milliseconds: Mapping[str, float]) -> dict[str, float]:
    return {step: round(took, 1) for step, took in milliseconds.items()}


def clean(found: Any) -> Any:
    """The same, with control characters written out: texts come from code that ran in a session.

    A newline and a tab stay; a lone surrogate could not be written as UTF-8.
    """
    if isinstance(found, str):
        return "".join(one if one in "\n\t" or one.isprintable() else _escaped(one) for one in found)
    if isinstance(found, Mapping):
        return {clean(key): clean(one) for key, one in found.items()}
    if isinstance(found, list | tuple):
        return [clean(one) for one in found]
    return found


def _escaped(one: str) -> str:
    return one if one.isspace() and ord(one) > 0x9F else one.encode("unicode_escape").decode()


def read(text: str, name: str) -> dict[str, Any]:
    """A report from its file. ReportError names what is wrong."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ReportError(f"{name}: not JSON: {error}") from error
    cleaned: dict[str, Any] = clean(check(found, name))
    return cleaned


def load(file: Path) -> dict[str, Any]:
    """A report's file. OSError if it cannot be opened, ReportError if it is none."""
    return read(text_of(file), str(file))


def text_of(file: Path) -> str:
    """ReportError where bytes are no text."""
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ReportError(f"{file}: not text: {error}") from error


def as_json(report: dict[str, Any]) -> str:
    """Indented."""
    return json.dumps(report, indent=2, ensure_ascii=False)
