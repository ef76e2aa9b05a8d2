"""What needs somebody, the gravest first: the one list that table, page and summary begin with."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing to look at; `about` names the interpreter, quota or session, `aspect` the probe or kind."""

    about: str
    aspect: str
    verdict: str
    detail: str
    expected: str = ""
    seen: str = ""
    todo: str = ""


def findings(report: dict[str, Any]) -> list[Finding]:
    """Leaks, then what failed, strangers, then what could not be told, each in the report's order."""
    found = [
        Finding(
            "session",
            "leak",
            "fail",
            f"could not be removed: {text}",
            todo="a session is billed until its time is over; run `validate.py sweep`",
        )
        for text in report["leaked"]
    ]
    rest = []
    for row in report["preflight"]["rows"]:
        if row["verdict"] != "pass":
            rest.append(Finding(row["name"], row["kind"], row["verdict"], row["detail"]))
    for one in report["interpreters"]:
        for probe in one["probes"]:
            if probe["verdict"] != "pass":
                keys = ("verdict", "detail", "expected", "seen", "todo")
                rest.append(Finding(one["interpreter"], probe["probe"], *(probe[key] for key in keys)))
    for one in report["strangers"]:
        is_record = one["kind"] == "record"
        about = one["id"] if is_record else f"{one['kind']} {one['id']}".strip()
        rest.append(
            Finding(about, "record" if is_record else "stranger", _of(one), one["detail"], todo=one["todo"])
        )
    return found + sorted(rest, key=lambda one: one.verdict != "fail")


def counts(report: dict[str, Any]) -> dict[str, int]:
    """How many rows and interpreters ended with each verdict, and how many strangers are findings."""
    verdicts = [one["verdict"] for one in (*report["preflight"]["rows"], *report["interpreters"])]
    verdicts += [_of(one) for one in report["strangers"]]
    return {verdict: verdicts.count(verdict) for verdict in ("pass", "fail", "could-not-tell")}


def summary(report: dict[str, Any]) -> str:
    """One line."""
    parts = [f"{number} {verdict}" for verdict, number in counts(report).items() if number]
    if report["command"] == "sweep":
        parts.append(f"{len(report['strangers'])} left, {len(report['swept'])} removed")
    if report["leaked"]:
        parts.append(f"{len(report['leaked'])} not removed")
    word = {0: "ok", 130: "interrupted"}.get(report["exit_code"], "FAILED")
    return f"{word}: {', '.join(parts) or 'nothing was checked'}"


def forecast(report: dict[str, Any]) -> str:
    """What preflight foretells, in one sentence; "" if nothing."""
    told = report["preflight"]["forecast"]
    parts = [f"{word} {told[word]:g}" for word in ("create", "replace", "delete") if word in told]
    for key, words in _TIMES.items():
        if key in told:
            parts.append(f"{words} {told[key]:g} s")
    if told.get("canary_bound_by"):
        parts[-1] += f" (bound by {told['canary_bound_by']})"
    return ", ".join(parts)


_TIMES = {
    "create_seconds": "at the account's rates creating takes at least",
    "delete_seconds": "deleting",
    "canary_seconds": "the canary",
}


def _of(stranger: dict[str, Any]) -> str:
    return "could-not-tell" if stranger["kind"] == "unknown" else "fail"
