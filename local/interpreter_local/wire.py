"""Requests in, parameters out: routes, shapes and limits come from AWS's own service models (botocore)."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

from . import errors

CONTROL = "bedrock-agentcore-control"
DATA = "bedrock-agentcore"
_OPERATIONS = {
    CONTROL: (
        "CreateCodeInterpreter",
        "GetCodeInterpreter",
        "ListCodeInterpreters",
        "DeleteCodeInterpreter",
        "TagResource",
        "UntagResource",
        "ListTagsForResource",
    ),
    DATA: (
        "StartCodeInterpreterSession",
        "GetCodeInterpreterSession",
        "ListCodeInterpreterSessions",
        "StopCodeInterpreterSession",
        "InvokeCodeInterpreter",
    ),
}
Problems = list[tuple[str, str]]


@dataclass(frozen=True)
class Route:
    """One operation of one API: what matches it and the model that its request must satisfy."""

    api: str
    model: OperationModel
    method: str
    path: re.Pattern[str]

    @property
    def name(self) -> str:
        """The operation's name, which is also its IAM action's."""
        return str(self.model.name)


@cache
def routes() -> tuple[Route, ...]:
    """Every operation that this service answers."""
    session = botocore.session.Session()
    found = []
    for api, names in _OPERATIONS.items():
        model = session.get_service_model(api)
        for name in names:
            operation = model.operation_model(name)
            uri = operation.http["requestUri"].partition("?")[0].rstrip("/")
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(uri))
            found.append(Route(api, operation, operation.http["method"], re.compile(pattern)))
    return tuple(found)


def match(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The operation that a request addresses, with the parameters in its path.

    The slash of the ARN in `/tags/…` may come encoded or not.
    """
    path = path.rstrip("/")
    if path.startswith("/tags/"):
        arn = unquote(path.removeprefix("/tags/"))
        for route in routes():
            if route.method == method and route.path.pattern.startswith("/tags/"):
                return route, {"resourceArn": arn}
        return None
    for route in routes():
        if route.method == method and (found := route.path.fullmatch(path)):
            return route, {name: unquote(value) for name, value in found.groupdict().items()}
    return None


def given(
    route: Route,
    in_path: dict[str, str],
    query: dict[str, list[str]],
    headers: dict[str, str],
    body: bytes,
) -> dict[str, Any]:
    """The request's parameters by the model's member names, as they were sent, not checked yet.

    Members that the model does not know are ignored, as AWS's services do. Blobs stay base64 text. Raises
    ServiceError (ValidationException) when the body is not a JSON object.
    """
    shape = route.model.input_shape
    sent = _json_object(body)
    params: dict[str, Any] = {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if location == "uri":
            if key in in_path:
                params[name] = in_path[key]
        elif location == "querystring":
            if key in query:
                params[name] = _from_query(member, query[key])
        elif location == "header":
            if key.lower() in headers:
                params[name] = headers[key.lower()]
        elif sent.get(key) is not None:
            params[name] = sent[key]
    return params


def checked(route: Route, params: dict[str, Any]) -> dict[str, Any]:
    """A copy of the parameters that satisfies the model; ServiceError naming each bad field."""
    problems: Problems = []
    found: dict[str, Any] = check(route.model.input_shape, params, "", problems)
    if problems:
        raise errors.invalid(problems)
    return found


def check(shape: Shape, value: Any, at: str, problems: Problems) -> Any:
    """The value as the shape has it, known members only; every violation is added to `problems`."""
    checker = _CHECKERS.get(shape.type_name)
    if checker is None:
        raise TypeError(f"shape type {shape.type_name} at {at}")
    return checker(shape, value, at, problems)


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise errors.unparsable(f"the request body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise errors.unparsable(f"the request body is {type(value).__name__}, expected a JSON object")
    return value


def _from_query(shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "list":
        return values
    if shape.type_name in ("integer", "long"):
        try:
            return int(values[0])
        except ValueError:
            return values[0]
    return values[0]


def _structure(shape: StructureShape, value: Any, at: str, problems: Problems) -> Any:
    if not isinstance(value, dict):
        return _wrong_type(at, "an object", value, problems)
    for name in shape.required_members:
        if value.get(name) is None:
            problems.append((_join(at, name), "member must not be null"))
    given = {name: value[name] for name in shape.members if value.get(name) is not None}
    if getattr(shape, "is_tagged_union", False) and len(given) != 1:
        allowed = ", ".join(shape.members)
        problems.append((at, f"exactly one of {allowed} must be set, found {', '.join(given) or 'none'}"))
    return {name: check(shape.members[name], part, _join(at, name), problems) for name, part in given.items()}


def _list(shape: ListShape, value: Any, at: str, problems: Problems) -> Any:
    if not isinstance(value, list):
        return _wrong_type(at, "a list", value, problems)
    _bounds(shape, len(value), at, "item count", problems)
    return [check(shape.member, part, f"{at}[{index}]", problems) for index, part in enumerate(value)]


def _map(shape: MapShape, value: Any, at: str, problems: Problems) -> Any:
    if not isinstance(value, dict):
        return _wrong_type(at, "an object", value, problems)
    _bounds(shape, len(value), at, "item count", problems)
    return {
        check(shape.key, key, f"{at}.{key}", problems): check(shape.value, part, f"{at}.{key}", problems)
        for key, part in value.items()
    }


def _string(shape: StringShape, value: Any, at: str, problems: Problems) -> Any:
    if not isinstance(value, str):
        return _wrong_type(at, "a string", value, problems)
    _bounds(shape, len(value), at, "length", problems)
    if shape.enum and value not in shape.enum:
        problems.append((at, f"found {_shown(value)}, expected one of {', '.join(shape.enum)}"))
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        problems.append((at, f"found {_shown(value)}, expected a match of {pattern}"))
    return value


def _integer(shape: Shape, value: Any, at: str, problems: Problems) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        return _wrong_type(at, "an integer", value, problems)
    _bounds(shape, value, at, "value", problems)
    return value


def _boolean(_shape: Shape, value: Any, at: str, problems: Problems) -> Any:
    return value if isinstance(value, bool) else _wrong_type(at, "a boolean", value, problems)


def _blob(_shape: Shape, value: Any, at: str, problems: Problems) -> Any:
    return value if isinstance(value, str) else _wrong_type(at, "base64 text", value, problems)


_CHECKERS: dict[str, Callable[[Any, Any, str, Problems], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "boolean": _boolean,
    "blob": _blob,
}


def _bounds(shape: Shape, size: int, at: str, what: str, problems: Problems) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        allowed = f"{low or 0} to {high}" if high is not None else f"at least {low}"
        problems.append((at, f"{what} is {size}, expected {allowed}"))


def _wrong_type(at: str, expected: str, value: Any, problems: Problems) -> Any:
    problems.append((at, f"found {type(value).__name__}, expected {expected}"))
    return value


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "...")
