"""Runs the canary on many interpreters at once, and comes back only when every session is closed."""

import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from interpreter_fleet.manifest import Record

from .clients import AwsError, is_telling, words
from .discover import inspect
from .probes import lifecycle
from .result import Canary, ProbeResult
from .session import CanceledError, Sessions
from .verdict import Verdict


def run(
    sessions: Sessions,
    records: Sequence[Record],
    concurrency: int,
    done: Callable[[Canary], None],
) -> tuple[list[Canary], bool]:
    """One canary for each record, in their order, and whether the run was interrupted.

    On KeyboardInterrupt open sessions are stopped; those not yet tried are reported as could-not-tell.
    """
    interrupted = False
    with ThreadPoolExecutor(concurrency, thread_name_prefix="canary") as pool:
        futures: list[Future[Canary]] = [pool.submit(_one, sessions, record) for record in records]
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


def _one(sessions: Sessions, record: Record) -> Canary:
    if sessions.canceled.is_set():
        return _canary(record, Verdict.COULD_NOT_TELL, "interrupted")
    deployed = inspect(sessions.clients, sessions.pace, record)
    if deployed.verdict is not Verdict.PASS:
        return _canary(record, deployed.verdict, deployed.detail)
    began = time.perf_counter()
    try:
        took = lifecycle.run(sessions, record.id, record.base)
    except lifecycle.ProbeError as error:
        return _canary(record, Verdict.FAIL, str(error))
    except CanceledError as error:
        return _canary(record, Verdict.COULD_NOT_TELL, str(error))
    except AwsError as error:
        if sessions.canceled.is_set():
            return _canary(record, Verdict.COULD_NOT_TELL, "interrupted")
        verdict = Verdict.FAIL if is_telling(error) else Verdict.COULD_NOT_TELL
        return _canary(record, verdict, words(error))
    return _canary(record, Verdict.PASS, "", {**took, "all": (time.perf_counter() - began) * 1000})


def _canary(
    record: Record, verdict: Verdict, detail: str, milliseconds: dict[str, float] | None = None
) -> Canary:
    return Canary(record, (ProbeResult("lifecycle", verdict, detail, milliseconds=milliseconds or {}),))
