"""Sessions: start, get, list, stop, invoke, and their end by time. Parameters and replies as modelled."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from . import errors, quotas, tools
from .control_plane import arn_of, find
from .identity import Identity
from .network import Attached, Attachment, Mode
from .pages import page, with_token
from .sandbox import CallError, Sandbox, SandboxClosed, SandboxUnavailable
from .state import MANAGED_ID, Region, Scope, Session, Store, session_id, timestamp

DEFAULT_TIMEOUT_SECONDS = 900  # API model

# Every transition a session can make; what is not listed is refused.
TRANSITIONS = {
    ("READY", "stopped"): "TERMINATED",
    ("READY", "timeout"): "TERMINATED",
    ("READY", "died"): "TERMINATED",
}
# Opens a sandbox and attaches its network.
Opener = Callable[[Attachment], Awaitable[tuple[Sandbox, Attached]]]
_MODES: dict[str, Mode] = {"SANDBOX": "SANDBOX", "PUBLIC": "PUBLIC", "VPC": "VPC"}
# Code and commands are ended inside the session after 15 minutes; what does not answer even then is given up.
REQUEST_SECONDS = quotas.REQUEST_MINUTES.value * 60
_ANSWER_SECONDS = 30.0
# Sessions that are over and still listed, the newest of each account and region. Unrecorded: for how long.
_KEPT = 2_000


class Sessions:
    """The data plane over one store.

    `ended` is told each session that is over and how long it lasted, by `clock` in seconds.
    """

    def __init__(
        self,
        store: Store,
        opener: Opener,
        identity: Identity,
        *,
        ended: Callable[[Session, float], None],
        clock: Callable[[], float] = time.monotonic,
        request_seconds: float = REQUEST_SECONDS + _ANSWER_SECONDS,
    ) -> None:
        self._store = store
        self._open = opener
        self._identity = identity
        self._ended = ended
        self._clock = clock
        self._request_seconds = request_seconds
        self._starting: dict[int, int] = {}
        # Starts by client token: a repeated request waits for the first one and gets its reply.
        self._starts: dict[tuple[Scope, str], tuple[dict[str, Any], asyncio.Task[dict[str, Any]]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
        """StartCodeInterpreterSession: READY when it returns (recorded). Errors 402, 403, 404, 409, 500."""
        token = params.pop("clientToken", None)
        if token is None:
            return await asyncio.shield(asyncio.create_task(self._start(scope, params)))
        if before := self._starts.get((scope, token)):
            if before[0] != params:
                reason = "IdempotentParameterMismatchException"
                raise errors.invalid([("clientToken", "was used with other parameters")], reason)
            return await asyncio.shield(before[1])
        task = asyncio.create_task(self._start(scope, dict(params), token))
        self._starts[scope, token] = (params, task)
        task.add_done_callback(lambda done: self._forget_failed(scope, token, done))
        # A client that goes away must not leave a start half done.
        return await asyncio.shield(task)

    def _forget_failed(self, scope: Scope, token: str, start: asyncio.Task[dict[str, Any]]) -> None:
        if start.cancelled() or start.exception() is not None:
            self._starts.pop((scope, token), None)

    async def _start(self, scope: Scope, params: dict[str, Any], token: str = "") -> dict[str, Any]:
        interpreter = params["codeInterpreterIdentifier"]
        attachment = self._usable(scope, interpreter)
        mine = self._store.of(scope)
        self._check_room(scope, mine)
        identifier = attachment.session_id
        self._starting[id(mine)] = self._starting.get(id(mine), 0) + 1
        try:
            sandbox, attached = await self._open(attachment)
        except SandboxUnavailable as error:
            raise errors.ServiceError("InternalServerException", str(error)) from error
        finally:
            self._starting[id(mine)] -= 1
        now = timestamp()
        session = Session(
            id=identifier,
            scope=scope,
            token=token,
            interpreter_id=interpreter,
            name=params.get("name"),
            timeout_seconds=params.get("sessionTimeoutSeconds", DEFAULT_TIMEOUT_SECONDS),
            created_at=now,
            started=self._clock(),
            last_updated_at=now,
            sandbox=sandbox,
            attached=attached,
        )
        mine.sessions[identifier] = session
        # The time to live is absolute: activity does not extend it (recorded).
        self._timers[identifier] = asyncio.get_running_loop().call_later(
            session.timeout_seconds, self._end_later, session, "timeout"
        )
        return {"codeInterpreterIdentifier": interpreter, "sessionId": identifier, "createdAt": now}

    def get(self, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
        """GetCodeInterpreterSession; also for sessions that are over. Both nulls: inferred."""
        session = self._find(scope, params)
        reply = {
            "codeInterpreterIdentifier": session.interpreter_id,
            "sessionId": session.id,
            "name": session.name,
            "createdAt": session.created_at,
            "sessionTimeoutSeconds": session.timeout_seconds,
            "status": session.status,
            "certificates": None,
            "filesystemConfigurations": None,
        }
        if session.name is None:
            del reply["name"]
        return reply

    def list_(self, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
        """ListCodeInterpreterSessions: those that are over stay listed (recorded). The newest first."""
        interpreter = params["codeInterpreterIdentifier"]
        if interpreter != MANAGED_ID:
            find(self._store, scope, interpreter)
        items = []
        for session in self._store.of(scope).sessions.values():
            if (
                session.interpreter_id != interpreter
                or params.get("status", session.status) != session.status
            ):
                continue
            item = {
                "codeInterpreterIdentifier": session.interpreter_id,
                "sessionId": session.id,
                "name": session.name,
                "status": session.status,
                "createdAt": session.created_at,
                "lastUpdatedAt": session.last_updated_at,
            }
            items.append({key: value for key, value in item.items() if value is not None})
        wanted, token = page(
            items,
            lambda item: (item["createdAt"], item["sessionId"]),
            params.get("maxResults"),
            params.get("nextToken"),
        )
        return with_token("items", wanted, token)

    async def stop(self, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
        """StopCodeInterpreterSession; 409 with the recorded text when it is already over.

        Unrecorded: who repeats the request that stopped it, with its client token, gets the reply again.
        """
        session = self._find(scope, params)
        token = params.get("clientToken")
        if (session.status, "stopped") in TRANSITIONS:
            session.stopped_by = token
            await asyncio.shield(self._end_later(session, "stopped"))
        elif token is None or token != session.stopped_by:
            raise errors.conflict(f"Session already terminated: {session.id}")
        return {
            "codeInterpreterIdentifier": session.interpreter_id,
            "sessionId": session.id,
            "lastUpdatedAt": session.last_updated_at,
        }

    async def invoke(self, scope: Scope, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """InvokeCodeInterpreter: the session's id and the `result` of the stream's one event (recorded: one).

        Without a session id a session of 900 s is started, which an error ends again (unrecorded). 404 for a
        session that is over or unknown (unrecorded), 409 with the recorded text when its time runs out
        meanwhile, 500 when nothing comes back within the request timeout (unrecorded).
        """
        if "sessionId" in params:
            return await self._invoke(self._find(scope, params), params)
        interpreter = params["codeInterpreterIdentifier"]
        started = await self.start(scope, {"codeInterpreterIdentifier": interpreter})
        session = self._find(scope, {**params, "sessionId": started["sessionId"]})
        try:
            return await self._invoke(session, params)
        except errors.ServiceError:
            # An error does not name the session: nobody could stop it.
            if session.status == "READY":
                await asyncio.shield(self._end_later(session, "stopped"))
            raise

    async def _invoke(self, session: Session, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if session.sandbox is None:
            raise errors.not_found(f"Session {session.id} not found or terminated")
        try:
            async with asyncio.timeout(self._request_seconds):
                result = await tools.invoke(session.sandbox, params["name"], params.get("arguments", {}))
        except tools.ToolInputError as error:
            raise errors.invalid([(error.field, error.message)]) from error
        except TimeoutError as error:
            message = f"{params['name']} did not end within {self._request_seconds:g} s"
            raise errors.ServiceError("InternalServerException", message) from error
        except CallError as error:
            raise errors.ServiceError("InternalServerException", str(error)) from error
        except SandboxClosed as error:
            raise await self._ended_meanwhile(session) from error
        return session.id, result

    async def close(self) -> None:
        """Ends every session: the endpoint goes down."""
        live = [
            session
            for region in self._store.regions.values()
            for session in region.sessions.values()
            if session.status == "READY"
        ]
        for session in live:
            self._end_later(session, "stopped")
        if self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    def _usable(self, scope: Scope, interpreter: str) -> Attachment:
        """A new session of an interpreter in which sessions can be started now."""
        if interpreter == MANAGED_ID:
            # It has no role (recorded).
            return Attachment(
                account=scope.account,
                region=scope.region,
                partition=scope.partition,
                session_id=session_id(),
                interpreter_id=interpreter,
                interpreter_arn=arn_of(scope, interpreter),
                mode="SANDBOX",
            )
        found = find(self._store, scope, interpreter)
        if found.status != "READY":
            raise errors.conflict(f"Code interpreter {interpreter} is {found.status}")
        role = found.created.get("executionRoleArn")
        if role and (refusal := self._identity.not_assumable(scope, role, found.arn)):
            raise errors.ServiceError("AccessDeniedException", refusal)
        network = found.created["networkConfiguration"]
        return Attachment(
            account=scope.account,
            region=scope.region,
            partition=scope.partition,
            session_id=session_id(),
            interpreter_id=interpreter,
            interpreter_arn=found.arn,
            mode=_MODES[network["networkMode"]],
            role_arn=role,
            vpc=network.get("vpcConfig"),
        )

    def _check_room(self, scope: Scope, mine: Region) -> None:
        """402 with the text that an account without sessions was given in September 2026."""
        ready = sum(session.status == "READY" for session in mine.sessions.values())
        limit = int(quotas.value(self._store, scope, quotas.SESSIONS))
        if ready + self._starting.get(id(mine), 0) >= limit:
            message = "maxCodeInterpreterSessions limit exceeded"
            raise errors.ServiceError("ServiceQuotaExceededException", message)

    def _find(self, scope: Scope, params: dict[str, Any]) -> Session:
        session = self._store.of(scope).sessions.get(params["sessionId"])
        if session is None or session.interpreter_id != params["codeInterpreterIdentifier"]:
            raise errors.not_found(f"Session {params['sessionId']} not found or terminated")
        return session

    async def _ended_meanwhile(self, session: Session) -> errors.ServiceError:
        if session.status == "READY":
            await self._end_later(session, "died")
        if session.ended_by == "timeout":
            return errors.conflict(
                f"The session {session.id} ended before the request could complete, "
                "as it exceeded the configured session timeout."
            )
        if session.ended_by == "stopped":
            return errors.conflict(f"The session {session.id} ended before the request could complete.")
        return errors.ServiceError("InternalServerException", f"The session {session.id} ended unexpectedly.")

    def _end_later(self, session: Session, cause: str) -> asyncio.Task[None]:
        """Ends a session in a task of its own, so that nobody's cancellation leaves it half ended."""
        sandbox, session.sandbox = session.sandbox, None
        if session.status == "READY":
            self._ended(session, self._clock() - session.started)
        session.status = TRANSITIONS.get((session.status, cause), session.status)
        # Unrecorded: how long a token counts. Here as long as the session that it started.
        self._starts.pop((session.scope, session.token), None)
        session.ended_by = session.ended_by or cause
        session.last_updated_at = timestamp()
        if timer := self._timers.pop(session.id, None):
            timer.cancel()
        over = self._store.of(session.scope).over
        over[session.id] = None
        if len(over) > _KEPT:
            oldest = next(iter(over))
            del over[oldest]
            self._store.of(session.scope).sessions.pop(oldest, None)
        attached, session.attached = session.attached, None
        task = asyncio.create_task(_close(sandbox, attached))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task


async def _close(sandbox: Sandbox | None, attached: Attached | None) -> None:
    # The credentials end first: nothing that is still alive may act with them.
    if attached is not None:
        await attached.close()
    if sandbox is not None:
        await sandbox.close()
