"""Runs the probes on many interpreters at once, and comes back only when every session is closed."""

import dataclasses
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from interpreter_fleet.manifest import Record

from . import declared
from .clients import AwsError, is_telling, words
from .probes import DEFAULT, PROBES
from .result import Canary, ProbeError, ProbeResult, UntoldError
from .session import CanceledError, Sessions
from .settings import Settings, outside_of
from .verdict import Verdict

# When one of these fails, the rest of an interpreter's probes would only say so again.
_BEARING = ("declared", "lifecycle")


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
    with ThreadPoolExecutor(concurrency, thread_name_prefix="canary") as pool:
        futures: list[Future[Canary]] = [
            pool.submit(examine, sessions, record, chosen(record, probes), told) for record in records
        ]
        pending = set(futures)
        while pending:
            try:
                # A short wait: signals are only seen by the main thread, between two waits.
                finished, pending = wait(pending, timeout=0.1)
                for future in finished:
                    done(future.result())
            except KeyboardInterrupt:
                interrupted = True
                # A second Ctrl-C must not cut the closing of sessions short.
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
                sessions.cancel()
                pending = {future for future in futures if not future.done()}
    return [future.result() for future in futures], interrupted


def chosen(record: Record, probes: Sequence[str]) -> tuple[str, ...]:
    """The probes of one interpreter, in the order in which they are tried."""
    names = set(probes or record.probes or DEFAULT)
    return tuple(name for name in PROBES if name in names)


def examine(sessions: Sessions, record: Record, probes: Sequence[str], settings: Settings) -> Canary:
    """All given probes on one interpreter. Raises nothing that AWS or an interpreter can cause."""
    results: list[ProbeResult] = []
    broken = ""
    for name in probes:
        if sessions.canceled.is_set():
            results.append(ProbeResult(name, Verdict.COULD_NOT_TELL, "interrupted"))
        elif broken:
            results.append(ProbeResult(name, Verdict.COULD_NOT_TELL, f"not tried: {broken} did not pass"))
        else:
            results.append(_try(sessions, record, name, settings))
            # Drift of a role or a tag is no reason not to look; an interpreter that is not there is.
            if name in _BEARING and "all" not in results[-1].milliseconds:
                broken = name
    return Canary(record, tuple(results))


def _try(sessions: Sessions, record: Record, name: str, settings: Settings) -> ProbeResult:
    began = time.perf_counter()
    try:
        if name != declared.NAME:  # which opens no session, and says best what is wrong with an interpreter
            sessions.stop_orphans(record.id)
        result = PROBES[name](sessions, record, settings)
    except ProbeError as error:
        return ProbeResult(name, Verdict.FAIL, str(error), error.expected, error.seen, error.todo)
    except UntoldError as error:
        return ProbeResult(name, Verdict.COULD_NOT_TELL, str(error), todo=error.todo)
    except CanceledError as error:
        return ProbeResult(name, Verdict.COULD_NOT_TELL, str(error))
    except AwsError as error:
        if sessions.canceled.is_set():
            return ProbeResult(name, Verdict.COULD_NOT_TELL, "interrupted")
        verdict = Verdict.FAIL if is_telling(error) else Verdict.COULD_NOT_TELL
        return ProbeResult(name, verdict, words(error), seen=words(error))
    took = {**result.milliseconds, "all": (time.perf_counter() - began) * 1000}
    return dataclasses.replace(result, milliseconds=took)
