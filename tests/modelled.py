"""Replies against AWS's own service models: what botocore's shapes do not allow is a problem.

`reply_problems` judges one HTTP reply of an operation, `event_problems` one event of InvokeCodeInterpreter's
stream. botocore itself drops what it does not know and fills in what is missing, so it would not notice.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session

SERVICES = ("bedrock-agentcore-control", "bedrock-agentcore")
# Every operation may answer with these, declared or not: AWS lists them as common errors of all services.
COMMON_ERRORS = {
    "AccessDeniedException": 403,
    "InvalidSignatureException": 403,
    "ThrottlingException": 429,
    "UnknownOperationException": 404,
    # GetCodeInterpreter declares none, though its parameters have patterns.
    "ValidationException": 400,
}
# Recorded replies of September 2026 that the model does not allow.
_RECORDED_ABSENT = {
    ("GetCodeInterpreterResponse", "networkConfiguration"),  # of the managed interpreter
    ("GetCodeInterpreterResponse", "createdAt"),
    ("GetCodeInterpreterResponse", "lastUpdatedAt"),
    ("ResourceContent", "type"),
}
_RECORDED_NULL = {
    ("GetCodeInterpreterSessionResponse", "certificates"),
    ("GetCodeInterpreterSessionResponse", "filesystemConfigurations"),
}
# "AgentCore Code Interpreter", with spaces that the pattern of names does not have.
_MANAGED_NAME = {("GetCodeInterpreterResponse", "name"), ("CodeInterpreterSummary", "name")}
_MANAGED = "aws.codeinterpreter.v1"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


@cache
def operation(name: str) -> Any:
    """botocore's model of an operation of either API."""
    session = botocore.session.Session()
    for service in SERVICES:
        model = session.get_service_model(service)
        if name in model.operation_names:
            return model.operation_model(name)
    raise KeyError(name)


def reply_problems(model: Any, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """What the operation's model does not allow in a reply; the body of an event stream is not looked at."""
    sent = {key.lower(): value for key, value in headers.items()}
    if status >= 300:
        return _error_problems(model, status, sent, body)
    wanted = int(model.http.get("responseCode", 200))
    found = [] if status == wanted else [f"status {status}, expected {wanted}"]
    shape = model.output_shape
    if shape is None or status == 204:
        return [*found, *([f"body {body[:80]!r} with status 204"] if status == 204 and body else [])]
    for name in shape.required_members:
        serialized = shape.members[name].serialization
        if serialized.get("location") == "header" and serialized["name"].lower() not in sent:
            found.append(f"header {serialized['name']} is absent")
    if model.has_event_stream_output:
        return found
    value, unparsable = _parsed(body)
    return [*found, *(unparsable or value_problems(shape, value, ""))]


def event_problems(payload: bytes) -> list[str]:
    """What the model does not allow in the payload of a `result` event."""
    shape = operation("InvokeCodeInterpreter").output_shape.members["stream"].members["result"]
    value, unparsable = _parsed(payload)
    return unparsable or value_problems(shape, value, "result")


def value_problems(shape: Any, value: Any, at: str) -> list[str]:
    """Where a JSON value is not what a shape allows: `path: what was found, what was expected`."""
    kind = shape.type_name
    if kind == "structure":
        return _structure_problems(shape, value, at)
    if kind == "list":
        if not isinstance(value, list):
            return [f"{at}: {value!r:.80}, expected a list"]
        return [
            each for i, part in enumerate(value) for each in value_problems(shape.member, part, f"{at}[{i}]")
        ]
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{at}: {value!r:.80}, expected an object"]
        return [
            each
            for key, part in value.items()
            for each in (
                *value_problems(shape.key, key, f"{at}.{key}"),
                *value_problems(shape.value, part, f"{at}.{key}"),
            )
        ]
    return (
        [] if _fits(shape, value) else [f"{at}: {value!r:.80} is no {shape.name} ({kind}, {shape.metadata})"]
    )


def _structure_problems(shape: Any, value: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: {value!r:.80}, expected an object"]
    members = {
        member.serialization.get("name", name): member
        for name, member in shape.members.items()
        if "location" not in member.serialization
    }
    found = [f"{at}.{key}: no member of {shape.name}" for key in value if key not in members]
    for name in shape.required_members:
        if name in members and value.get(name) is None and not _recorded_absent(shape, name, value):
            found.append(f"{at}.{name}: absent, {shape.name} requires it")
    for key, part in value.items():
        if part is None and (shape.name, key) in _RECORDED_NULL:
            continue
        if (shape.name, key) in _MANAGED_NAME and value.get("codeInterpreterId") == _MANAGED:
            continue
        if key in members:
            found += value_problems(members[key], part, f"{at}.{key}")
    return found


def _recorded_absent(shape: Any, name: str, value: Mapping[str, Any]) -> bool:
    if (shape.name, name) not in _RECORDED_ABSENT:
        return False
    return shape.name != "GetCodeInterpreterResponse" or value.get("codeInterpreterId") == _MANAGED


def _fits(shape: Any, value: Any) -> bool:
    kind, bounds = shape.type_name, shape.metadata
    low, high = bounds.get("min", -math.inf), bounds.get("max", math.inf)
    if kind == "string":
        return (
            isinstance(value, str)
            and low <= len(value) <= high
            and (not shape.enum or value in shape.enum)
            and ("pattern" not in bounds or re.fullmatch(bounds["pattern"], value) is not None)
        )
    if kind == "timestamp":
        return isinstance(value, str) and _TIMESTAMP.fullmatch(value) is not None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "long"):
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if kind in ("double", "float"):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind == "blob":
        try:
            return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
        except binascii.Error:
            return False
    raise TypeError(f"no judgement on a {kind}")


def _error_problems(model: Any, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    code = headers.get("x-amzn-errortype", "").partition(":")[0]
    declared = {shape.name: shape for shape in model.error_shapes}
    if code not in declared and code not in COMMON_ERRORS:
        return [
            f"error {code!r} with status {status}: {body[:200]!r}; {model.name} has {', '.join(declared)}"
        ]
    shape = declared.get(code)
    wanted = shape.metadata["error"]["httpStatusCode"] if shape else COMMON_ERRORS[code]
    found = [] if status == wanted else [f"{code} with status {status}, expected {wanted}"]
    value, unparsable = _parsed(body)
    if unparsable or shape is None:
        return [*found, *unparsable]
    return [*found, *value_problems(shape, value, code)]


def _parsed(body: bytes) -> tuple[Any, list[str]]:
    try:
        return json.loads(body, parse_constant=_refuse), []
    except ValueError as error:
        return None, [f"body {body[:80]!r} is not JSON: {error}"]


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def watch(client: Any) -> Any:
    """Makes a boto3 client of either API raise AssertionError on a reply that its model does not allow."""

    def after_call(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        streamed = model.has_event_stream_output and http_response.status_code < 300
        body = b"" if streamed else http_response.content
        assert not (found := reply_problems(model, http_response.status_code, http_response.headers, body)), (
            found
        )
        if streamed:
            _watch_stream(parsed["stream"])

    client.meta.events.register(f"after-call.{client.meta.service_model.service_id.hyphenize()}", after_call)
    return client


def _watch_stream(stream: Any) -> None:
    parse = stream._parse_event

    def watched(event: Any) -> Any:
        if event.headers.get(":event-type") == "result":
            assert not (found := event_problems(event.payload)), found
        return parse(event)

    stream._parse_event = watched
