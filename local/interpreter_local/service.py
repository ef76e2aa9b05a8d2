"""HTTP in, reply out, for both APIs of the Code Interpreter. Who may call is decided before."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from . import control_plane, errors, eventstream, quotas, wire
from .errors import Reply, ServiceError
from .identity import Identity
from .metrics import Metrics
from .rates import Rates
from .sessions import Opener, Sessions
from .state import Scope, Session, Store
from .trail import Caller, Event, Trail, visible

_log = logging.getLogger(__name__)
_JSON = {"content-type": "application/json"}
EVENT_STREAM = "application/vnd.amazon.eventstream"
SESSION_HEADER = "x-amzn-code-interpreter-session-id"


# AWS quota "Max payload size".
MAX_BODY = int(quotas.PAYLOAD_MB.value * 1_000_000)


@dataclass(frozen=True)
class Answer:
    """A reply, and what the records of the call need besides: None where the request did not get so far.

    `resource` is what the call was authorized on, an ARN or "*".
    """

    reply: Reply
    route: wire.Route | None
    resource: str = "*"
    parameters: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    error: ServiceError | None = None


class Service:
    """The Code Interpreter service over one store.

    Requests are let in at the rates of the account's quotas by `clock` (seconds), at any rate if `throttles`
    is false.
    """

    def __init__(
        self,
        opener: Opener,
        identity: Identity,
        *,
        throttles: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = Store()
        self.metrics = Metrics()
        self.trail = Trail()
        self._rates = Rates(lambda scope, name: quotas.rate(self.store, scope, name), clock)
        self._throttles = throttles
        self.sessions = Sessions(self.store, opener, identity, ended=self._session_ended, clock=clock)
        self.identity = identity
        store = self.store
        self._operations: dict[str, Callable[[Scope, dict[str, Any]], Any]] = {
            "CreateCodeInterpreter": lambda s, p: control_plane.create(store, s, p, identity),
            "GetCodeInterpreter": lambda s, p: control_plane.get(store, s, p),
            "ListCodeInterpreters": lambda s, p: control_plane.list_(store, s, p),
            "DeleteCodeInterpreter": lambda s, p: control_plane.delete(store, s, p),
            "TagResource": lambda s, p: control_plane.tag(store, s, p),
            "UntagResource": lambda s, p: control_plane.untag(store, s, p),
            "ListTagsForResource": lambda s, p: control_plane.list_tags(store, s, p),
            "StartCodeInterpreterSession": self.sessions.start,
            "GetCodeInterpreterSession": self.sessions.get,
            "ListCodeInterpreterSessions": self.sessions.list_,
            "StopCodeInterpreterSession": self.sessions.stop,
        }

    async def answer(
        self,
        scope: Scope,
        method: str,
        path: str,
        query: dict[str, list[str]],
        headers: dict[str, str],
        body: bytes,
    ) -> Answer:
        """One request; header names in lower case. Never raises: a fault of ours is a 500 and a log entry."""
        matched = wire.match(method, path)
        if matched is None:
            error = ServiceError("UnknownOperationException", f"no operation answers {method} {path}")
            is_data = "/sessions/" in path or path.endswith("/tools/invoke")
            return Answer(error.reply(data_plane=is_data), None, error=error)
        route, in_path = matched
        on = _resource(scope, in_path)
        began = time.perf_counter()
        given: dict[str, Any] | None = None
        try:
            if self._throttles:
                self._rates.admit(scope, route.name)
            given = _given(route, in_path, query, headers, body)
            response, reply = await self._perform(scope, route, wire.checked(route, given))
            answer = Answer(reply, route, on, given, response)
        except ServiceError as error:
            # A copy without a traceback: the records keep it, and with it would keep what a session had sent.
            kept = replace(error)
            answer = Answer(error.reply(data_plane=route.api == wire.DATA), route, on, given, error=kept)
        except Exception:  # noqa: BLE001 - the boundary: a fault of ours must reach the client as a 500
            _log.exception("%s failed", route.name)
            fault = ServiceError("InternalServerException", "An internal error occurred; see the log")
            answer = Answer(fault.reply(data_plane=route.api == wire.DATA), route, on, given, error=fault)
        status = answer.reply[0]
        took = None if status == 429 else time.perf_counter() - began
        self._count(scope, route, on, status, took)
        return answer

    def denied(
        self,
        scope: Scope,
        method: str,
        path: str,
        query: dict[str, list[str]],
        headers: dict[str, str],
        body: bytes,
        message: str,
    ) -> Answer:
        """The answer to a request that IAM does not allow. It takes nothing of the rate: unrecorded."""
        error = ServiceError("AccessDeniedException", message)
        matched = wire.match(method, path)
        if matched is None:
            return Answer(error.reply(data_plane=False), None, error=error)
        route, in_path = matched
        on = _resource(scope, in_path)
        try:
            given = _given(route, in_path, query, headers, body)
        except ServiceError:
            given = None
        self._count(scope, route, on, 403, None)
        return Answer(error.reply(data_plane=route.api == wire.DATA), route, on, given, error=error)

    def record(self, scope: Scope, answer: Answer, caller: Caller, request_id: str, size: int) -> None:
        """Adds a call to the trail; `size` is that of the request's body, in bytes."""
        route = answer.route
        if route is None:
            return
        shown = None if answer.parameters is None else visible(route, answer.parameters, size)
        self.trail.add(
            Event(scope, route, caller, request_id, shown, answer.response, answer.resource, answer.error)
        )

    async def close(self) -> None:
        """Ends every session."""
        await self.sessions.close()

    async def reset(self) -> None:
        """Forgets everything, as if nobody had called yet."""
        await self.close()
        self.store.regions.clear()
        self.metrics.clear()
        self.trail.clear()
        self._rates.clear()

    async def _perform(
        self, scope: Scope, route: wire.Route, params: dict[str, Any]
    ) -> tuple[dict[str, Any] | None, Reply]:
        """What the records may show of the response, and the reply."""
        if route.name == "InvokeCodeInterpreter":
            session, result = await self.sessions.invoke(scope, params)
            message = eventstream.event("result", errors.body(result))
            return None, (200, {"content-type": EVENT_STREAM, SESSION_HEADER: session}, message)
        response = self._operations[route.name](scope, params)
        if isinstance(response, Awaitable):
            response = await response
        status = int(route.model.http.get("responseCode", 200))
        if status == 204:
            return None, (status, dict(_JSON), b"")
        return response, (status, dict(_JSON), errors.body(response))

    def _count(self, scope: Scope, route: wire.Route, arn: str, status: int, seconds: float | None) -> None:
        if route.api == wire.DATA:
            self.metrics.call(scope, arn, route.name, status, seconds)

    def _session_ended(self, session: Session, seconds: float) -> None:
        arn = control_plane.arn_of(session.scope, session.interpreter_id)
        self.metrics.session(session.scope, arn, seconds)


def _given(
    route: wire.Route,
    in_path: dict[str, str],
    query: dict[str, list[str]],
    headers: dict[str, str],
    body: bytes,
) -> dict[str, Any]:
    """The request's parameters; what AWS answers to a payload that is too large is unrecorded."""
    if len(body) > MAX_BODY:
        raise errors.invalid([("body", f"{len(body)} bytes, expected at most {MAX_BODY}")])
    return wire.given(route, in_path, query, headers, body)


def action(method: str, path: str) -> str | None:
    """The IAM action of a request, without its prefix."""
    matched = wire.match(method, path)
    return matched[0].name if matched else None


def resource(scope: Scope, method: str, path: str) -> str:
    """The ARN that a request's action is authorized on; "*" for the two actions without resources.

    (Service authorization reference: CreateCodeInterpreter and ListCodeInterpreters.)
    """
    matched = wire.match(method, path)
    return "*" if matched is None else _resource(scope, matched[1])


def _resource(scope: Scope, in_path: dict[str, str]) -> str:
    identifier = in_path.get("codeInterpreterId") or in_path.get("codeInterpreterIdentifier")
    if identifier:
        return control_plane.arn_of(scope, identifier)
    return in_path.get("resourceArn", "*")


def tags_of(store: Store, scope: Scope, arn: str) -> dict[str, str]:
    """The tags of the interpreter with this ARN, for aws:ResourceTag conditions."""
    for one in store.of(scope).interpreters.values():
        if one.arn == arn:
            return dict(one.tags)
    return {}
