"""CloudTrail's records of the service's calls.

Form: AWS docs, "CloudTrail record contents"; resource types are those that CloudTrail's event selectors have
for code interpreters. Requests to the control plane are management events, those to the data plane data
events. What nobody has recorded: the errorCode of a denied call (here the API's own), which parameters are
hidden (here what the API model calls sensitive, and a tool's arguments but for those that only choose), and
responseElements of the data plane. AWS shows data events only in trails that select them; here LookupEvents
has both.
"""

import json
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from botocore.model import Shape

from .errors import ServiceError
from .state import MANAGED_ID, Scope
from .wire import DATA, Route

EVENT_SOURCE = "bedrock-agentcore.amazonaws.com"
CUSTOM_TYPE = "AWS::BedrockAgentCore::CodeInterpreterCustom"
MANAGED_TYPE = "AWS::BedrockAgentCore::CodeInterpreter"
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
# Arguments of the tools that hold neither code, commands, paths nor contents.
_SHOWN_ARGUMENTS = frozenset({"language", "runtime", "clearContext", "taskId"})
# AWS docs: a larger requestParameters is left out of the record.
_MOST_PARAMETERS = 100 * 1024
# Records that nobody has looked up; the oldest go first.
_KEPT = 10_000


@dataclass(frozen=True)
class Caller:
    """Who makes a request: CloudTrail's `userIdentity`, and the name that events are looked up by."""

    identity: dict[str, Any]
    name: str
    access_key: str
    source_ip: str
    user_agent: str


@dataclass(frozen=True)
class Event:
    """One call and what became of it; `resource` is an ARN or "*", `at` in seconds since 1970."""

    scope: Scope
    route: Route
    caller: Caller
    request_id: str
    parameters: dict[str, Any] | None
    response: dict[str, Any] | None
    resource: str
    error: ServiceError | None = None
    at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Trail:
    """Events that were not written to CloudTrail yet; the newest `_KEPT`."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_KEPT)

    def add(self, event: Event) -> None:
        """Keeps one event."""
        self._events.append(event)

    def take(self) -> dict[Scope, list[dict[str, Any]]]:
        """The events since the last time, by account and region, as LookupEvents returns them."""
        found: dict[Scope, list[dict[str, Any]]] = {}
        for event in self._events:
            found.setdefault(event.scope, []).append(_looked_up(event))
        self.clear()
        return found

    def clear(self) -> None:
        """Forgets the events."""
        self._events.clear()


def visible(route: Route, given: dict[str, Any], size: int) -> dict[str, Any] | None:
    """The request's parameters as a record may show them: members of the model, contents hidden.

    None if that is too large; `size` is the request body's, in bytes.
    """
    shown: dict[str, Any] = _visible(route.model.input_shape, given)
    if route.name == "InvokeCodeInterpreter" and isinstance(shown.get("arguments"), dict):
        shown["arguments"] = {
            name: value if name in _SHOWN_ARGUMENTS else HIDDEN for name, value in shown["arguments"].items()
        }
    # Written again a character may take three times the bytes, as an escape.
    fits = 3 * size <= _MOST_PARAMETERS or len(json.dumps(shown)) <= _MOST_PARAMETERS
    return shown if fits else None


def _visible(shape: Shape, value: Any) -> Any:
    """The value without what is sensitive, or is not what the model says and so could be anything."""
    if shape.metadata.get("sensitive"):
        return HIDDEN
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            name: _visible(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if kind == "list" and isinstance(value, list):
        return [_visible(shape.member, one) for one in value]
    if kind == "map" and isinstance(value, dict):
        return {str(key): _visible(shape.value, one) for key, one in value.items()}
    if kind == "string" and isinstance(value, str):
        return value if not shape.enum or value in shape.enum else HIDDEN
    if kind in ("integer", "long", "boolean") and isinstance(value, (bool, int)):
        return value
    return HIDDEN


def _looked_up(event: Event) -> dict[str, Any]:
    named = _resource(event)
    return {
        "EventId": event.id,
        "EventName": event.route.name,
        "EventSource": EVENT_SOURCE,
        "EventTime": event.at,
        "Username": event.caller.name,
        "AccessKeyId": event.caller.access_key,
        "ReadOnly": "true" if _reads(event) else "false",
        "Resources": [{"ResourceType": named["type"], "ResourceName": named["ARN"]}] if named else [],
        "CloudTrailEvent": json.dumps(_record(event, named)),
    }


def _record(event: Event, resource: dict[str, str] | None) -> dict[str, Any]:
    is_data = event.route.api == DATA
    failed = {}
    if event.error is not None:
        failed = {"errorCode": event.error.code, "errorMessage": event.error.message}
    return {
        "eventVersion": "1.11",
        "userIdentity": event.caller.identity,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event.at)),
        "eventSource": EVENT_SOURCE,
        "eventName": event.route.name,
        "awsRegion": event.scope.region,
        "sourceIPAddress": event.caller.source_ip,
        "userAgent": event.caller.user_agent,
        **failed,
        "requestParameters": event.parameters,
        "responseElements": None if _reads(event) else event.response,
        "requestID": event.request_id,
        "eventID": event.id,
        "readOnly": _reads(event),
        **({"resources": [resource]} if resource else {}),
        "eventType": "AwsApiCall",
        "managementEvent": not is_data,
        "recipientAccountId": event.scope.account,
        "eventCategory": "Data" if is_data else "Management",
    }


def _resource(event: Event) -> dict[str, str] | None:
    """The interpreter; what CreateCodeInterpreter made is in its reply."""
    arn = (event.response or {}).get("codeInterpreterArn") or event.resource
    if arn == "*":
        return None
    kind = MANAGED_TYPE if arn.endswith(f"/{MANAGED_ID}") else CUSTOM_TYPE
    return {"accountId": arn.split(":")[4], "type": kind, "ARN": arn}


def _reads(event: Event) -> bool:
    return event.route.name.startswith(("Get", "List"))
