"""Quotas: what the account may have, what it has now, and the rows that judge what is planned.

Quotas are looked up by name in Service Quotas; AWS documents no codes. Defaults: AWS docs,
bedrock-agentcore-limits; used only where the account cannot be asked, and then marked so.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from .clients import AwsError, Clients, code_of, words
from .verdict import Verdict

SERVICE_CODE = "bedrock-agentcore"
INTERPRETERS = "Total Code Interpreter tool configurations per account"
SESSIONS = "Total concurrent active code interpreter sessions per account"
# Seen in Service Quotas under both names and this code, by tools that watch quotas; AWS documents neither.
_OTHER_NAMES = {SESSIONS: ("Total number of concurrent active code interpreter sessions per account",)}
_CODE_HINTS = {SESSIONS: "L-CAF6F552"}
CREATE, DELETE = "CreateCodeInterpreter", "DeleteCodeInterpreter"
_RATES = {
    CREATE: 5.0,
    DELETE: 5.0,
    "GetCodeInterpreter": 30.0,
    "ListCodeInterpreters": 30.0,
    "StartCodeInterpreterSession": 30.0,
    "GetCodeInterpreterSession": 30.0,
    "ListCodeInterpreterSessions": 30.0,
    "StopCodeInterpreterSession": 30.0,
    "InvokeCodeInterpreter": 30.0,
}
_DEFAULT_COUNT = 1000.0
TOLD = "Service Quotas"
DEFAULT = "documented default"


@dataclass(frozen=True)
class Quota:
    """One quota as Service Quotas tells it."""

    value: float
    code: str = ""
    adjustable: bool | None = None


@dataclass(frozen=True)
class Limits:
    """The account's quotas by the names used here, and why they are only defaults where they are."""

    told: Mapping[str, Quota]
    problem: str = ""

    def of(self, name: str) -> tuple[float, bool]:
        """A limit, and whether the account itself told it."""
        if name in self.told:
            return self.told[name].value, True
        return _RATES.get(name.removesuffix(" API rate"), _DEFAULT_COUNT), False

    def source(self, name: str) -> str:
        """Where the limit is from; for a default, why."""
        if name in self.told:
            return TOLD
        return f"{DEFAULT}, the account did not tell: {self.problem or 'no quota of this name'}"

    @property
    def per_second(self) -> dict[str, float]:
        """The limit of each operation that has one."""
        return {operation: self.of(rate_name(operation))[0] for operation in _RATES}


@dataclass(frozen=True)
class Row:
    """One line of the preflight.

    `kind` is count (of things in the account), rate (requests per second), stack (resources in one) or check
    (something that must be there). Numbers are None where there is none or it could not be read.
    """

    name: str
    kind: str
    verdict: Verdict
    detail: str
    limit: float | None = None
    used: float | None = None
    planned: float | None = None
    source: str = ""
    adjustable: bool | None = None

    @property
    def headroom(self) -> float | None:
        """What is left of the limit when the plan is carried out; negative if it is not enough."""
        if self.limit is None or self.planned is None or (self.used is None and self.kind != "rate"):
            return None
        return self.limit - (self.used or 0) - self.planned

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON report."""
        return {**asdict(self), "headroom": self.headroom, "verdict": self.verdict.value}


def rate_name(operation: str) -> str:
    """What Service Quotas calls an operation's requests per second."""
    return f"{operation} API rate"


def look_up(clients: Clients) -> Limits:
    """Every quota of the service that the account tells. Never raises: what fails is in `problem`."""
    found: dict[str, Quota] = {}
    try:
        pages = clients.quotas.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE_CODE)
        for page in pages:
            for one in page.get("Quotas", ()):
                quota = Quota(float(one["Value"]), one.get("QuotaCode", ""), one.get("Adjustable"))
                found[one["QuotaName"]] = quota
    except AwsError as error:
        return Limits(_by_our_names(found), words(error))
    return Limits(_by_our_names(found))


def _by_our_names(found: Mapping[str, Quota]) -> dict[str, Quota]:
    named = dict(found)
    for name, others in _OTHER_NAMES.items():
        hinted = [quota for quota in found.values() if quota.code == _CODE_HINTS.get(name)]
        candidates = [found[one] for one in (name, *others) if one in found] + hinted
        if candidates:
            named[name] = candidates[0]
    return named


def count_row(limits: Limits, name: str, *, used: int | None, planned: int, detail: str) -> Row:
    """Judges a quota on how many there may be; `used` None: it could not be read, `detail` says why."""
    limit, told = limits.of(name)
    verdict = Verdict.PASS if told else Verdict.COULD_NOT_TELL
    if used is None:
        verdict = Verdict.COULD_NOT_TELL
    elif used + planned > limit:
        verdict = Verdict.FAIL
        detail = f"{limit - used:.0f} free, {planned} needed; {detail}"
    if not told:
        detail = f"{detail}; {limits.source(name)}"
    return Row(
        name,
        "count",
        verdict,
        detail,
        limit=limit,
        used=used,
        planned=planned,
        source=limits.source(name) if told else DEFAULT,
        adjustable=limits.told[name].adjustable if told else None,
    )


def rate_row(limits: Limits, operation: str, *, planned: float, detail: str) -> Row:
    """A quota on requests per second, and how many of them are planned."""
    name = rate_name(operation)
    limit, told = limits.of(name)
    verdict = Verdict.PASS if told else Verdict.COULD_NOT_TELL
    if told and limit <= 0:
        # New accounts have quotas of 0 for some services, until somebody asks for more.
        verdict, detail = Verdict.FAIL, f"the account may make none a second; {detail}"
    return Row(
        name,
        "rate",
        verdict,
        detail if told else f"{detail}; {limits.source(name)}",
        limit=limit,
        planned=planned,
        source=TOLD if told else DEFAULT,
        adjustable=limits.told[name].adjustable if told else None,
    )


def request_increase(clients: Clients, limits: Limits, row: Row) -> str:
    """Asks for what a failed row needs; what came of it, in words. Never raises."""
    quota = limits.told.get(row.name)
    if quota is None or not quota.code:
        return "no increase requested: Service Quotas did not name this quota"
    if not quota.adjustable:
        return "no increase requested: this quota is not adjustable"
    wanted = float(int((row.used or 0) + (row.planned or 0)))
    try:
        asked = clients.quotas.request_service_quota_increase(
            ServiceCode=SERVICE_CODE, QuotaCode=quota.code, DesiredValue=wanted
        )["RequestedQuota"]
    except AwsError as error:
        if code_of(error) == "ResourceAlreadyExistsException":
            return "an increase was requested before and is not decided yet"
        return f"no increase requested: {words(error)}"
    return f"requested an increase to {wanted:g}: {asked['Status']} ({asked['Id']})"


def custom_interpreters(clients: Clients) -> list[dict[str, Any]]:
    """Every custom interpreter of the account in this region, as ListCodeInterpreters has it. AwsError."""
    pages = clients.control.get_paginator("list_code_interpreters").paginate(
        type="CUSTOM", PaginationConfig={"PageSize": 100}
    )
    return [one for page in pages for one in page["codeInterpreterSummaries"]]


def count_sessions(clients: Clients, interpreters: Iterable[str], concurrency: int) -> int:
    """How many sessions of these interpreters are READY. AwsError if one cannot be asked."""
    with ThreadPoolExecutor(concurrency, thread_name_prefix="count") as pool:
        return sum(pool.map(lambda one: _ready_or_gone(clients.data, one), interpreters))


def _ready_or_gone(data: Any, interpreter: str) -> int:
    try:
        return len(ready_sessions(data, interpreter))
    except AwsError as error:
        # Deleted since it was listed: a deployment may run.
        if code_of(error) == "ResourceNotFoundException":
            return 0
        raise


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
