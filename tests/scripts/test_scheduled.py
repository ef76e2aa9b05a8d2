"""One round as Lambda runs it: what it goes by, what it finds on one interpreter, what CloudWatch is told."""

import json
import time
from types import SimpleNamespace

import pytest

from interpreter_fleet.manifest import DEFAULT_PROBES
from interpreter_validation import scheduled, session
from interpreter_validation.asking import execute
from interpreter_validation.probes import PROBES

COUNTS = ("Checked", "Failed", "CouldNotTell", "Leaked")
START = "StartCodeInterpreterSession"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AccessKeyId",
    "AWS_SECRET_ACCESS_KEY": "SecretAccessKey",
    "AWS_SESSION_TOKEN": "SessionToken",
}
INVOKE = "InvokeCodeInterpreter"


@pytest.fixture
def lambda_(variables, monkeypatch):
    """The environment of a function of a fleet: `lambda_(fleet, AT_ONCE="4")`."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def environment(fleet, **given):
        told = {"FLEET": fleet.name, "AT_ONCE": "1", "SHARE": "0.5", "STRANGERS": "1", **given}
        for name, value in told.items():
            monkeypatch.setenv(name, value)

    # Else an environment of an earlier test would answer.
    scheduled._connection.cache_clear()
    yield environment
    scheduled._connection.cache_clear()


@pytest.fixture
def examine(capsys):
    """`examine("one")` → the result, and the line that was printed."""

    def run(base, *beside, rates=None, seconds=120.0):
        end = time.monotonic() + seconds
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: int((end - time.monotonic()) * 1000))
        item = {"Base": base, "Beside": list(beside), "PerSecond": rates or {}}
        found = json.loads(json.dumps(scheduled.examine(item, context)))
        return found, json.loads(capsys.readouterr().out)

    return run


def test_the_probes_that_a_record_chooses_are_tried(deploy, lambda_, examine, open_sessions):
    """Those of scripts/validate.py, by the same code; their latencies are metrics."""
    fleet = deploy("one", "two")
    lambda_(fleet)
    found, line = examine("one", "two")

    assert (found["Base"], found["verdict"], found["detail"]) == ("one", "pass", "")
    assert found["probes"] == dict.fromkeys(DEFAULT_PROBES, "pass")
    assert [line[name] for name in COUNTS] == [1, 0, 0, 0]
    assert line["StartLatency"] == found["milliseconds"]["start"] > 0
    assert open_sessions(fleet) == []


def test_the_line_is_in_the_embedded_metric_format(deploy, lambda_, examine):
    """Every metric that it declares is a number beside it, and every dimension a text."""
    lambda_(deploy("one", declare={"probes": ("lifecycle",)}))
    _, line = examine("one")

    [declared] = line["_aws"]["CloudWatchMetrics"]
    assert declared["Namespace"] == "InterpreterFleet"
    assert [line[key] for key in declared["Dimensions"][0]] == [line["Fleet"]]
    assert {metric["Name"] for metric in declared["Metrics"]} == {
        *COUNTS,
        "StartLatency",
        "InvokeLatency",
        "StopLatency",
    }
    assert all(isinstance(line[metric["Name"]], int | float) for metric in declared["Metrics"])
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60


def test_given_probes_are_tried_instead(deploy, lambda_, examine):
    lambda_(deploy("one"), PROBES="lifecycle,isolation")
    found, line = examine("one")

    assert line["Probes"] == {"lifecycle": "pass", "isolation": "pass"}
    assert found["verdict"] == "pass"


def test_what_fails_says_what_is_to_be_done(deploy, lambda_, examine):
    """The record says elsewhere/, the role's policy another prefix."""
    fleet = deploy("one", prefix="elsewhere/")
    lambda_(fleet, PROBES="declared")
    found, line = examine("one")

    assert (found["verdict"], line["Verdict"]) == ("fail", "fail")
    assert "inline policy storage lacks a declared statement" in line["Detail"]
    assert "changed by hand" in line["Todo"]
    assert [line[name] for name in COUNTS] == [1, 1, 0, 0]


def test_it_is_tried_on_the_storage_of_those_beside_it(deploy, lambda_, examine, client, bucket):
    """A role that reads its sibling's prefix too: only a record of the sibling tells where that is."""
    fleet = deploy("one", "two")
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{fleet.records['two'].prefix}*",
    }
    client("iam").put_role_policy(
        RoleName=fleet.records["one"].role_arn.rpartition("/")[2],
        PolicyName="more",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    lambda_(fleet, PROBES="storage")
    found, _ = examine("one", "two")

    assert found["verdict"] == "fail"
    assert f"get s3://{bucket}/{fleet.records['two'].prefix}" in found["detail"]


def test_an_interpreter_without_a_record_fails(deploy, lambda_, examine):
    fleet = deploy("one")
    lambda_(fleet)
    found, line = examine("gone", "one")

    assert found["verdict"] == "fail"
    assert found["detail"] == f"there is no record /interpreter-fleet/{fleet.name}/gone: it is not deployed"
    assert [line[name] for name in COUNTS] == [1, 1, 0, 0]


def test_a_record_that_cannot_be_read_is_no_pass(deploy, lambda_, examine, client):
    fleet = deploy("one")
    name = fleet.records["one"].parameter
    client("ssm").put_parameter(Name=name, Value="not JSON", Type="String", Overwrite=True)
    lambda_(fleet)
    found, line = examine("one")

    assert found["verdict"] == "could-not-tell"
    assert "not JSON" in found["detail"]
    assert [line[name] for name in COUNTS] == [1, 0, 1, 0]


def test_a_record_of_another_that_is_not_there_is_that_ones_matter(deploy, lambda_, examine):
    lambda_(deploy("one"))
    found, _ = examine("one", "gone")

    assert found["verdict"] == "pass"


def test_a_function_whose_time_is_over_has_stopped_its_sessions(deploy, lambda_, examine, open_sessions):
    """Of its time 45 seconds are for that: with less it does not begin."""
    fleet = deploy("one")
    lambda_(fleet)
    found, line = examine("one", seconds=40)

    assert found["verdict"] == "could-not-tell"
    assert found["detail"].startswith("the function's time was over before all was tried")
    assert [line[name] for name in COUNTS] == [1, 0, 1, 0]
    assert open_sessions(fleet) == []


def test_what_still_runs_when_the_time_is_over_is_ended(deploy, lambda_, examine, open_sessions, monkeypatch):
    fleet = deploy("one")
    lambda_(fleet, PROBES="lifecycle")
    monkeypatch.setattr(scheduled, "_RESERVE_SECONDS", 30.0)
    monkeypatch.setitem(PROBES, "lifecycle", sleeps_for_a_minute)
    began = time.monotonic()
    found, _ = examine("one", seconds=32)

    assert time.monotonic() - began < 20
    assert (found["verdict"], found["leaked"]) == ("could-not-tell", [])
    assert open_sessions(fleet) == []


def sleeps_for_a_minute(sessions, record, settings):
    with sessions.open(record.id, record.base) as session:
        execute(sessions, session, "import time; time.sleep(60)")
    raise AssertionError("nobody ended it")


def test_a_session_that_will_not_stop_is_counted_as_leaked(
    deploy, lambda_, examine, open_sessions, role_of, monkeypatch
):
    """Whatever the probes say."""
    fleet = deploy("one")
    lambda_(fleet, PROBES="lifecycle")
    monkeypatch.setattr(session, "_STOP_ATTEMPTS", 1)
    credentials = role_of(
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "bedrock-agentcore:StopCodeInterpreterSession", "Resource": "*"},
    )
    for name, key in KEYS.items():
        monkeypatch.setenv(name, credentials[key])
    found, line = examine("one")

    [left] = open_sessions(fleet)
    assert found["verdict"] == "fail"
    assert found["leaked"][0].startswith(f"{left['sessionId']} of ")
    assert f"sessions that could not be stopped: {left['sessionId']}" in found["detail"]
    assert [line[name] for name in COUNTS] == [1, 1, 0, 1]


def test_who_may_not_ask_cannot_tell(deploy, lambda_, examine, role_of, monkeypatch):
    lambda_(deploy("one"))
    credentials = role_of({"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    for name, key in KEYS.items():
        monkeypatch.setenv(name, credentials[key])
    found, line = examine("one")

    assert found["verdict"] == "could-not-tell"
    assert "not authorized to perform: ssm:GetParameter" in found["detail"]
    assert [line[name] for name in COUNTS] == [1, 0, 1, 0]


def test_a_time_that_was_over_does_not_spoil_the_next(deploy, lambda_, examine):
    lambda_(deploy("one"), PROBES="lifecycle")
    examine("one", seconds=40)

    assert examine("one")[0]["verdict"] == "pass"


def test_it_lasts_as_long_as_its_calls_are_worth(deploy, lambda_, examine):
    """Two invokes, at a part of 4 in 8 calls a second: the next item of this turn waits for it."""
    lambda_(deploy("one"), PROBES="lifecycle", AT_ONCE="4")
    began = time.monotonic()
    examine("one", rates={INVOKE: 8.0})

    assert time.monotonic() - began >= 1.0


@pytest.fixture
def begin(capsys):
    """`begin()` → the rates, and the lines that were printed."""

    def run():
        found = scheduled.begin({}, None)
        return found["PerSecond"], [json.loads(text) for text in capsys.readouterr().out.splitlines()]

    return run


def test_a_round_keeps_to_a_share_of_the_accounts_own_quotas(deploy, lambda_, begin):
    lambda_(deploy("one"), SHARE="0.25")
    rates, [line] = begin()

    assert rates[START] == 7.5
    assert (line["Strangers"], line["Limits"]) == (0, "Service Quotas")


@pytest.fixture
def with_stranger(deploy, client):
    """A fleet, and the id of an interpreter that uses a role of it and has no record."""
    control = client("bedrock-agentcore-control")
    fleet = deploy("one")
    made = control.create_code_interpreter(
        name="one__somebody",
        networkConfiguration={"networkMode": "SANDBOX"},
        executionRoleArn=fleet.records["one"].role_arn,
    )["codeInterpreterId"]
    yield fleet, made
    control.delete_code_interpreter(codeInterpreterId=made)


def test_an_interpreter_with_a_role_of_the_fleet_and_without_a_record_is_a_stranger(
    with_stranger, lambda_, begin
):
    fleet, stranger = with_stranger
    lambda_(fleet)
    _, [line] = begin()

    assert (line["Strangers"], line["Interpreter"], line["Verdict"]) == (1, stranger, "fail")
    assert "is in no record" in line["Detail"]
    assert line["Todo"]


def test_who_does_not_try_declared_looks_for_no_strangers(with_stranger, lambda_, begin):
    fleet, _ = with_stranger
    lambda_(fleet, STRANGERS="0")
    _, [line] = begin()

    assert line["Strangers"] == 0
