"""One line of CloudWatch's embedded metric format.

AWS docs, CloudWatch_Embedded_Metric_Format_Specification.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

NAMESPACE = "InterpreterFleet"


def line(
    at: int,
    dimensions: Sequence[Sequence[str]],
    metrics: Mapping[str, tuple[float, str]],
    properties: Mapping[str, Any],
) -> str:
    """JSON: `at` in milliseconds since 1970; `metrics` are (value, unit); dimensions name properties."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": dimensions,
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
    }
    values = {name: float(value) for name, (value, _) in metrics.items()}
    return json.dumps({"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, **properties, **values})
