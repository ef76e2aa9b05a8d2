"""Given a scheduled canary: what may do what, how it is paced, and what sounds when."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from interpreter_fleet import CanarySchedule, CodeInterpreter

ALARM = "AWS::CloudWatch::Alarm"


@pytest.fixture
def schedule(app):
    """`schedule("a", "b", …)`: interpreters in one stack, their canary in another."""
    here, there = cdk.Stack(app, "interpreters"), cdk.Stack(app, "watch")

    def make(*bases, **given):
        interpreters = [CodeInterpreter(here, base, base=base, fleet="demo") for base in bases]
        return CanarySchedule(there, "Canary", interpreters=interpreters, **given)

    return make


def test_a_round_is_every_interpreter_at_so_many_at_once(schedule, only):
    schedule("a", "b", at_once=3, per_second=6)

    joined = only("AWS::StepFunctions::StateMachine")["DefinitionString"]["Fn::Join"][1]
    states = json.loads("".join(part if isinstance(part, str) else "arn" for part in joined))["States"]
    assert states["Interpreters"]["Result"] == [
        {"Fleet": "demo", "Base": base, "AtOnce": "3", "PerSecond": "6"} for base in ("a", "b")
    ]
    every = states["EveryInterpreter"]
    assert every["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert (every["MaxConcurrency"], every["ToleratedFailurePercentage"]) == (3, 100)


def test_the_stacks_share_nothing_but_names(schedule, app):
    """An interpreter that is replaced is found by its record at the next round."""
    schedule("a")

    here, there = app.synth().stacks
    assert "Outputs" not in here.template
    assert "Fn::ImportValue" not in json.dumps(there.template)


def test_nothing_in_it_may_read_a_bucket_or_more_than_the_fleets_records(schedule, resources):
    schedule("a")

    policies = [
        *resources("AWS::IAM::Policy", stack="watch").values(),
        *resources("AWS::IAM::ManagedPolicy", stack="watch").values(),
    ]
    granted = {
        action: statement["Resource"]
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert {action.partition(":")[0] for action in granted} == {
        "bedrock-agentcore",
        "lambda",
        "logs",
        "ssm",
        "states",
    }
    assert granted["ssm:GetParameter"]["Fn::Join"][1][-1] == ":parameter/interpreter-fleet/demo/*"
    sessions = granted["bedrock-agentcore:StartCodeInterpreterSession"]
    assert sessions["Fn::Join"][1][-1] == ":code-interpreter-custom/a__*"
    assert "*" not in granted.values()


def test_a_round_that_could_not_begin_is_not_made_up_for_after_the_next(schedule, only):
    schedule("a", every=cdk.Duration.minutes(30))

    found = only("AWS::Scheduler::Schedule")
    assert found["ScheduleExpression"] == "rate(30 minutes)"
    assert found["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 1800, "MaximumRetryAttempts": 2}


def test_alarms_sound_for_failures_doubts_leaks_slowness_and_silence(schedule, resources):
    schedule("a", slow_start=cdk.Duration.seconds(5))

    found = {
        alarm["Properties"]["MetricName"]: alarm["Properties"]
        for alarm in resources(ALARM).values()
        if alarm["Properties"].get("Namespace") == "InterpreterFleet"
    }
    thresholds = {name: (a["Threshold"], a["TreatMissingData"]) for name, a in found.items()}
    assert thresholds == {
        "Failed": (0, "notBreaching"),
        "CouldNotTell": (0, "notBreaching"),
        "Leaked": (0, "notBreaching"),
        "StartLatency": (5000, "notBreaching"),
        "Checked": (1, "breaching"),
    }
    assert {a["Dimensions"][0]["Value"] for a in found.values()} == {"demo"}


def test_without_a_limit_latency_is_held_against_the_fleets_own_past(schedule, resources):
    schedule("a")

    [band] = [
        metric["Expression"]
        for alarm in resources(ALARM).values()
        for metric in alarm["Properties"].get("Metrics", [])
        if "Expression" in metric
    ]
    assert band.startswith("ANOMALY_DETECTION_BAND(")


def test_an_alarm_action_hears_of_every_alarm(schedule, app, resources):
    canary = schedule("a")
    canary.add_alarm_action(actions.SnsAction(sns.Topic(cdk.Stack.of(canary), "Topic")))

    found = resources(ALARM).values()
    assert len(found) == 7
    assert all(alarm["Properties"]["AlarmActions"] for alarm in found)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"per_second": 0}, "per_second: found 0; allowed: more than 0"),
        ({"at_once": 0}, "at_once: found 0; allowed: 1 to 1000"),
        ({"every": cdk.Duration.days(2)}, "every: found 2 days; allowed: 1 minute to 1 day"),
    ],
)
def test_a_wrong_value_is_an_error_at_once(schedule, given, message):
    with pytest.raises(ValueError, match="allowed:") as raised:
        schedule("a", **given)

    assert str(raised.value) == message


def test_a_schedule_is_for_interpreters_of_one_fleet(schedule, stack):
    with pytest.raises(ValueError, match="found interpreters of 0 fleets; allowed: of one fleet"):
        schedule()
