"""The canary as a custom resource: CloudFormation asks, and rolls back when an interpreter fails."""

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

import urllib3

from . import api, lifecycle

# Of the function's time: what stops, the last answers and the reply to CloudFormation are left.
_RESERVE_SECONDS = 30.0
_REPLY_SECONDS = 8.0
# CloudFormation takes a reply of 4,096 bytes.
_REASON = 1500
_NAMED = 10
_PREFIX, _FAILED = "canary-gate-", "-failed"


def handler(event: dict[str, Any], context: Any) -> None:
    """Answers CloudFormation in every case: without an answer a stack waits until its own limit."""
    identity = event.get("PhysicalResourceId", f"{_PREFIX}none{_FAILED}")
    try:
        identity, problem = judge(event, context)
    except Exception as error:
        problem = f"canary gate could not run: {type(error).__name__}: {error}"
        _reply(event, identity, problem)
        raise
    _reply(event, identity, problem)


def judge(event: dict[str, Any], context: Any) -> tuple[str, str]:
    """The resource's physical id, and why the stack must not stay as it is ("" when it may).

    The id is made of two hashes: of what was asked for, given once that has passed, and of what had passed
    before it. A request for either is CloudFormation's way back after a failure, here or elsewhere: refusing
    it would leave the stack stuck.
    """
    properties = event["ResourceProperties"]
    before = event.get("PhysicalResourceId", "")
    if event["RequestType"] == "Delete":
        return before, ""
    asked = _digest(properties)
    passed = before.removeprefix(_PREFIX).split("-") if before and not before.endswith(_FAILED) else []
    if asked in passed:
        return (before if asked == passed[0] else f"{_PREFIX}{asked}"), ""

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    settings = properties["Settings"]
    targets = [(one["Base"], one["Id"]) for one in properties["Interpreters"]]
    caller = api.from_environment(
        lambda: left() - _RESERVE_SECONDS, float(settings["PerSecond"]), float(settings["Settle"])
    )
    results = lifecycle.check_all(
        caller,
        targets,
        concurrency=int(settings["Concurrency"]),
        name=f"ifleet-canary-gate-{event['RequestId'][:8]}",
        stopping=lambda: left() - _REPLY_SECONDS,
    )
    for one in results:
        print(json.dumps(one.as_dict()))
    problem = reason(results)
    if problem:
        # After a failed update the resource keeps its old id, that of what had passed.
        return before or f"{_PREFIX}{asked}{_FAILED}", problem
    return _PREFIX + "-".join([asked, *passed[:1]]), ""


def reason(results: Sequence[lifecycle.Result]) -> str:
    """Which interpreters did not pass and why, in one line; "" when all passed."""
    failed = sorted(
        (one for one in results if one.verdict != lifecycle.PASS),
        key=lambda one: one.verdict != lifecycle.FAIL,
    )
    if not failed:
        return ""
    named = [f"{one.base}: {one.verdict}: {one.detail}" for one in failed[:_NAMED]]
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    text = f"canary gate: {len(failed)} of {len(results)} interpreters did not pass: " + "; ".join(named)
    return text[: _REASON - len(more)] + more


def _digest(properties: dict[str, Any]) -> str:
    asked = json.dumps([properties["Interpreters"], properties["Declared"]], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _reply(event: dict[str, Any], identity: str, problem: str) -> None:
    body = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem or "every interpreter passed",
        "PhysicalResourceId": identity,
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # The address is signed for an empty content type.
    pool = urllib3.PoolManager(ca_certs=os.environ.get("AWS_CA_BUNDLE"))
    answer = pool.request(
        "PUT",
        event["ResponseURL"],
        body=json.dumps(body).encode(),
        headers={"Content-Type": ""},
        timeout=_REPLY_SECONDS / 4,
        retries=urllib3.Retry(3, backoff_factor=0.2, allowed_methods=None, status_forcelist=[500, 502, 503]),
    )
    if answer.status >= 400:
        raise RuntimeError(f"CloudFormation did not take the reply: HTTP {answer.status}")
