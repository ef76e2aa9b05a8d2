"""One result as a line of CloudWatch's embedded metric format (AWS docs, "Embedded metric format").

Metrics have the fleet as their only dimension: one a fleet, not one an interpreter, is what they cost. The
interpreter, the verdict and its detail stand in the same line, where Logs Insights finds them.
"""

import json
import time

from .lifecycle import COULD_NOT_TELL, FAIL, Result

NAMESPACE = "InterpreterFleet"
_LATENCIES = {"start": "StartLatency", "invoke": "InvokeLatency", "stop": "StopLatency"}


def line(fleet: str, result: Result) -> str:
    """JSON for standard output: counts of this one check, and the milliseconds of the steps it came to."""
    counts = {
        "Checked": 1,
        "Failed": int(result.verdict == FAIL),
        "CouldNotTell": int(result.verdict == COULD_NOT_TELL),
        "Leaked": int(bool(result.leaked)),
    }
    latencies = {
        name: result.milliseconds[step] for step, name in _LATENCIES.items() if step in result.milliseconds
    }
    declared = [{"Name": name, "Unit": "Count"} for name in counts]
    declared += [{"Name": name, "Unit": "Milliseconds"} for name in latencies]
    return json.dumps(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": [["Fleet"]], "Metrics": declared}
                ],
            },
            "Fleet": fleet,
            "Interpreter": result.base,
            "Probe": result.probe,
            "Verdict": result.verdict,
            "Detail": result.detail,
            **counts,
            **latencies,
        }
    )
