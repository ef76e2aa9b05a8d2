"""How many interpreters are tried at once: as many as it takes to use the rate, no more than do any good."""

import statistics
import threading
from collections import deque

_FIRST = 16
_SAMPLE = 8
# So much longer than the first ones: whoever answers has no more to give, and more at once only waits longer.
_LONGER = 1.5


class Width:
    """Starts at 16 at once, `most` at most, and grows by one where turns of the pacer go unused."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = min(_FIRST, most)
        self._seconds: deque[float] = deque(maxlen=_SAMPLE)
        self._first: float | None = None
        self._lock = threading.Lock()

    def took(self, seconds: float) -> None:
        """One interpreter is done; the seconds it took without waiting for turns."""
        with self._lock:
            self._seconds.append(seconds)
            if self._first is None and len(self._seconds) == _SAMPLE:
                self._first = statistics.median(self._seconds)

    def adapt(self, *, busy: bool) -> None:
        """Called again and again; `busy`: the pacer has somebody wait."""
        with self._lock:
            if busy or self.now >= self._most or self._first is None:
                return
            if statistics.median(self._seconds) > _LONGER * self._first:
                return
            self.now += 1
