"""Sessions that are always closed: at the end, on an error, on Ctrl-C, after a reply that was lost.

What nobody can close, because the process was killed, the next run on the same machine closes: sessions carry
the name of their run. On another machine they end by their timeout.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ReadTimeoutError

from . import runs
from .clients import ATTEMPTS, READ_TIMEOUT_SECONDS, AwsError, Clients, code_of, words
from .pace import Pace
from .quotas import ready_sessions
from .result import ProbeError
from .runs import NAME_PREFIX

# A canary takes seconds; what a killed one leaves ends by itself after this.
TIMEOUT_SECONDS = 300
_STOP_ATTEMPTS = 5


class CanceledError(RuntimeError):
    """The run was interrupted before this session was needed."""


@dataclass
class Session:
    """A session that is READY."""

    interpreter: str
    id: str
    name: str
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def address(self) -> dict[str, str]:
        """What every call on it names."""
        return {"codeInterpreterIdentifier": self.interpreter, "sessionId": self.id}


class Sessions:
    """Opens and closes the sessions of one run; knows at any time which are open."""

    def __init__(self, clients: Clients, pace: Pace, run: str, canceled: threading.Event) -> None:
        self.clients = clients
        self.pace = pace
        self.run = run
        self.canceled = canceled
        # Sessions that could not be stopped: what is left of the run, for the report.
        self.leaked: list[str] = []
        # Sessions of killed runs that this one stopped.
        self.swept: list[str] = []
        # Starts without a reply: interpreter and session name.
        self._lost: set[tuple[str, str]] = set()
        self._looked_at: set[str] = set()
        self._open: dict[str, Session] = {}
        self._shared: dict[str, tuple[Session, contextlib.ExitStack]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def open(self, interpreter: str, base: str) -> Iterator[Session]:
        """A session, stopped when the block ends, however it ends. AwsError if it cannot be started."""
        self.stop_orphans(interpreter)
        name = runs.session_name(self.run, base)
        session = self._start(interpreter, name)
        try:
            yield session
        finally:
            self.stop(session)

    @contextlib.contextmanager
    def shared(self, interpreter: str, base: str) -> Iterator[Session]:
        """One session for several probes that do not disturb each other; `close_shared` stops it.

        After an error in the block it is stopped at once, so that the next probe has a new one.
        """
        if interpreter not in self._shared:
            kept = contextlib.ExitStack()
            session = kept.enter_context(self.open(interpreter, base))
            self._shared[interpreter] = (session, kept)
        try:
            yield self._shared[interpreter][0]
        except BaseException:
            self.close_shared(interpreter)
            raise

    def close_shared(self, interpreter: str) -> None:
        """Stops the interpreter's shared session, if there is one. Its probes are done by one thread."""
        _, kept = self._shared.pop(interpreter, (None, None))
        if kept:
            kept.close()

    def stop(self, session: Session) -> bool:
        """Stops it once, whoever asks first; one that will not be stopped is remembered as leaked."""
        with session.lock:
            if session.stopped:
                return True
            error = self._try_stop(session)
            session.stopped = True
        with self._lock:
            self._open.pop(session.id, None)
            if error:
                self.leaked.append(f"{session.id} of {session.interpreter}: {error}")
        return not error

    def stop_orphans(self, interpreter: str) -> None:
        """Stops, once an interpreter, what runs of this machine that were killed have left on it."""
        with self._lock:
            if interpreter in self._looked_at or self.canceled.is_set():
                return
            self._looked_at.add(interpreter)
        try:
            orphans = [one for one in leftovers(self.clients, interpreter) if runs.is_dead(one["name"])]
        except AwsError as error:
            # Who may not list may still start; what cannot be asked at all, the start itself will tell.
            if code_of(error) != "AccessDeniedException":
                raise
            return
        for one in orphans:
            if self.stop(Session(interpreter, one["sessionId"], one["name"])):
                with self._lock:
                    self.swept.append(f"{one['sessionId']} of {interpreter} ({one['name']})")

    def settle(self) -> None:
        """At the end of a run: looks again for what starts without a reply may have started since."""
        with self._lock:
            lost, self._lost = self._lost, set()
        for interpreter, name in lost:
            self._stop_lost(interpreter, name, last=True)

    def cancel(self) -> None:
        """Ends every open session and lets no new one begin; calls that run in them end with it."""
        self.canceled.set()
        with self._lock:
            still_open = list(self._open.values())
        for session in still_open:
            self.stop(session)

    def _start(self, interpreter: str, name: str) -> Session:
        if self.canceled.is_set():
            raise CanceledError("interrupted")
        self.pace.wait("StartCodeInterpreterSession")
        if self.canceled.is_set():
            raise CanceledError("interrupted")
        try:
            # One token for all attempts: if a reply is lost, the retry gets the same session.
            started = self.clients.data.start_code_interpreter_session(
                codeInterpreterIdentifier=interpreter,
                name=name,
                sessionTimeoutSeconds=TIMEOUT_SECONDS,
                clientToken=f"{uuid.uuid4()}-start",
            )
        except ReadTimeoutError as error:
            self._stop_lost(interpreter, name)
            raise ProbeError(
                f"a session of {interpreter} does not become ready: StartCodeInterpreterSession was asked"
                f" {ATTEMPTS} times and gave no answer within {READ_TIMEOUT_SECONDS} s",
                expected="a session that is READY when the call returns, within seconds",
                seen=words(error),
                todo="start one by hand; if others start, replace this interpreter (change its description"
                " and deploy), and in VPC mode look at its subnets' free addresses and interfaces first",
            ) from error
        except AwsError:
            self._stop_lost(interpreter, name)
            raise
        session = Session(interpreter, started["sessionId"], name)
        with self._lock:
            self._open[session.id] = session
        if self.canceled.is_set():
            self.stop(session)
            raise CanceledError("interrupted")
        return session

    def _stop_lost(self, interpreter: str, name: str, *, last: bool = False) -> None:
        """A start without a reply may have started one all the same, now or a little later.

        It carries our name, so it is found by it; until `last`, a start that was not found is kept in mind.
        """
        try:
            lost = [one for one in ready_sessions(self.clients.data, interpreter) if one.get("name") == name]
        except AwsError as error:
            # Whoever may not list may as a rule not start either; if one was started, its time ends it.
            if code_of(error) in ("AccessDeniedException", "ResourceNotFoundException"):
                return
            if last:
                with self._lock:
                    self.leaked.append(f"perhaps one of {interpreter} named {name}: {words(error)}")
            lost = []
        if not lost and not last:
            with self._lock:
                self._lost.add((interpreter, name))
        for one in lost:
            self.stop(Session(interpreter, one["sessionId"], name))

    def _try_stop(self, session: Session) -> str:
        problem = ""
        for attempt in range(_STOP_ATTEMPTS):
            self.pace.wait("StopCodeInterpreterSession")
            try:
                self.clients.data.stop_code_interpreter_session(**session.address)
            except AwsError as error:
                # 409: over already; 404: gone. Both are what we want.
                if code_of(error) in ("ConflictException", "ResourceNotFoundException"):
                    return ""
                problem = words(error)
                time.sleep(min(2.0**attempt * 0.25, 4.0))
            else:
                return ""
        return problem


def leftovers(clients: Clients, interpreter: str, run: str | None = None) -> list[dict[str, Any]]:
    """The READY sessions of an interpreter that canaries left, of one run or of all."""
    prefix = NAME_PREFIX + (f"{run}-" if run else "")
    return [
        one
        for one in ready_sessions(clients.data, interpreter)
        if str(one.get("name") or "").startswith(prefix)
    ]
