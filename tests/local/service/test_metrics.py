"""What CloudWatch shows of the service: names and dimensions as the constructs ask for them."""

import datetime
import time

import aws_cdk as cdk
import pytest
from botocore.exceptions import ClientError

from interpreter_fleet.metrics import SESSION, interpreter_metric
from interpreter_local.metrics import Metrics
from interpreter_local.state import Scope

MANAGED = "aws.codeinterpreter.v1"
HERE = Scope("123456789012", "us-east-1")
INVOKE = "InvokeCodeInterpreter"
START = "StartCodeInterpreterSession"
ELSEWHERE = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


@pytest.fixture
def cloudwatch(client):
    return client("cloudwatch")


@pytest.fixture
def arn(control, interpreter):
    return control.get_code_interpreter(codeInterpreterId=interpreter)["codeInterpreterArn"]


@pytest.fixture
def value(cloudwatch, arn):
    """`value("Invocations", operation=…, statistic=…)` for the metric that a construct makes."""

    def look_up(name, operation=INVOKE, statistic="Sum"):
        metric = interpreter_metric(arn, name, operation=operation, statistic=statistic)
        asked = metric.to_metric_config().metric_stat
        now = datetime.datetime.now(datetime.UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace=asked.namespace,
            MetricName=asked.metric_name,
            Dimensions=[{"Name": one.name, "Value": one.value} for one in asked.dimensions],
            Statistics=[asked.statistic],
            Period=3600,
            StartTime=now - datetime.timedelta(hours=2),
            EndTime=now + datetime.timedelta(seconds=1),
        )["Datapoints"]
        return sum(point[statistic] for point in points) if points else None

    return look_up


@pytest.mark.parity(
    "Invocations and Latency in AWS/Bedrock-AgentCore, by Resource and Operation",
    seen="docs",
    by="observability, tool metrics",
)
def test_requests_and_their_time_are_there_as_soon_as_somebody_asks(interpreter, session, run, value):
    one = session(interpreter)
    for _ in range(3):
        run(one, "1")

    assert value("Invocations") == 3
    assert value("Invocations", operation=START) == 1
    assert 0 < value("Latency", statistic="Average") < 60_000
    assert [value(name) for name in ("Throttles", "UserErrors", "SystemErrors")] == [None, None, None]


def test_a_failing_request_is_a_user_error_and_failing_code_is_not(interpreter, data, session, run, value):
    one = session(interpreter)
    run(one, "1 / 0")
    assert value("UserErrors") is None

    with pytest.raises(ClientError):
        data.invoke_code_interpreter(**{**one, "sessionId": "0" * 26}, name="executeCode", arguments={})

    assert (value("Invocations"), value("UserErrors")) == (2, 1)


def test_a_denied_request_is_a_user_error(interpreter, client, role_of, value):
    """Unrecorded."""
    nobody = client("bedrock-agentcore", credentials=role_of(ELSEWHERE))

    with pytest.raises(ClientError, match="AccessDenied"):
        nobody.start_code_interpreter_session(codeInterpreterIdentifier=interpreter)

    assert (value("Invocations", operation=START), value("UserErrors", operation=START)) == (1, 1)


@pytest.mark.parity(
    "Duration of a session, under the operation CodeInterpreterSession",
    seen="docs",
    by="observability, tool metrics",
)
def test_a_session_that_is_over_has_a_duration(interpreter, session, data, value):
    one = session(interpreter)
    assert value("Duration", operation=SESSION, statistic="Average") is None
    time.sleep(0.3)
    data.stop_code_interpreter_session(**one)

    assert 300 <= value("Duration", operation=SESSION, statistic="Average") < 60_000
    assert value("Duration", operation=SESSION, statistic="SampleCount") == 1


def test_only_the_data_plane_is_counted(interpreter, control, arn, value, cloudwatch):
    """AWS docs: "requests made to the Data Plane API"."""
    control.get_code_interpreter(codeInterpreterId=interpreter)

    assert value("Invocations", operation="GetCodeInterpreter") is None
    assert value("Invocations", operation="CreateCodeInterpreter") is None


def test_percentiles_are_there(cloudwatch, interpreter, arn, session, run):
    one = session(interpreter)
    run(one, "1")
    now = datetime.datetime.now(datetime.UTC)

    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/Bedrock-AgentCore",
        MetricName="Latency",
        Dimensions=[{"Name": "Resource", "Value": arn}, {"Name": "Operation", "Value": INVOKE}],
        ExtendedStatistics=["p99"],
        Period=60,
        StartTime=now - datetime.timedelta(hours=1),
        EndTime=now + datetime.timedelta(minutes=1),
    )["Datapoints"]

    assert all(point["ExtendedStatistics"]["p99"] > 0 for point in points)
    assert points


def test_each_status_counts_where_it_belongs():
    """Unrecorded: that a throttled request is not a user error, and that 402 is."""
    metrics = Metrics(now=lambda: 120.0)
    for status in (200, 400, 402, 403, 404, 409, 429, 500):
        metrics.call(HERE, "arn", INVOKE, status, 0.0123 if status == 200 else None)

    found = {
        datum["MetricName"]: dict(zip(datum["Values"], datum["Counts"], strict=True))
        for datum in metrics.take()[HERE]
    }

    assert found == {
        "Invocations": {1: 8},
        "Latency": {12.0: 1},
        "UserErrors": {1: 5},
        "Throttles": {1: 1},
        "SystemErrors": {1: 1},
    }
    assert metrics.take() == {}


def test_a_minute_of_requests_stays_small():
    """Ten thousand requests are a few hundred values, each within half a millisecond of the true one."""
    now = [0.0]
    metrics = Metrics(now=lambda: now[0])
    for number in range(10_000):
        now[0] = number * 60 / 10_000
        metrics.call(HERE, "arn", INVOKE, 200, number / 100_000)

    data = {datum["MetricName"]: datum for datum in metrics.take()[HERE]}

    assert data["Invocations"]["Counts"] == [10_000]
    assert sum(data["Latency"]["Counts"]) == 10_000
    assert len(data["Latency"]["Values"]) < 200
    mean = sum(v * c for v, c in zip(data["Latency"]["Values"], data["Latency"]["Counts"], strict=True)) / 1e4
    assert mean == pytest.approx(49.995, abs=0.5)


def test_an_alarm_of_the_constructs_can_be_put_and_sees_it(cloudwatch, interpreter, data, session, arn):
    """Alarms are judged when metrics are written: once a minute, or when somebody asks CloudWatch."""
    metric = interpreter_metric(arn, "UserErrors", operation=INVOKE, statistic="Sum")
    asked = metric.with_(period=cdk.Duration.minutes(1)).to_metric_config().metric_stat
    name = f"alarm-{interpreter}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=asked.namespace,
        MetricName=asked.metric_name,
        Dimensions=[{"Name": one.name, "Value": one.value} for one in asked.dimensions],
        Statistic=asked.statistic,
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    one = session(interpreter)
    with pytest.raises(ClientError):
        data.invoke_code_interpreter(**{**one, "sessionId": "0" * 26}, name="executeCode", arguments={})

    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]

    assert alarm["StateValue"] == "ALARM"
    cloudwatch.delete_alarms(AlarmNames=[name])
