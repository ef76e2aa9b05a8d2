"""Our calls in CloudWatch and CloudTrail, in place of MiniStack's records of them."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from ministack import app as gateway
from ministack.core import iam_evaluator, responses
from ministack.services import cloudtrail, iam, sts

from interpreter_local import metrics
from interpreter_local.service import Answer, Service
from interpreter_local.state import Scope
from interpreter_local.trail import Caller

from . import context

_log = logging.getLogger(__name__)
_PUT_METRICS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
}
# PutMetricData takes so many at once (CloudWatch API reference).
_METRICS_A_CALL = 1000


async def write_metrics(ours: Service, put: Callable[..., Any]) -> None:
    """What was gathered goes to CloudWatch, which then judges its alarms."""
    for scope, data in ours.metrics.take().items():
        for first in range(0, len(data), _METRICS_A_CALL):
            content = {"Namespace": metrics.NAMESPACE, "MetricData": data[first : first + _METRICS_A_CALL]}
            with responses.request_scope(scope.account, scope.region):
                status, _, said = await put("POST", "/", _PUT_METRICS, json.dumps(content).encode(), {})
            if status != 200:
                _log.error("CloudWatch took no metrics: %s", said)


def write_trail(ours: Service) -> None:
    """Events that were not written yet join those of other services, in the order of their times."""
    for scope, events in ours.trail.take().items():
        with responses.request_scope(scope.account, scope.region):
            queue = cloudtrail._get_event_queue()
        queue.extend(events)
        ordered = sorted(queue, key=lambda event: float(event["EventTime"]))
        queue.clear()
        queue.extend(ordered)


def record(
    ours: Service, answer: Answer, headers: dict[str, str], query: Any, size: int, request_id: str
) -> None:
    """One call, however it ended, for both."""
    scope = context.scope()
    key = gateway.extract_access_key_id(headers, query) or ""
    ours.record(scope, answer, _caller(scope, key, headers.get("user-agent", "")), request_id, size)


def _caller(scope: Scope, access_key: str, user_agent: str) -> Caller:
    """CloudTrail's userIdentity (AWS docs, "CloudTrail userIdentity element")."""
    found = iam_evaluator.resolve_credential(access_key, scope.account)
    address = responses.get_request_client_ip()
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        # A session that ran out while its call was on the way.
        return Caller({"type": "Unknown", "accessKeyId": access_key}, "", access_key, address, user_agent)
    identity: dict[str, Any] = {
        "type": {"User": "IAMUser"}.get(found.principal_type, found.principal_type),
        "principalId": found.principal_id,
        "arn": found.principal_arn,
        "accountId": found.account_id,
        "accessKeyId": access_key,
    }
    name = found.principal_arn.rpartition("/")[2]
    if found.principal_type == "Root":
        name = "root"
    elif found.principal_type == "User":
        identity["userName"] = name = found.principal_name
    elif found.principal_type == "AssumedRole":
        identity["sessionContext"] = _session_context(found.account_id, found.principal_arn, access_key)
    return Caller(identity, name, access_key, address, user_agent)


def _session_context(account: str, principal_arn: str, access_key: str) -> dict[str, Any]:
    role_name = principal_arn.split("/")[1]
    with responses.request_scope(account, responses.get_region()):
        role = iam._roles.get(role_name) or {}
    issued = sts._sessions.get(access_key, {}).get("IssuedAt", time.time())
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": role.get("RoleId", ""),
            "arn": role.get("Arn", f"arn:aws:iam::{account}:role/{role_name}"),
            "accountId": account,
            "userName": role_name,
        },
        "attributes": {
            "creationDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(issued)),
            "mfaAuthenticated": "false",
        },
    }
