"""Sessions that are always closed: at the end, on an error, on Ctrl-C, after a reply that was lost.

What nobody can close, because the process was killed, the next run on the same machine closes: sessions carry
the name of their run. On another machine they end by their timeout.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ReadTimeoutError

from . import runs
from .clients import AwsError, Clients, code_of, is_refusal, words
from .pace import Pace
from .quotas import ready_sessions
from .result import ProbeError, UntoldError
from .runs import NAME_PREFIX

# A canary takes seconds; what a killed one leaves ends by itself after this.
TIMEOUT_SECONDS = 300
_STOP_ATTEMPTS = 5
# How often it is looked whether a stop that was answered has stopped anything.
_LOOKS, _BETWEEN_LOOKS = 2, 0.5
_NOT_OVER = "READY after it was stopped"
_AT_ONCE = 16
# One start without an answer says nothing of an interpreter.
_SILENT_STARTS, _NEARLY = 2, 0.95
_One = TypeVar("_One")


class CanceledError(RuntimeError):
    """The run was interrupted before this session was needed."""


@dataclass
class Session:
    """A session that is READY."""

    interpreter: str
    id: str
    name: str
    stopped: bool = False
    # Why the stop failed, if it did; whether the service said that it had been over before.
    problem: str = ""
    was_over: bool = False
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
        # Sessions of killed runs that this one stopped.
        self.swept: list[str] = []
        # What could not be stopped, by interpreter and session ("": its id is not known): its name, and why.
        self._leaked: dict[tuple[str, str], tuple[str, str]] = {}
        # Interpreters on which something was started, or may have been, and that were not seen clean since.
        self._used: set[str] = set()
        # Those of them with a start that had no reply: it may come to something later.
        self._lost: set[str] = set()
        self._looked_at: set[str] = set()
        self._open: dict[str, Session] = {}
        self._shared: dict[str, tuple[Session, contextlib.ExitStack]] = {}
        self._lock = threading.Lock()

    @property
    def leaked(self) -> list[str]:
        """What could not be stopped, or perhaps not: what is left of the run, for the report."""
        with self._lock:
            return [_told(*where, *what) for where, what in self._leaked.items()]

    def unclosed(self, interpreter: str) -> bool:
        """Whether closing was not answered as it must be: then silence is the service's, or the network's."""
        with self._lock:
            return any(where[0] == interpreter for where in self._leaked)

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

    def stop(self, session: Session, attempts: int = _STOP_ATTEMPTS) -> bool:
        """Stops it once, whoever asks first; one that will not be stopped is remembered as leaked."""
        with session.lock:
            if session.stopped:
                return True
            session.problem = error = self._try_stop(session, attempts)
            session.stopped = True
        with self._lock:
            self._open.pop(session.id, None)
            if error:
                self._leaked[session.interpreter, session.id] = (session.name, error)
        return not error

    def stop_orphans(self, interpreter: str) -> None:
        """Stops, once an interpreter, what runs of this machine that were killed have left on it."""
        with self._lock:
            if interpreter in self._looked_at or self.canceled.is_set():
                return
            self._looked_at.add(interpreter)
        try:
            orphans = [one for one in leftovers(self.clients, interpreter) if runs.is_dead(one["name"])]
            stopped = {
                str(one["sessionId"]): str(one["name"])
                for one in orphans
                if self.stop(Session(interpreter, one["sessionId"], one["name"]))
            }
            left = self.still_ready(interpreter, lambda one: one["sessionId"] in stopped) if stopped else []
        except AwsError as error:
            # Who may not list may still start.
            if code_of(error) != "AccessDeniedException":
                with self._lock:
                    self._looked_at.discard(interpreter)
                raise
            return
        self._keep_in_mind(interpreter, left)
        still = {str(one["sessionId"]) for one in left}
        with self._lock:
            self.swept += [
                f"{one} of {interpreter} ({name})" for one, name in stopped.items() if one not in still
            ]

    def see_over(self, interpreter: str) -> None:
        """Nothing of this run is READY on an interpreter any more: what still is, is stopped again.

        An answered stop may have stopped nothing, and a start without a reply may have started something:
        only the list of sessions says. What stays, and what cannot be seen, is `leaked`.
        """
        with self._lock:
            if interpreter not in self._used:
                return
        try:
            left = self.still_ready(interpreter, self._is_ours)
        except AwsError as error:
            # Who may not list has the stops' own answers; and an interpreter that is gone has no session.
            if code_of(error) not in ("AccessDeniedException", "ResourceNotFoundException"):
                with self._lock:
                    self._leaked[interpreter, ""] = (f"{self._prefix}…", words(error))
            return
        ready = {str(one["sessionId"]) for one in left}
        with self._lock:
            for where, (name, _) in list(self._leaked.items()):
                if where[0] == interpreter and where[1] not in ready and name.startswith(self._prefix):
                    del self._leaked[where]
            if not left:
                self._used.discard(interpreter)
        self._keep_in_mind(interpreter, left)

    def still_ready(self, interpreter: str, chosen: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Those of an interpreter's sessions that are READY and stay so when they are stopped once more.

        A list may lag behind the stops; a session of which a stop says that it is over already, is over.
        """
        over: set[str] = set()
        for look in range(_LOOKS):
            left = [
                one
                for one in ready_sessions(self.clients.data, interpreter)
                if chosen(one) and one["sessionId"] not in over
            ]
            if not left:
                break
            if look < _LOOKS - 1:
                for one in left:
                    session = Session(interpreter, one["sessionId"], str(one.get("name") or ""))
                    self.stop(session, attempts=1)
                    if session.was_over:
                        over.add(session.id)
                time.sleep(_BETWEEN_LOOKS)
        return left

    def settle(self) -> None:
        """At the end of a run: looks again where something was left, or may have been started since."""
        with self._lock:
            self._used |= self._lost
            again, self._lost = sorted(self._used), set()
        _side_by_side(self.see_over, again)

    def cancel(self) -> None:
        """Ends every open session and lets no new one begin; calls that run in them end with it."""
        self.canceled.set()
        with self._lock:
            still_open = list(self._open.values())
        _side_by_side(self.stop, still_open)

    def _start(self, interpreter: str, name: str) -> Session:
        if self.canceled.is_set():
            raise CanceledError("interrupted")
        self.pace.wait("StartCodeInterpreterSession")
        if self.canceled.is_set():
            raise CanceledError("interrupted")
        began = time.monotonic()
        try:
            # One token for all attempts: if a reply is lost, the retry gets the same session.
            started = self.clients.data.start_code_interpreter_session(
                codeInterpreterIdentifier=interpreter,
                name=name,
                sessionTimeoutSeconds=TIMEOUT_SECONDS,
                clientToken=f"{uuid.uuid4()}-start",
            )
        except AwsError as error:
            took = time.monotonic() - began
            if not is_refusal(error):
                # It may have started one all the same, now or a little later. That carries our name.
                with self._lock:
                    self._used.add(interpreter)
                    self._lost.add(interpreter)
                self.see_over(interpreter)
            if isinstance(error, ReadTimeoutError):
                raise self._not_ready(interpreter, error, took) from error
            raise
        session = Session(interpreter, started["sessionId"], name)
        with self._lock:
            self._used.add(interpreter)
            self._open[session.id] = session
        if self.canceled.is_set():
            self.stop(session)
            raise CanceledError("interrupted")
        return session

    def _not_ready(self, interpreter: str, error: ReadTimeoutError, seconds: float) -> Exception:
        config = self.clients.data.meta.config
        attempts = config.retries["total_max_attempts"]
        # Only the last attempt is told: the time shows whether the others had no answer either.
        spoke = seconds < _NEARLY * attempts * config.read_timeout
        if attempts < _SILENT_STARTS or spoke or self.unclosed(interpreter):
            return UntoldError(
                f"StartCodeInterpreterSession of {interpreter} gave no answer in time: {words(error)}",
                todo="see whether the service, and the network between, answer at all; then run it again",
            )
        return ProbeError(
            f"a session of {interpreter} does not become ready: StartCodeInterpreterSession was asked"
            f" {attempts} times and gave no answer within {config.read_timeout:g} s",
            expected="a session that is READY when the call returns, within seconds",
            seen=words(error),
            todo="start one by hand; if others start, replace this interpreter (change its description"
            " and deploy), and in VPC mode look at its subnets' free addresses and interfaces first",
        )

    @property
    def _prefix(self) -> str:
        return f"{NAME_PREFIX}{self.run}-"

    def _is_ours(self, one: dict[str, Any]) -> bool:
        return str(one.get("name") or "").startswith(self._prefix)

    def _keep_in_mind(self, interpreter: str, left: list[dict[str, Any]]) -> None:
        with self._lock:
            for one in left:
                where = (interpreter, str(one["sessionId"]))
                self._leaked.setdefault(where, (str(one.get("name") or ""), _NOT_OVER))

    def _try_stop(self, session: Session, attempts: int) -> str:
        problem = ""
        for attempt in range(attempts):
            time.sleep(min(2.0**attempt * 0.125, 4.0) if attempt else 0.0)
            self.pace.wait("StopCodeInterpreterSession")
            try:
                self.clients.data.stop_code_interpreter_session(**session.address)
            except AwsError as error:
                # 409: over already; 404: gone. Both are what we want.
                if code_of(error) in ("ConflictException", "ResourceNotFoundException"):
                    session.was_over = True
                    return ""
                problem = words(error)
            else:
                return ""
        return problem


def _told(interpreter: str, session: str, name: str, why: str) -> str:
    if not session:
        return f"perhaps one of {interpreter} named {name}: {why}"
    return f"{session} of {interpreter} ({name}): {why}"


def _side_by_side(do: Callable[[_One], object], of: Sequence[_One]) -> None:
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="close") as pool:
        list(pool.map(do, of))


def leftovers(clients: Clients, interpreter: str, run: str | None = None) -> list[dict[str, Any]]:
    """The READY sessions of an interpreter that canaries left, of one run or of all."""
    prefix = NAME_PREFIX + (f"{run}-" if run else "")
    return [
        one
        for one in ready_sessions(clients.data, interpreter)
        if str(one.get("name") or "").startswith(prefix)
    ]
