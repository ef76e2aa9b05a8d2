"""Runs the probes on many interpreters at once, and comes back only when every session is closed."""

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from botocore.exceptions import ConnectionClosedError

from interpreter_fleet.manifest import Record

from . import declared
from .clients import AwsError, code_of, is_telling, words
from .probes import DEFAULT, PROBES, lifecycle
from .result import Canary, ProbeError, ProbeResult, SilentError, UntoldError
from .session import CanceledError, Sessions
from .settings import Settings, outside_of
from .verdict import Verdict
from .width import Width

# When one of these fails, the rest of an interpreter's probes would only say so again.
_BEARING = ("declared", "lifecycle")
_NO_ANSWER = "see whether the service, and the network between, answer at all; then run it again"


def run(
    sessions: Sessions,
    records: Sequence[Record],
    concurrency: int,
    done: Callable[[Canary], None],
    *,
    probes: Sequence[str] = (),
    settings: Settings | None = None,
) -> tuple[list[Canary], bool]:
    """One canary for each record, in their order, and whether the run was interrupted.

    `probes` are names of probes to try instead of those that each record chooses. On KeyboardInterrupt open
    sessions are stopped; what was not yet tried is reported as could-not-tell.
    """
    told = settings or Settings(outside_of(sessions.clients.endpoint))
    if not told.records:
        told = dataclasses.replace(told, records=tuple(records))
    interrupted = False
    width = Width(concurrency)
    # Two records may name one interpreter: each canary ends what is open there, also the other's.
    alone = {record.id: threading.Lock() for record in records}

    def timed(record: Record) -> Canary:
        began, waited = time.monotonic(), sessions.pace.waited
        with alone[record.id]:
            canary = examine(sessions, record, chosen(record, probes), told)
        width.took(time.monotonic() - began - (sessions.pace.waited - waited))
        return canary

    with ThreadPoolExecutor(concurrency, thread_name_prefix="canary") as pool:
        futures: list[Future[Canary]] = []
        pending: set[Future[Canary]] = set()
        while pending or len(futures) < len(records):
            try:
                while len(futures) < len(records) and len(pending) < width.now:
                    futures.append(pool.submit(timed, records[len(futures)]))
                    pending.add(futures[-1])
                # A short wait: signals are only seen by the main thread, between two waits.
                finished, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
                for future in finished:
                    done(future.result())
                width.adapt(busy=sessions.pace.is_busy)
            except KeyboardInterrupt:
                # It comes once (`interrupts`), wherever this thread is; what is not yet tried ends at once.
                interrupted = True
                sessions.cancel()
                futures += [pool.submit(timed, record) for record in records[len(futures) :]]
                pending = {future for future in futures if not future.done()}
    return [future.result() for future in futures], interrupted


def chosen(record: Record, probes: Sequence[str]) -> tuple[str, ...]:
    """The probes of one interpreter, in the order in which they are tried; last what is not known here."""
    names = dict.fromkeys(probes or record.probes or DEFAULT)
    known = tuple(name for name in PROBES if name in names)
    return known + tuple(name for name in names if name not in PROBES)


def examine(sessions: Sessions, record: Record, probes: Sequence[str], settings: Settings) -> Canary:
    """All given probes on one interpreter. Raises nothing that AWS or an interpreter can cause."""
    try:
        results = _in_turn(sessions, record, probes, settings)
    finally:
        sessions.close_shared(record.id)
    sessions.see_over(record.id)
    return Canary(record, tuple(results))


def _in_turn(
    sessions: Sessions, record: Record, probes: Sequence[str], settings: Settings
) -> list[ProbeResult]:
    results: list[ProbeResult] = []
    broken = ""
    for name in probes:
        if sessions.canceled.is_set():
            results.append(ProbeResult(name, Verdict.COULD_NOT_TELL, "interrupted"))
        elif name not in PROBES:
            results.append(_unknown(name))
        elif broken:
            results.append(ProbeResult(name, Verdict.COULD_NOT_TELL, f"not tried: {broken} did not pass"))
        else:
            results.append(_try(sessions, record, name, settings))
            # Drift of a role or a tag is no reason not to look; an interpreter that is not there is.
            if name in _BEARING and "all" not in results[-1].milliseconds:
                broken = name
    return results


def _try(
    sessions: Sessions,
    record: Record,
    name: str,
    settings: Settings,
    *,
    silent: bool = False,
    closed: bool = False,
) -> ProbeResult:
    """The last two: what an earlier try met. Neither stands for the other."""
    began = time.perf_counter()
    try:
        if name != declared.NAME:  # which opens no session, and says best what is wrong with an interpreter
            sessions.stop_orphans(record.id)
        result = PROBES[name](sessions, record, settings)
    except ProbeError as error:
        return ProbeResult(name, Verdict.FAIL, str(error), error.expected, error.seen, error.todo)
    except SilentError as error:
        if sessions.canceled.is_set():
            return ProbeResult(name, Verdict.COULD_NOT_TELL, "interrupted")
        # One connection that dies silently says nothing of an interpreter; two silent sessions do, where all
        # else is answered.
        if name != lifecycle.NAME or sessions.unclosed(record.id):
            return ProbeResult(name, Verdict.COULD_NOT_TELL, str(error), todo=error.todo)
        if not silent:
            return _try(sessions, record, name, settings, silent=True, closed=closed)
        return _never_answers(record, error)
    except UntoldError as error:
        return ProbeResult(name, Verdict.COULD_NOT_TELL, str(error), todo=error.todo)
    except CanceledError as error:
        return ProbeResult(name, Verdict.COULD_NOT_TELL, str(error))
    except ConnectionClosedError as error:
        # A kept connection was closed as it was used again; all that probes do may be done twice.
        if not closed and not sessions.canceled.is_set():
            return _try(sessions, record, name, settings, silent=silent, closed=True)
        return ProbeResult(name, Verdict.COULD_NOT_TELL, words(error), seen=words(error), todo=_NO_ANSWER)
    except AwsError as error:
        if sessions.canceled.is_set():
            return ProbeResult(name, Verdict.COULD_NOT_TELL, "interrupted")
        verdict = Verdict.FAIL if is_telling(error) else Verdict.COULD_NOT_TELL
        return ProbeResult(name, verdict, words(error), seen=words(error), todo=_todo(record, error))
    except Exception as error:  # noqa: BLE001 - an interpreter may answer anything; one must not end the run
        return ProbeResult(name, Verdict.COULD_NOT_TELL, f"the probe broke: {words(error)}")
    took = {**result.milliseconds, "all": (time.perf_counter() - began) * 1000}
    return dataclasses.replace(result, milliseconds=took)


def _unknown(name: str) -> ProbeResult:
    return ProbeResult(
        name,
        Verdict.COULD_NOT_TELL,
        f"the record chooses {name}, which this version does not know; it knows {', '.join(PROBES)}",
        todo="use the version that deployed the fleet",
    )


def _never_answers(record: Record, error: SilentError) -> ProbeResult:
    return ProbeResult(
        lifecycle.NAME,
        Verdict.FAIL,
        f"sessions of {record.id} start and never answer: twice {error}",
        "an answer to two lines of Python, within seconds",
        str(error),
        "start one by hand and run `print(1)`; if others answer, replace this interpreter: change the"
        f" description of {record.base} and deploy",
    )


def _todo(record: Record, error: BaseException) -> str:
    if code_of(error) in ("AccessDenied", "AccessDeniedException"):
        return (
            "allow this call to whoever runs this (`validate.py permissions canary` prints the policy); if it"
            f" is allowed, see whether {record.role_arn} is there and whom it trusts"
        )
    if not is_telling(error):
        return _NO_ANSWER
    return f"see {record.id} in the console or with GetCodeInterpreter, and run this again"
