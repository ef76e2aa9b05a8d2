"""Requests per second, as AWS allows them for each account, region and operation."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ServiceError
from .state import Scope


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class Rates:
    """A token bucket for each account, region and operation.

    `limit` gives an operation's requests per second, None where AWS documents no rate; it is asked at every
    request, so a quota that was raised counts at once. `clock` is in seconds. Unrecorded: that a second's
    worth of requests may come at once, and that it is a bucket and not a window.
    """

    def __init__(
        self, limit: Callable[[Scope, str], float | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._buckets: dict[tuple[Scope, str], _Bucket] = {}

    def admit(self, scope: Scope, operation: str) -> None:
        """Takes one request; ServiceError (ThrottlingException, 429) when there is none left.

        The text is that of AWS's other services: unrecorded for this one.
        """
        rate = self._limit(scope, operation)
        if rate is None:
            return
        now = self._clock()
        bucket = self._buckets.setdefault((scope, operation), _Bucket(rate, now))
        bucket.tokens = min(rate, bucket.tokens + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        if bucket.tokens < 1:
            raise ServiceError("ThrottlingException", "Rate exceeded")
        bucket.tokens -= 1

    def clear(self) -> None:
        """Forgets every request."""
        self._buckets.clear()
