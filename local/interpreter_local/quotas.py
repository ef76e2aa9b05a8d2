"""The service's quotas, and Service Quotas itself as far as it speaks of them.

Names and defaults: AWS docs, bedrock-agentcore-limits. AWS documents no codes: the two here are those that
quota monitors know, the others start with `L-LOCAL`: nobody shall take them for AWS's. Counts are enforced;
request rates are not yet.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import Reply, body
from .state import Scope

SERVICE_CODE = "bedrock-agentcore"
SERVICE_NAME = "Amazon Bedrock AgentCore"


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
_RATES = (
    ("CreateCodeInterpreter", 5),
    ("DeleteCodeInterpreter", 5),
    ("GetCodeInterpreter", 30),
    ("ListCodeInterpreters", 30),
    ("StartCodeInterpreterSession", 30),
    ("GetCodeInterpreterSession", 30),
    ("ListCodeInterpreterSessions", 30),
    ("StopCodeInterpreterSession", 30),
    ("InvokeCodeInterpreter", 30),
)
ALL = (
    INTERPRETERS,
    SESSIONS,
    *(
        Quota(f"L-LOCAL{number:03}", f"{operation} API rate", rate)
        for number, (operation, rate) in enumerate(_RATES, start=3)
    ),
)
_TARGET = "ServiceQuotasV20190624."


def action(headers: dict[str, str]) -> str:
    """The operation that a request names."""
    return headers.get("x-amz-target", "").removeprefix(_TARGET)


def handle(scope: Scope, headers: dict[str, str], raw: bytes) -> Reply:
    """One request of Service Quotas (JSON 1.1 protocol)."""
    operation = _OPERATIONS.get(action(headers))
    if operation is None:
        return _error(
            400, "UnknownOperationException", f"{action(headers) or 'no operation'} is not available"
        )
    try:
        params = json.loads(raw or b"{}")
    except ValueError as error:
        return _error(400, "SerializationException", str(error))
    if not isinstance(params, dict):
        return _error(400, "SerializationException", "expected a JSON object")
    return operation(scope, params)


def _services(_scope: Scope, _params: dict[str, Any]) -> Reply:
    return _ok({"Services": [{"ServiceCode": SERVICE_CODE, "ServiceName": SERVICE_NAME}]})


def _list(scope: Scope, params: dict[str, Any]) -> Reply:
    if params.get("ServiceCode") != SERVICE_CODE:
        return _no_such(f"service {params.get('ServiceCode')!r}")
    first = params.get("NextToken") or "0"
    size = params.get("MaxResults", 100)
    if not str(first).isdigit() or isinstance(size, bool) or not isinstance(size, int) or size < 1:
        return _error(400, "IllegalArgumentException", f"NextToken {first!r}, MaxResults {size!r}")
    end = int(first) + size
    reply: dict[str, Any] = {"Quotas": [_item(scope, quota) for quota in ALL[int(first) : end]]}
    if end < len(ALL):
        reply["NextToken"] = str(end)
    return _ok(reply)


def _get(scope: Scope, params: dict[str, Any]) -> Reply:
    if params.get("ServiceCode") == SERVICE_CODE:
        for quota in ALL:
            if quota.code == params.get("QuotaCode"):
                return _ok({"Quota": _item(scope, quota)})
    return _no_such(f"quota {params.get('QuotaCode')!r} of service {params.get('ServiceCode')!r}")


_OPERATIONS: dict[str, Callable[[Scope, dict[str, Any]], Reply]] = {
    "ListServices": _services,
    "ListServiceQuotas": _list,
    "ListAWSDefaultServiceQuotas": _list,
    "GetServiceQuota": _get,
    "GetAWSDefaultServiceQuota": _get,
}


def _item(scope: Scope, quota: Quota) -> dict[str, Any]:
    arn = f"arn:{scope.partition}:servicequotas:{scope.region}:{scope.account}:{SERVICE_CODE}/{quota.code}"
    return {
        "ServiceCode": SERVICE_CODE,
        "ServiceName": SERVICE_NAME,
        "QuotaArn": arn,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": quota.value,
        "Unit": quota.unit,
        "Adjustable": quota.adjustable,
        "GlobalQuota": False,
    }


def _no_such(what: str) -> Reply:
    return _error(400, "NoSuchResourceException", f"no {what}")


def _ok(value: dict[str, Any]) -> Reply:
    return 200, {"content-type": "application/x-amz-json-1.1"}, body(value)


def _error(status: int, code: str, message: str) -> Reply:
    return (
        status,
        {"content-type": "application/x-amz-json-1.1"},
        body({"__type": code, "Message": message}),
    )
