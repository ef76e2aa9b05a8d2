"""Keeps under the account's requests per second: the fleet's agents share them.

One `Pace` serves all threads of a run. `watch` puts it between boto3 and the wire, so that every attempt is
paced and counted: those of a probe, those of a page after the first, and the repeats that botocore makes.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from .clients import is_throttle

# After a throttle an operation's rate is halved, down to this part of it; it grows back by so much a second.
_SLOWEST = 1 / 16
_RECOVERY_PER_SECOND = 0.05
# The throttles of requests that were under way together are one: a second is what a quota counts over.
_REACTION_SECONDS = 1.0
_BACKLOG_SECONDS = 0.25


class Pace:
    """At most `share` of each operation's quota; a call waits for its turn.

    Others use the same quota, so a throttle may come all the same: then the operation slows down by half,
    pauses for a time that differs from run to run, and comes back slowly. `clock` and `sleep` are in seconds.
    """

    def __init__(
        self,
        per_second: Mapping[str, float],
        share: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._share = share
        self._interval: dict[str, float] = {}
        self.keep_under(per_second)
        self._next: dict[str, float] = {}
        self._factor: dict[str, float] = {}
        self._grown: dict[str, float] = {}
        self._slowed: dict[str, float] = {}
        self._calls: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()
        self._taken = threading.local()
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep
        self._chance = chance

    def keep_under(self, per_second: Mapping[str, float]) -> None:
        """Sets the quotas, which the account itself is asked for with the first requests."""
        self._interval = {name: 1 / (rate * self._share) for name, rate in per_second.items() if rate > 0}

    @property
    def calls(self) -> dict[str, int]:
        """The requests that went out by operation, repeats included; only of watched clients."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def waited(self) -> float:
        """The seconds that this thread has waited for turns."""
        return float(getattr(self._taken, "waited", 0.0))

    @property
    def is_busy(self) -> bool:
        """Whether requests for some operation queue: its rate is used up."""
        with self._lock:
            latest = max(self._next.values(), default=0.0)
            return latest - self._clock() > _BACKLOG_SECONDS

    @property
    def throttled(self) -> dict[str, int]:
        """Those of them that were refused as too many."""
        with self._lock:
            return dict(sorted(self._throttled.items()))

    def wait(self, operation: str) -> float:
        """Blocks until the operation may be called; the seconds it took. Unknown operations are not paced.

        The turn is this thread's: the next request of it for this operation goes out without another wait.
        """
        delay = self._turn(operation)
        self._turns()[operation] += 1
        return delay

    def slow_down(self, operation: str) -> None:
        """A request was throttled: fewer of them from now on."""
        with self._lock:
            self._throttled[operation] += 1
            interval = self._interval.get(operation)
            now = self._clock()
            if interval is None or now - self._slowed.get(operation, -_REACTION_SECONDS) < _REACTION_SECONDS:
                return
            self._slowed[operation] = self._grown[operation] = now
            self._factor[operation] = max(self._factor.get(operation, 1.0) / 2, _SLOWEST)
            # Jitter: runs that were throttled together must not come back together.
            pause = (0.5 + self._chance()) * _REACTION_SECONDS
            self._next[operation] = max(self._next.get(operation, now), now + pause)

    def watch(self, *clients: Any) -> None:
        """Paces and counts every request of these boto3 clients."""
        for client in clients:
            # Before the request is signed: a signature is not to grow old while it waits.
            client.meta.events.register_first("request-created", self._before)
            client.meta.events.register("response-received", self._after)

    def _before(self, operation_name: str, **_: object) -> None:
        turns = self._turns()
        if turns[operation_name]:
            turns[operation_name] -= 1
        else:
            self._turn(operation_name)
        with self._lock:
            self._calls[operation_name] += 1

    def _after(self, event_name: str, parsed_response: dict[str, Any] | None, **_: object) -> None:
        if is_throttle(parsed_response):
            self.slow_down(event_name.rpartition(".")[2])

    def _turns(self) -> Counter[str]:
        if not hasattr(self._taken, "turns"):
            self._taken.turns = Counter()
        turns: Counter[str] = self._taken.turns
        return turns

    def _turn(self, operation: str) -> float:
        interval = self._interval.get(operation)
        if interval is None:
            return 0.0
        with self._lock:
            now = self._clock()
            turn = max(now, self._next.get(operation, now))
            self._next[operation] = turn + interval / self._recovered(operation, turn)
        delay = turn - now
        if delay > 0:
            self._sleep(delay)
            self._taken.waited = self.waited + delay
        return delay

    def _recovered(self, operation: str, at: float) -> float:
        factor = self._factor.get(operation, 1.0)
        if factor < 1:
            factor = min(1.0, factor + max(0.0, at - self._grown[operation]) * _RECOVERY_PER_SECOND)
            self._factor[operation] = factor
            self._grown[operation] = max(at, self._grown[operation])
        return factor
