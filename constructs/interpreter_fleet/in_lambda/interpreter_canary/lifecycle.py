"""Start, invoke, stop on interpreters side by side; every session is stopped before it comes back."""

import hashlib
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .api import THROTTLED, Api, ApiError, NoAnswerError

PROBE = "lifecycle"
# The operation that one canary calls most, and how often.
INVOKES = 2
# Kept for the stop when a lost start is asked for again.
_STOP_SECONDS = 6.0
PASS = "pass"  # noqa: S105
FAIL = "fail"
COULD_NOT_TELL = "could-not-tell"
# These tell about who asked or when, and nothing about the interpreter.
_NOT_TOLD = THROTTLED | {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "ServiceQuotaExceededException",
    "UnrecognizedClientException",
}


@dataclass(frozen=True)
class Result:
    """One interpreter; `leaked` is the session that could not be stopped, "" if there is none."""

    base: str
    verdict: str
    detail: str = ""
    milliseconds: dict[str, float] = field(default_factory=dict)
    leaked: str = ""
    probe: str = PROBE

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def check_all(
    api: Api,
    targets: Sequence[tuple[str, str]],
    *,
    concurrency: int,
    name: str,
    stopping: Callable[[], float],
) -> list[Result]:
    """One result for each (base, id), in their order. `stopping`: the seconds that stops still have."""
    with ThreadPoolExecutor(concurrency, thread_name_prefix="canary") as pool:
        return list(pool.map(lambda one: check(api, one[0], one[1], name=name, stopping=stopping), targets))


def check(api: Api, base: str, interpreter: str, *, name: str, stopping: Callable[[], float]) -> Result:
    """A nonce is set in one call and hashed in the next: only code that runs in one session can know it."""
    took: dict[str, float] = {}
    # One token for all attempts: a lost reply is found again by the next.
    named, token = f"{name}-{base}"[:100], f"{uuid.uuid4()}-start"
    try:
        with _timed(took, "start"):
            session = api.start(interpreter, named, token)
    except (ApiError, NoAnswerError) as error:
        found = _of_error(base, error, took)
        if error.sent if isinstance(error, NoAnswerError) else error.status >= 500:
            return _stop_lost(api, interpreter, named, token, found, stopping)
        return found
    problem: Result | None = None
    try:
        problem = _work(api, base, interpreter, session, took)
    except (ApiError, NoAnswerError) as error:
        problem = _of_error(base, error, took)
    finally:
        leaked = _stop(api, interpreter, session, took, stopping)
    if leaked:
        before = f"{problem.detail}; " if problem else ""
        detail = f"{before}session {session} could not be stopped: {leaked}"
        return Result(base, FAIL, detail, took, session)
    return problem or _is_over(api, base, interpreter, session, took)


def _work(api: Api, base: str, interpreter: str, session: str, took: dict[str, float]) -> Result | None:
    nonce = secrets.token_hex(16)
    expected = hashlib.sha256(nonce.encode()).hexdigest()
    codes = {
        "invoke": f"nonce = {nonce!r}",
        "invoke again": "import hashlib; print(hashlib.sha256(nonce.encode()).hexdigest())",
    }
    printed = ""
    for step, code in codes.items():
        with _timed(took, step):
            answer = api.execute(interpreter, session, code)
        if answer["isError"]:
            return Result(base, FAIL, f"code that must run failed: {str(answer['content'])[:200]}", took)
        printed = answer["stdout"].strip()
    if printed != expected:
        return Result(base, FAIL, f"hash of the nonce: expected {expected}, found {printed[:200]!r}", took)
    return None


def _stop(
    api: Api, interpreter: str, session: str, took: dict[str, float], stopping: Callable[[], float]
) -> str:
    try:
        with _timed(took, "stop"):
            api.stop(interpreter, session, stopping)
    except (ApiError, NoAnswerError) as error:
        return str(error)
    return ""


def _stop_lost(
    api: Api, interpreter: str, name: str, token: str, found: Result, stopping: Callable[[], float]
) -> Result:
    """A start without an answer may have started a session: the same token gives its id, to stop it."""
    try:
        session = api.start(interpreter, name, token, lambda: stopping() - _STOP_SECONDS)
        api.stop(interpreter, session, stopping)
    except (ApiError, NoAnswerError) as error:
        detail = f"{found.detail}; perhaps a session {name} is left, until its time is over: {error}"
        return replace(found, detail=detail, leaked=name)
    return found


def _is_over(api: Api, base: str, interpreter: str, session: str, took: dict[str, float]) -> Result:
    try:
        status = api.status(interpreter, session)
    except (ApiError, NoAnswerError) as error:
        return _of_error(base, error, took)
    if status != "TERMINATED":
        return Result(base, FAIL, f"session {session} is {status} after stop", took, session)
    return Result(base, PASS, "", took)


def _of_error(base: str, error: ApiError | NoAnswerError, took: dict[str, float]) -> Result:
    told = isinstance(error, ApiError) and error.code not in _NOT_TOLD
    return Result(base, FAIL if told else COULD_NOT_TELL, str(error), took)


class _timed:  # noqa: N801 - reads as a word in a with statement
    """Writes down the milliseconds of a block that ends well."""

    def __init__(self, took: dict[str, float], step: str) -> None:
        self._took, self._step = took, step

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._took[self._step] = round((time.perf_counter() - self._began) * 1000, 1)
