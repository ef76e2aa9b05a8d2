"""A scheduled canary in a real deployment: a round of it, what it writes, and who hears of it."""

import json
import time

import pytest

pytestmark = pytest.mark.slow

APP = """
import aws_cdk as cdk
from interpreter_fleet import CanarySchedule, CodeInterpreter

app = cdk.App()
stack = cdk.Stack(app, "interpreters")
both = [CodeInterpreter(stack, base, base=base, fleet="watched") for base in ("good", "bad")]
watch = cdk.Stack(app, "watch")
watch.add_stack_dependency(stack)
schedule = CanarySchedule(
    watch, "Canary", interpreters=both, every=cdk.Duration.minutes(1), at_once=2,
    slow_start=cdk.Duration.seconds(30),
)
cdk.CfnOutput(watch, "Rounds", value=schedule.state_machine.state_machine_arn)
cdk.CfnOutput(watch, "Log", value=schedule.function.log_group.log_group_name)
app.synth()
"""


@pytest.fixture
def watched(deploy, client):
    """The outputs of the deployed schedule."""
    status, output = deploy(APP)
    assert status == 0, output
    [stack] = client("cloudformation").describe_stacks(StackName="watch")["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


@pytest.fixture
def lines(client, watched):
    """`lines()` → what the functions wrote in the embedded metric format, oldest first."""
    logs = client("logs")

    def read():
        events = logs.filter_log_events(logGroupName=watched["Log"])["events"]
        texts = [e["message"].strip() for e in sorted(events, key=lambda e: e["timestamp"])]
        return [json.loads(text) for text in texts if text.startswith('{"_aws"')]

    return read


def wait_for(ready, seconds):
    """What `ready` gives once it is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.5)
    raise AssertionError(f"nothing after {seconds} s")


def test_rounds_come_by_themselves_and_tell_what_passes_and_what_fails(client, watched, lines):
    """The first is the schedule's own; before the second, a role is broken behind CloudFormation's back."""
    rounds = client("stepfunctions")

    def ended():
        found = rounds.list_executions(stateMachineArn=watched["Rounds"])["executions"]
        return [one for one in found if one["status"] != "RUNNING"]

    [first, *_] = wait_for(ended, 90)
    assert first["status"] == "SUCCEEDED"
    passed = {one["Interpreter"]: one for one in lines()}
    assert {name: one["Verdict"] for name, one in passed.items()} == {"good": "pass", "bad": "pass"}
    for one in passed.values():
        assert (one["Checked"], one["Failed"], one["CouldNotTell"], one["Leaked"]) == (1, 0, 0, 0)
        assert min(one["StartLatency"], one["InvokeLatency"], one["StopLatency"]) > 0

    break_the_role_of_bad(client)
    execution = rounds.start_execution(stateMachineArn=watched["Rounds"])["executionArn"]
    wait_for(lambda: rounds.describe_execution(executionArn=execution)["status"] != "RUNNING", 60)

    assert rounds.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    later = {one["Interpreter"]: one for one in lines()}
    assert later["good"]["Verdict"] == "pass"
    assert later["bad"]["Verdict"] != "pass"
    assert later["bad"]["Failed"] + later["bad"]["CouldNotTell"] == 1
    assert "StartCodeInterpreterSession" in later["bad"]["Detail"]


def break_the_role_of_bad(client):
    parameter = client("ssm").get_parameter(Name="/interpreter-fleet/watched/bad")["Parameter"]["Value"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    client("iam").update_assume_role_policy(
        RoleName=json.loads(parameter)["role_arn"].rpartition("/")[2], PolicyDocument=json.dumps(trust)
    )
