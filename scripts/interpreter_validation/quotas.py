"""Quota preflight: is there room for this fleet and its canary?

Quotas are looked up by name in Service Quotas; AWS documents no codes. Defaults: AWS docs,
bedrock-agentcore-limits; used only where the account cannot be asked, and then marked so.
"""

from dataclasses import dataclass
from typing import Any

from .clients import AwsError, Clients, words
from .verdict import Verdict

SERVICE_CODE = "bedrock-agentcore"
INTERPRETERS = "Total Code Interpreter tool configurations per account"
SESSIONS = "Total concurrent active code interpreter sessions per account"
_RATES = {
    "GetCodeInterpreter": 30.0,
    "ListCodeInterpreters": 30.0,
    "StartCodeInterpreterSession": 30.0,
    "GetCodeInterpreterSession": 30.0,
    "ListCodeInterpreterSessions": 30.0,
    "StopCodeInterpreterSession": 30.0,
    "InvokeCodeInterpreter": 30.0,
}
_MANAGED = "aws.codeinterpreter.v1"


@dataclass(frozen=True)
class Limits:
    """The account's limits by quota name, and why they are only defaults where they are."""

    values: dict[str, float]
    problem: str = ""

    def of(self, name: str) -> tuple[float, bool]:
        """A limit, and whether the account itself told it."""
        if name in self.values:
            return self.values[name], True
        rate = _RATES.get(name.removesuffix(" API rate"))
        return (1000.0 if rate is None else rate), False

    @property
    def per_second(self) -> dict[str, float]:
        """The limit of each operation that has one."""
        return {operation: self.of(rate_name(operation))[0] for operation in _RATES}


@dataclass(frozen=True)
class Row:
    """One quota: its limit, what is used today, what the fleet and its canary add."""

    name: str
    limit: float
    used: int | None
    adds: float
    verdict: Verdict
    detail: str


def as_json(row: Row) -> dict[str, Any]:
    """A row of the JSON report's preflight (docs/report.md)."""
    used = row.used or 0
    return {
        "name": row.name,
        "kind": "rate" if row.used is None and row.name.endswith(" API rate") else "quota",
        "limit": row.limit,
        "used": row.used,
        "planned": row.adds,
        "headroom": row.limit - used - row.adds,
        "source": "",
        "adjustable": None,
        "verdict": row.verdict.value,
        "detail": row.detail,
    }


def rate_name(operation: str) -> str:
    """What Service Quotas calls an operation's requests per second."""
    return f"{operation} API rate"


def look_up(clients: Clients) -> Limits:
    """Every quota of the service that the account tells. Never raises: what fails is in `problem`."""
    found: dict[str, float] = {}
    try:
        pages = clients.quotas.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE_CODE)
        for page in pages:
            found.update((quota["QuotaName"], float(quota["Value"])) for quota in page["Quotas"])
    except AwsError as error:
        return Limits(found, words(error))
    return Limits(found)


def preflight(clients: Clients, limits: Limits, *, fleet: int, concurrency: int, share: float) -> list[Row]:
    """Judges each quota that a fleet of this many interpreters and its canary need."""
    interpreters, problem = _interpreters(clients)
    sessions, session_problem = _ready_sessions(clients, interpreters)
    custom = [one for one in interpreters if one != _MANAGED] if not problem else None
    # A replacement creates before it deletes: while a deployment replaces all, the fleet is there twice.
    rows = [
        _counted(limits, INTERPRETERS, None if custom is None else len(custom), fleet, problem),
        _counted(limits, SESSIONS, sessions, concurrency, session_problem),
    ]
    for operation in ("StartCodeInterpreterSession", "InvokeCodeInterpreter"):
        limit, told = limits.of(rate_name(operation))
        detail = f"a second; the canary keeps under {share:.0%}" + _source(limits, told=told)
        verdict = Verdict.PASS if told else Verdict.COULD_NOT_TELL
        rows.append(Row(rate_name(operation), limit, None, limit * share, verdict, detail))
    return rows


def _counted(limits: Limits, name: str, used: int | None, adds: int, problem: str) -> Row:
    limit, told = limits.of(name)
    if used is None:
        return Row(name, limit, None, adds, Verdict.COULD_NOT_TELL, problem)
    detail = f"{limit - used:.0f} free" + _source(limits, told=told)
    if used + adds > limit:
        return Row(name, limit, used, adds, Verdict.FAIL, f"{detail}, {adds} needed")
    return Row(name, limit, used, adds, Verdict.PASS if told else Verdict.COULD_NOT_TELL, detail)


def _source(limits: Limits, *, told: bool) -> str:
    if told:
        return ""
    return f"; documented default, the account did not tell: {limits.problem or 'no quota of this name'}"


def _interpreters(clients: Clients) -> tuple[list[str], str]:
    try:
        pages = clients.control.get_paginator("list_code_interpreters").paginate()
        return [one["codeInterpreterId"] for page in pages for one in page["codeInterpreterSummaries"]], ""
    except AwsError as error:
        return [], words(error)


def _ready_sessions(clients: Clients, interpreters: list[str]) -> tuple[int | None, str]:
    if not interpreters:
        return None, "the interpreters could not be listed"
    total = 0
    try:
        for interpreter in interpreters:
            total += len(ready_sessions(clients.data, interpreter))
    except AwsError as error:
        return None, words(error)
    return total, ""


def ready_sessions(data: Any, interpreter: str) -> list[dict[str, Any]]:
    """The sessions of an interpreter that are READY, all pages of them (the API has no paginator)."""
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = data.list_code_interpreter_sessions(
            codeInterpreterIdentifier=interpreter, status="READY", maxResults=100, **token
        )
        found += page["items"]
        if not page.get("nextToken"):
            return found
        token = {"nextToken": page["nextToken"]}
