"""The service's quotas, and Service Quotas itself as far as it speaks of them.

Names, defaults and what can be raised: AWS docs, bedrock-agentcore-limits; the two counts go by the names
that quota monitors found in Service Quotas. AWS documents no codes: those of the two counts are what monitors
know, the others start with `L-LOCAL`, so that nobody takes them for AWS's. Unrecorded: which of the limits
that cannot be raised Service Quotas lists. On AWS an increase is decided by support or by a machine, later;
here it is approved at once, and from then on it counts.
"""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import Reply, body
from .state import QuotaChange, Scope, Store

SERVICE_CODE = "bedrock-agentcore"
SERVICE_NAME = "Amazon Bedrock AgentCore"
_TARGET = "ServiceQuotasV20190624."
# API model: what a quota can be raised to.
_MOST = 10_000_000_000


@dataclass(frozen=True)
class Quota:
    """One quota: its name in Service Quotas, default value and unit."""

    code: str
    name: str
    value: float
    adjustable: bool = True
    unit: str = "None"


INTERPRETERS = Quota("L-D8BDCBA9", "Total Code Interpreter tool configurations per account", 1000)
SESSIONS = Quota("L-CAF6F552", "Total concurrent active code interpreter sessions per account", 1000)
RATES = {
    operation: Quota(f"L-LOCAL{number:03}", f"{operation} API rate", rate)
    for number, (operation, rate) in enumerate(
        (
            ("CreateCodeInterpreter", 5),
            ("DeleteCodeInterpreter", 5),
            ("GetCodeInterpreter", 30),
            ("ListCodeInterpreters", 30),
            ("StartCodeInterpreterSession", 30),
            ("GetCodeInterpreterSession", 30),
            ("ListCodeInterpreterSessions", 30),
            ("StopCodeInterpreterSession", 30),
            ("InvokeCodeInterpreter", 30),
        ),
        start=3,
    )
}
VCPU = Quota("L-LOCAL012", "Hardware configuration per session (vCPU)", 2, adjustable=False)
MEMORY_GB = Quota("L-LOCAL013", "Hardware configuration per session (GB)", 8, False, "Gigabytes")
REQUEST_MINUTES = Quota("L-LOCAL014", "Request timeout", 15, False, "Minutes")
PAYLOAD_MB = Quota("L-LOCAL015", "Max payload size", 100, False, "Megabytes")
COMMAND_HOURS = Quota("L-LOCAL016", "Asynchronous command max duration", 8, False, "Hours")
DISK_GB = Quota("L-LOCAL017", "Disk size", 10, False, "Gigabytes")
ALL = (
    INTERPRETERS,
    SESSIONS,
    *RATES.values(),
    VCPU,
    MEMORY_GB,
    REQUEST_MINUTES,
    PAYLOAD_MB,
    COMMAND_HOURS,
    DISK_GB,
)
_BY_CODE = {quota.code: quota for quota in ALL}


def value(store: Store, scope: Scope, quota: Quota) -> float:
    """The quota's value for this account in this region."""
    return store.of(scope).quotas.get(quota.code, quota.value)


def rate(store: Store, scope: Scope, operation: str) -> float | None:
    """Requests per second; None for the operations for which AWS documents no rate (the three on tags)."""
    quota = RATES.get(operation)
    return None if quota is None else value(store, scope, quota)


def action(headers: dict[str, str]) -> str:
    """The operation that a request names."""
    return headers.get("x-amz-target", "").removeprefix(_TARGET)


@dataclass(frozen=True)
class _Request:
    store: Store
    scope: Scope
    params: dict[str, Any]
    caller: str


class _QuotasError(Exception):
    """An error of Service Quotas: its code and its message."""


def handle(store: Store, scope: Scope, headers: dict[str, str], raw: bytes, caller: str) -> Reply:
    """One request of Service Quotas (JSON 1.1 protocol); `caller` is the ARN of whoever makes it."""
    operation = _OPERATIONS.get(action(headers))
    try:
        if operation is None:
            named = action(headers) or "no operation"
            raise _QuotasError("UnknownOperationException", f"{named} is not available")
        try:
            params = json.loads(raw or b"{}")
        except (ValueError, RecursionError) as error:
            raise _QuotasError("SerializationException", str(error)) from error
        if not isinstance(params, dict):
            raise _QuotasError("SerializationException", "expected a JSON object")
        return _reply(200, operation(_Request(store, scope, params, caller)))
    except _QuotasError as error:
        code, message = error.args
        return _reply(400, {"__type": code, "Message": message})


def _services(request: _Request) -> dict[str, Any]:
    return _paged(request, "Services", [{"ServiceCode": SERVICE_CODE, "ServiceName": SERVICE_NAME}])


def _list(request: _Request) -> dict[str, Any]:
    _check_service(request)
    wanted = request.params.get("QuotaCode")
    quotas = [quota for quota in ALL if wanted is None or quota.code == wanted]
    return _paged(request, "Quotas", [_applied(request, quota) for quota in quotas])


def _list_defaults(request: _Request) -> dict[str, Any]:
    _check_service(request)
    return _paged(request, "Quotas", [_item(request.scope, quota, quota.value) for quota in ALL])


def _get(request: _Request) -> dict[str, Any]:
    return {"Quota": _applied(request, _named(request))}


def _get_default(request: _Request) -> dict[str, Any]:
    quota = _named(request)
    return {"Quota": _item(request.scope, quota, quota.value)}


def _increase(request: _Request) -> dict[str, Any]:
    """RequestServiceQuotaIncrease. Texts and the two refusals' codes: unrecorded."""
    quota = _named(request)
    desired = request.params.get("DesiredValue")
    if isinstance(desired, bool) or not isinstance(desired, (int, float)) or not 0 <= desired <= _MOST:
        raise _illegal(f"DesiredValue is {desired!r}, expected a number from 0 to {_MOST}")
    if not quota.adjustable:
        raise _illegal(f"quota {quota.code} ({quota.name}) is not adjustable")
    now = value(request.store, request.scope, quota)
    if desired <= now:
        raise _illegal(f"DesiredValue is {desired:g}, expected more than the current quota value {now:g}")
    change = QuotaChange(str(uuid.uuid4()), quota.code, float(desired), time.time(), request.caller)
    mine = request.store.of(request.scope)
    mine.quotas[quota.code] = float(desired)
    mine.quota_changes.append(change)
    return {"RequestedQuota": _change(request.scope, change)}


def _get_change(request: _Request) -> dict[str, Any]:
    for change in request.store.of(request.scope).quota_changes:
        if change.id == request.params.get("RequestId"):
            return {"RequestedQuota": _change(request.scope, change)}
    raise _no_such(f"request {request.params.get('RequestId')!r}")


def _history(request: _Request) -> dict[str, Any]:
    """Every request of this account and region, the newest first."""
    params = request.params
    if params.get("ServiceCode", SERVICE_CODE) != SERVICE_CODE:
        raise _no_such(f"service {params['ServiceCode']!r}")
    found = [_change(request.scope, change) for change in request.store.of(request.scope).quota_changes]
    wanted = {"QuotaCode": params.get("QuotaCode"), "Status": params.get("Status")}
    matching = [
        one for one in reversed(found) if all(text in (None, one[key]) for key, text in wanted.items())
    ]
    return _paged(request, "RequestedQuotas", matching)


def _history_of_one(request: _Request) -> dict[str, Any]:
    _named(request)
    return _history(request)


_OPERATIONS: dict[str, Callable[[_Request], dict[str, Any]]] = {
    "ListServices": _services,
    "ListServiceQuotas": _list,
    "ListAWSDefaultServiceQuotas": _list_defaults,
    "GetServiceQuota": _get,
    "GetAWSDefaultServiceQuota": _get_default,
    "RequestServiceQuotaIncrease": _increase,
    "GetRequestedServiceQuotaChange": _get_change,
    "ListRequestedServiceQuotaChangeHistory": _history,
    "ListRequestedServiceQuotaChangeHistoryByQuota": _history_of_one,
}


def _check_service(request: _Request) -> None:
    if request.params.get("ServiceCode") != SERVICE_CODE:
        raise _no_such(f"service {request.params.get('ServiceCode')!r}")


def _named(request: _Request) -> Quota:
    _check_service(request)
    code = request.params.get("QuotaCode")
    if not isinstance(code, str) or code not in _BY_CODE:
        raise _no_such(f"quota {code!r} of service {SERVICE_CODE!r}")
    return _BY_CODE[code]


def _paged(request: _Request, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    first = request.params.get("NextToken") or "0"
    size = request.params.get("MaxResults", 100)
    if not isinstance(first, str) or not first.isdecimal():
        raise _QuotasError("InvalidPaginationTokenException", f"NextToken {first!r} is not one of a list")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 100:
        raise _illegal(f"MaxResults is {size!r}, expected 1 to 100")
    end = int(first) + size
    reply: dict[str, Any] = {name: items[int(first) : end]}
    if end < len(items):
        reply["NextToken"] = str(end)
    return reply


def _applied(request: _Request, quota: Quota) -> dict[str, Any]:
    now = value(request.store, request.scope, quota)
    return {**_item(request.scope, quota, now), "QuotaAppliedAtLevel": "ACCOUNT"}


def _item(scope: Scope, quota: Quota, number: float) -> dict[str, Any]:
    return {
        "ServiceCode": SERVICE_CODE,
        "ServiceName": SERVICE_NAME,
        "QuotaArn": _arn(scope, quota),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": float(number),
        "Unit": quota.unit,
        "Adjustable": quota.adjustable,
        "GlobalQuota": False,
    }


def _change(scope: Scope, change: QuotaChange) -> dict[str, Any]:
    quota = _BY_CODE[change.code]
    return {
        "Id": change.id,
        "ServiceCode": SERVICE_CODE,
        "ServiceName": SERVICE_NAME,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "DesiredValue": change.value,
        "Status": "APPROVED",
        "Created": change.at,
        "LastUpdated": change.at,
        "Requester": json.dumps({"accountId": scope.account, "callerArn": change.caller}),
        "QuotaArn": _arn(scope, quota),
        "GlobalQuota": False,
        "Unit": quota.unit,
        "QuotaRequestedAtLevel": "ACCOUNT",
    }


def _arn(scope: Scope, quota: Quota) -> str:
    return f"arn:{scope.partition}:servicequotas:{scope.region}:{scope.account}:{SERVICE_CODE}/{quota.code}"


def _no_such(what: str) -> _QuotasError:
    return _QuotasError("NoSuchResourceException", f"no {what}")


def _illegal(message: str) -> _QuotasError:
    return _QuotasError("IllegalArgumentException", message)


def _reply(status: int, content: dict[str, Any]) -> Reply:
    return status, {"content-type": "application/x-amz-json-1.1"}, body(content)
