"""One item of a scheduled round: what it finds, what it writes for CloudWatch, and how long it takes."""

import json
import time
from types import SimpleNamespace

import pytest

from interpreter_fleet.in_lambda.interpreter_canary import scheduled

COUNTS = ("Checked", "Failed", "CouldNotTell", "Leaked")


@pytest.fixture
def check(service, capsys):
    """`check("one")` → the result, and the line that was printed."""

    def run(base, *, at_once=1, per_second=1000):
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
        item = {"Fleet": "demo", "Base": base, "AtOnce": str(at_once), "PerSecond": str(per_second)}
        found = scheduled.handler(item, context)
        return found, json.loads(capsys.readouterr().out)

    service.parameters["/interpreter-fleet/demo/one"] = json.dumps({"id": "one__1-A"})
    return run


def test_a_pass_is_counted_and_its_latencies_are_metrics(service, check):
    found, line = check("one")

    assert (found["base"], found["probe"], found["verdict"]) == ("one", "lifecycle", "pass")
    assert [line[name] for name in COUNTS] == [1, 0, 0, 0]
    assert line["StartLatency"] == found["milliseconds"]["start"]
    assert service.ready == []


def test_the_line_is_in_the_embedded_metric_format(check):
    """Every metric that it declares is a number beside it, and every dimension a text."""
    _, line = check("one")

    [declared] = line["_aws"]["CloudWatchMetrics"]
    assert declared["Namespace"] == "InterpreterFleet"
    assert [line[key] for key in declared["Dimensions"][0]] == ["demo"]
    assert all(isinstance(line[metric["Name"]], int | float) for metric in declared["Metrics"])
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60


def test_an_interpreter_without_a_record_fails(check):
    found, line = check("gone")

    assert found["verdict"] == "fail"
    assert found["detail"] == "there is no record /interpreter-fleet/demo/gone: it is not deployed"
    assert [line[name] for name in COUNTS] == [1, 1, 0, 0]


def test_a_record_that_cannot_be_read_is_no_pass(service, check):
    service.parameters["/interpreter-fleet/demo/one"] = "not JSON"
    found, line = check("one")

    assert found["verdict"] == "could-not-tell"
    assert [line[name] for name in COUNTS] == [1, 0, 1, 0]


def test_a_session_that_will_not_stop_is_counted_as_leaked(service, check):
    service.before["stop"] = [lambda: (403, "AccessDeniedException")]
    found, line = check("one")

    assert (found["leaked"], found["verdict"]) == ("s0", "fail")
    assert [line[name] for name in COUNTS] == [1, 1, 0, 1]


def test_it_lasts_as_long_as_its_calls_are_worth(check):
    """Two invokes, at a part of 4 in 8 calls a second: the next item of this turn waits for it."""
    began = time.monotonic()
    check("one", at_once=4, per_second=8)

    assert time.monotonic() - began >= 1.0
