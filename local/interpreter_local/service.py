"""HTTP in, reply out, for both APIs of the Code Interpreter. Who may call is decided before."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from . import control_plane, errors, eventstream, wire
from .errors import Reply, ServiceError
from .identity import Identity
from .sessions import Opener, Sessions
from .state import Scope, Store

_log = logging.getLogger(__name__)
_JSON = {"content-type": "application/json"}
EVENT_STREAM = "application/vnd.amazon.eventstream"
SESSION_HEADER = "x-amzn-code-interpreter-session-id"


class Service:
    """The Code Interpreter service over one store."""

    def __init__(self, opener: Opener, identity: Identity) -> None:
        self.store = Store()
        self.sessions = Sessions(self.store, opener, identity)
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

    async def handle(
        self,
        scope: Scope,
        method: str,
        path: str,
        query: dict[str, list[str]],
        headers: dict[str, str],
        body: bytes,
    ) -> Reply:
        """One request; header names in lower case. Never raises: a fault of ours is a 500 and a log entry."""
        matched = wire.match(method, path)
        if matched is None:
            error = ServiceError("UnknownOperationException", f"no operation answers {method} {path}")
            return error.reply(data_plane="/sessions/" in path or path.endswith("/tools/invoke"))
        route, in_path = matched
        try:
            call = wire.parse(route, in_path, query, headers, body)
            if route.name == "InvokeCodeInterpreter":
                return await self._invoke(scope, call.params)
            answer = self._operations[route.name](scope, call.params)
            if isinstance(answer, Awaitable):
                answer = await answer
        except ServiceError as error:
            return error.reply(data_plane=route.api == wire.DATA)
        except Exception:  # noqa: BLE001 - the boundary: a fault of ours must reach the client as a 500
            _log.exception("%s failed", route.name)
            fault = ServiceError("InternalServerException", "An internal error occurred; see the log")
            return fault.reply(data_plane=route.api == wire.DATA)
        status = int(route.model.http.get("responseCode", 200))
        return status, dict(_JSON), b"" if status == 204 else errors.body(answer)

    async def _invoke(self, scope: Scope, params: dict[str, Any]) -> Reply:
        session, result = await self.sessions.invoke(scope, params)
        message = eventstream.event("result", errors.body(result))
        return 200, {"content-type": EVENT_STREAM, SESSION_HEADER: session}, message

    async def close(self) -> None:
        """Ends every session."""
        await self.sessions.close()


def action(method: str, path: str) -> str | None:
    """The IAM action of a request, without its prefix."""
    matched = wire.match(method, path)
    return matched[0].name if matched else None


def resource(scope: Scope, method: str, path: str) -> str:
    """The ARN that a request's action is authorized on; "*" for the two actions without resources.

    (Service authorization reference: CreateCodeInterpreter and ListCodeInterpreters.)
    """
    matched = wire.match(method, path)
    if matched is None:
        return "*"
    parameters = matched[1]
    identifier = parameters.get("codeInterpreterId") or parameters.get("codeInterpreterIdentifier")
    if identifier:
        return control_plane.arn_of(scope, identifier)
    return parameters.get("resourceArn", "*")


def tags_of(store: Store, scope: Scope, arn: str) -> dict[str, str]:
    """The tags of the interpreter with this ARN, for aws:ResourceTag conditions."""
    for one in store.of(scope).interpreters.values():
        if one.arn == arn:
            return dict(one.tags)
    return {}
