"""What needs somebody, the gravest first: the one list that table, page and summary begin with."""

from dataclasses import dataclass, replace
from typing import Any

from interpreter_validation.several import first

from .names import namer


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
    """Leaks, then what failed, strangers, then what could not be told, each in the report's order.

    What is said of many interpreters in the same words, as in an outage, is one finding.
    """
    found = [
        Finding(kind_of(text), "leak", "fail", f"could not be removed: {text}", todo=_TODO[kind_of(text)])
        for text in report["leaked"]
    ]
    name = namer(report["interpreters"])
    rest = []
    for row in report["preflight"]["rows"]:
        if row["verdict"] != "pass":
            rest.append(Finding(row["name"], row["kind"], row["verdict"], row["detail"]))
    for one in report["interpreters"]:
        for probe in one["probes"]:
            if probe["verdict"] != "pass":
                keys = ("verdict", "detail", "expected", "seen", "todo")
                rest.append(Finding(name(one), probe["probe"], *(probe[key] for key in keys)))
    for one in report["strangers"]:
        about, aspect = _titles(one)
        rest.append(Finding(about, aspect, of(one), one["detail"], todo=one["todo"]))
    return found + _together(sorted(rest, key=lambda one: one.verdict != "fail"))


def _together(found: list[Finding]) -> list[Finding]:
    """Those that differ only in whom they are about as one, where the first of them was."""
    alike: dict[Finding, list[str]] = {}
    for one in found:
        alike.setdefault(replace(one, about=""), []).append(one.about)
    return [replace(one, about=first(names)) for one, names in alike.items()]


def _titles(stranger: dict[str, Any]) -> tuple[str, str]:
    kind = stranger["kind"]
    if kind == "unknown":
        return "this run", "not looked for"
    return (stranger["id"], kind) if kind == "record" else (f"{kind} {stranger['id']}".strip(), "stranger")


def kind_of(left: str) -> str:
    """Whether a text of `leaked` tells of a session, an interpreter or an object."""
    return next((kind for kind in ("interpreter", "object") if left.startswith(f"{kind} ")), "session")


_TODO = {
    "session": "a session is billed until its time is over; run `validate.py sweep`",
    "interpreter": "whoever may invoke it holds its execution role: delete it by hand",
    "object": "remove it by hand: while it is there the bucket cannot be deleted",
}


def counts(report: dict[str, Any]) -> dict[str, int]:
    """How many rows and interpreters ended with each verdict, and how many strangers are findings."""
    verdicts = [one["verdict"] for one in (*report["preflight"]["rows"], *report["interpreters"])]
    verdicts += [of(one) for one in report["strangers"]]
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
    parts = []
    for word in ("create", "replace", "delete"):
        if word in told:
            names = f" ({told[f'{word}s']})" if told.get(f"{word}s") else ""
            parts.append(f"{word} {told[word]:g}{names}")
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


def of(stranger: dict[str, Any]) -> str:
    """The verdict that an entry of `strangers` is."""
    return "could-not-tell" if stranger["kind"] == "unknown" else "fail"
