"""A round of canaries as Lambda functions: `begin` once, then `examine` on each interpreter, side by side.

The construct `CanarySchedule` deploys them: this package without its command line, beside the manifest. What
they print are lines in CloudWatch's embedded metric format, one for each thing that was looked at.
"""

import functools
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from interpreter_fleet.manifest import Record, RecordError, parameter_name

from . import metric_line, quotas, runner
from .clients import AwsError, Clients, code_of, connect, words
from .discover import DiscoverError, records
from .pace import Pace
from .session import Sessions
from .settings import Settings, outside_of
from .strangers import Stranger, strangers
from .verdict import Verdict

# No probe asks these; that records are what stacks have made is the command's to find out.
_UNUSED = ("sts", "cloudformation", "service-quotas")
_LATENCIES = {"start": "StartLatency", "invoke": "InvokeLatency", "stop": "StopLatency"}
# Of the function's time: every session is stopped in it, and the line is printed.
_RESERVE_SECONDS = 45.0
# A log event holds 256 KB; a person reads less.
_LONGEST = 4000


@dataclass(frozen=True)
class Found:
    """What was found on one interpreter; `leaked` are sessions that could not be stopped."""

    verdict: Verdict
    detail: str = ""
    todo: str = ""
    probes: dict[str, str] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    leaked: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Connection:
    """What the calls of one environment share; Lambda runs one at a time in each."""

    clients: Clients
    pace: Pace
    canceled: threading.Event


def begin(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Once a round: gives the requests a second that it keeps to, and looks for strangers.

    Environment: FLEET; SHARE, of the account's quotas; STRANGERS, `1` to look for them.
    """
    clients = _connect(without=("sts", "cloudformation", "iam", "s3", "ec2"))
    fleet, share = os.environ["FLEET"], float(os.environ["SHARE"])
    limits = quotas.look_up(clients)
    pace = Pace(limits.per_second, share)
    found = _strangers(clients, pace, fleet) if os.environ["STRANGERS"] == "1" else []
    for one in found:
        told = one.verdict is not Verdict.COULD_NOT_TELL
        counts = {"Strangers": int(told), "CouldNotTell": int(not told)}
        said = {"Interpreter": one.id, "Verdict": one.verdict.value, "Detail": one.detail, "Todo": one.todo}
        print(_line(fleet, counts, said))
    if not found:
        print(_line(fleet, {"Strangers": 0, "CouldNotTell": 0}, {"Limits": limits.problem or quotas.TOLD}))
    return {"PerSecond": {name: rate * share for name, rate in limits.per_second.items()}}


def examine(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The probes of one interpreter: `event` is {"Base", "Beside": [bases], "PerSecond": {operation: rate}}.

    `Beside` are those whose storage it must not get to. Environment: FLEET; PROBES, names with commas
    between, instead of those that the record chooses; AT_ONCE, how many such functions share the rates. So
    one has its part of them, and takes at least the time that its own calls are worth.
    """
    began = time.monotonic()
    fleet, base = os.environ["FLEET"], str(event["Base"])
    here = _connection()
    here.canceled.clear()
    rates = {name: rate / int(os.environ["AT_ONCE"]) for name, rate in event["PerSecond"].items()}
    here.pace.keep_under(rates)
    before = here.pace.calls

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    try:
        found = _examined(here, fleet, base, tuple(event["Beside"]), left)
    except (*AwsError, RecordError) as error:
        detail = words(error) if isinstance(error, AwsError) else str(error)
        found = Found(Verdict.COULD_NOT_TELL, f"the canary could not run: {detail}")
    print(_of_interpreter(fleet, base, found))
    calls = {name: count - before.get(name, 0) for name, count in here.pace.calls.items()}
    worth = max((calls.get(name, 0) / rate for name, rate in rates.items() if rate > 0), default=0.0)
    time.sleep(max(0.0, min(began + worth - time.monotonic(), left() - 1)))
    return {"Base": base, **asdict(found), "verdict": found.verdict.value, "detail": found.detail[:_LONGEST]}


def _examined(
    here: _Connection, fleet: str, base: str, beside: tuple[str, ...], left: Callable[[], float]
) -> Found:
    names = [parameter_name(fleet, one) for one in (base, *beside)]
    texts = {name: text for name in names if (text := _parameter(here.clients.ssm, name)) is not None}
    own, *others = names
    if own not in texts:
        return Found(
            Verdict.FAIL,
            f"there is no record {own}: it is not deployed",
            "deploy the fleet, or deploy the schedule again without this interpreter",
        )
    record = Record.from_json(texts[own], own)
    known = [record, *_readable({name: texts[name] for name in others if name in texts})]
    # No name of a process: another environment must not take this run for one that is over.
    sessions = Sessions(here.clients, here.pace, f"lambda-{secrets.token_hex(4)}", here.canceled)
    settings = Settings(outside_of(here.clients.endpoint), tuple(known))
    probes = runner.chosen(record, tuple(one for one in os.environ.get("PROBES", "").split(",") if one))
    # At that time every session is stopped, and with it what runs in it.
    timer = threading.Timer(max(0.0, left() - _RESERVE_SECONDS), sessions.cancel)
    timer.start()
    try:
        canary = runner.examine(sessions, record, probes, settings)
        sessions.settle()
    finally:
        timer.cancel()
    late = "the function's time was over before all was tried; " if here.canceled.is_set() else ""
    leaked = tuple(sessions.leaked)
    problems = [canary.detail] if canary.detail else []
    problems += [f"sessions that could not be stopped: {'; '.join(leaked)}"] if leaked else []
    return Found(
        Verdict.FAIL if leaked else canary.verdict,
        late + "; ".join(problems),
        "; ".join(dict.fromkeys(one.todo for one in canary.results if one.todo)),
        {one.probe: one.verdict.value for one in canary.results},
        canary.milliseconds,
        leaked,
    )


def _parameter(ssm: Any, name: str) -> str | None:
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except AwsError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        return None


def _readable(texts: Mapping[str, str]) -> list[Record]:
    """Records of others. One that cannot be read is told where it is looked at itself."""
    found = []
    for name, text in texts.items():
        try:
            found.append(Record.from_json(text, name))
        except RecordError as error:
            print(json.dumps({"Beside": name, "Problem": str(error)}))
    return found


def _strangers(clients: Clients, pace: Pace, fleet: str) -> list[Stranger]:
    pace.watch(clients.control)
    try:
        everyone = records(clients, None, ())
    except DiscoverError as error:
        return [Stranger("could-not-tell", "", f"strangers were not looked for: {error}", "")]
    owners = [record for record in everyone if record.fleet == fleet]
    return strangers(clients, pace, everyone, owners)


def _of_interpreter(fleet: str, base: str, found: Found) -> str:
    counts = {
        "Checked": 1,
        "Failed": int(found.verdict is Verdict.FAIL),
        "CouldNotTell": int(found.verdict is Verdict.COULD_NOT_TELL),
        "Leaked": len(found.leaked),
    }
    said = {
        "Interpreter": base,
        "Verdict": found.verdict.value,
        "Probes": found.probes,
        "Detail": found.detail[:_LONGEST],
        "Todo": found.todo[:_LONGEST],
    }
    latencies = {
        name: found.milliseconds[step] for step, name in _LATENCIES.items() if step in found.milliseconds
    }
    return _line(fleet, counts, said, latencies)


def _line(
    fleet: str,
    counts: Mapping[str, int],
    said: Mapping[str, Any],
    latencies: Mapping[str, float] | None = None,
) -> str:
    """The fleet is the only dimension: metrics a fleet, not metrics an interpreter, are what they cost."""
    metrics: dict[str, tuple[float, str]] = {name: (count, "Count") for name, count in counts.items()}
    metrics |= {name: (took, "Milliseconds") for name, took in (latencies or {}).items()}
    return metric_line.line(int(time.time() * 1000), [["Fleet"]], metrics, {"Fleet": fleet, **said})


@functools.cache
def _connection() -> _Connection:
    """Kept from one interpreter to the next: to make clients takes longer than a canary's calls."""
    canceled = threading.Event()
    clients = _connect(without=_UNUSED)
    # The rates that it is told have the share in them.
    pace = Pace({}, 1.0, sleep=canceled.wait)
    pace.watch(*clients.all())
    return _Connection(clients, pace, canceled)


def _connect(without: tuple[str, ...]) -> Clients:
    # The boto3 of a Lambda runtime can be older than the service: then it reads the models beside this code.
    models = Path(__file__).parents[1] / "models"
    if models.is_dir():
        os.environ["AWS_DATA_PATH"] = str(models)
    return connect(region=os.environ["AWS_REGION"], profile=None, endpoint_url=None, pool=4, without=without)
