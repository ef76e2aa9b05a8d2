"""What the service publishes to CloudWatch, gathered in memory until somebody writes it there.

Namespace, names and meaning: AWS docs, "AgentCore generated built-in tools observability data"; dimensions as
aws-cdk-lib's metric helpers ask for them: `Resource` is the interpreter's ARN, `Operation` the API operation.
Only requests to the data plane count (AWS docs), each of them one invocation whatever became of it.

Unrecorded: that a throttled request is no user error, that 402 and 403 are user errors, that nothing is
published where there is nothing to count, and that a session's duration is in milliseconds.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from .state import Scope

NAMESPACE = "AWS/Bedrock-AgentCore"
SESSION = "CodeInterpreterSession"
_COUNT, _MILLISECONDS = "Count", "Milliseconds"

# (scope, minute, metric, unit, resource, operation)
_Key = tuple[Scope, int, str, str, str, str]


class Metrics:
    """Values by minute, metric and dimensions; equal values are kept once, with how often they occurred.

    `now` gives seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._values: dict[_Key, Counter[float]] = {}
        self._latest: dict[_Key, float] = {}

    def call(self, scope: Scope, resource: str, operation: str, status: int, seconds: float | None) -> None:
        """One request: the HTTP status of its reply, and how long that took; None if it was not let in."""
        self._add(scope, resource, operation, "Invocations", _COUNT, 1)
        if status == 429:
            self._add(scope, resource, operation, "Throttles", _COUNT, 1)
        elif status >= 500:
            self._add(scope, resource, operation, "SystemErrors", _COUNT, 1)
        elif status >= 400:
            self._add(scope, resource, operation, "UserErrors", _COUNT, 1)
        if seconds is not None:
            self._add(scope, resource, operation, "Latency", _MILLISECONDS, _rounded(seconds * 1000))

    def session(self, scope: Scope, resource: str, seconds: float) -> None:
        """One session that is over."""
        self._add(scope, resource, SESSION, "Duration", _MILLISECONDS, _rounded(seconds * 1000))

    def take(self) -> dict[Scope, list[dict[str, Any]]]:
        """What was gathered since the last time, as MetricData of PutMetricData."""
        data: dict[Scope, list[dict[str, Any]]] = {}
        for key, values in self._values.items():
            scope, _minute, name, unit, resource, operation = key
            datum = {
                "MetricName": name,
                "Dimensions": [
                    {"Name": "Resource", "Value": resource},
                    {"Name": "Operation", "Value": operation},
                ],
                "Timestamp": self._latest[key],
                "Unit": unit,
                "Values": list(values),
                "Counts": list(values.values()),
            }
            data.setdefault(scope, []).append(datum)
        self.clear()
        return data

    def clear(self) -> None:
        """Forgets what was gathered."""
        self._values.clear()
        self._latest.clear()

    def _add(self, scope: Scope, resource: str, operation: str, name: str, unit: str, value: float) -> None:
        now = self._now()
        key = (scope, int(now // 60), name, unit, resource, operation)
        if key not in self._values:
            self._values[key] = Counter()
        self._values[key][value] += 1
        self._latest[key] = now


def _rounded(milliseconds: float) -> float:
    """Fewer distinct values, so that a minute of requests stays small: whole ones, tenths below 10."""
    return round(milliseconds, 1) if milliseconds < 10 else float(round(milliseconds))
