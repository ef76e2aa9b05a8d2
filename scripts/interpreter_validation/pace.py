"""Keeps under the account's requests per second: the fleet's agents share them."""

import threading
import time
from collections.abc import Callable, Mapping


class Pace:
    """At most `share` of each operation's quota; a call waits for its turn."""

    def __init__(
        self,
        per_second: Mapping[str, float],
        share: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._interval = {name: 1 / (rate * share) for name, rate in per_second.items() if rate > 0}
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep

    def wait(self, operation: str) -> float:
        """Blocks until the operation may be called; the seconds it took. Unknown operations are not paced."""
        interval = self._interval.get(operation)
        if interval is None:
            return 0.0
        with self._lock:
            now = self._clock()
            turn = max(now, self._next.get(operation, now))
            self._next[operation] = turn + interval
        delay = turn - now
        if delay > 0:
            self._sleep(delay)
        return delay
