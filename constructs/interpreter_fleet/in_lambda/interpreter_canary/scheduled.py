"""The canary on one interpreter of a fleet, as one item of a Step Functions map."""

import json
import os
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from . import api, lifecycle, metrics

_RESERVE_SECONDS = 15.0


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`event` is {"Fleet", "Base", "AtOnce", "PerSecond"}; gives the result, and writes its metrics.

    `AtOnce` such functions run side by side and share `PerSecond` calls of each operation: so one has its
    part of them, and takes at least the time that its own calls are worth.
    """
    began = time.monotonic()
    pace = float(event["PerSecond"]) / int(event["AtOnce"])

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    try:
        result = _checked(event, left, pace)
    except (BotoCoreError, ClientError, ValueError, KeyError) as error:
        detail = f"the canary could not run: {type(error).__name__}: {error}"
        result = lifecycle.Result(event["Base"], lifecycle.COULD_NOT_TELL, detail)
    print(metrics.line(event["Fleet"], result))
    time.sleep(max(0.0, min(lifecycle.INVOKES / pace - (time.monotonic() - began), left() - 1)))
    return result.as_dict()


def _checked(event: dict[str, Any], left: Any, pace: float) -> lifecycle.Result:
    base, name = event["Base"], f"/interpreter-fleet/{event['Fleet']}/{event['Base']}"
    ssm = get_session().create_client(
        "ssm", region_name=os.environ["AWS_REGION"], verify=os.environ.get("AWS_CA_BUNDLE")
    )
    try:
        record = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return lifecycle.Result(base, lifecycle.FAIL, f"there is no record {name}: it is not deployed")
    caller = api.from_environment(lambda: left() - _RESERVE_SECONDS, pace, settle=0.0)
    return lifecycle.check(
        caller,
        base,
        record["id"],
        name=f"ifleet-canary-{os.urandom(4).hex()}",
        stopping=lambda: left() - 2,
    )
