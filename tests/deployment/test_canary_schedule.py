"""A scheduled canary in a real deployment: a round of it, what it writes, and who hears of it."""

import json
import time

import pytest

pytestmark = pytest.mark.slow

APP = """
import aws_cdk as cdk
from interpreter_fleet import CanarySchedule, CodeInterpreter, PrefixStorage, fleet_bucket

app = cdk.App()
stack = cdk.Stack(app, "interpreters")
name = "watched-files"
bucket = fleet_bucket(stack, "Files", bucket_name=name, retain=False)
made = [
    CodeInterpreter(stack, base, base=base, fleet="watched", storage=PrefixStorage(name, base + "/"))
    for base in ("good", "bad", "other")
]
made.append(CodeInterpreter(stack, "quick", base="quick", fleet="watched", probes=["lifecycle"]))
watch = cdk.Stack(app, "watch")
watch.add_stack_dependency(stack)
schedule = CanarySchedule(
    watch, "Canary", interpreters=made, every=cdk.Duration.minutes(2), at_once=2, per_function=2,
    slow_start=cdk.Duration.seconds(30),
)
cdk.CfnOutput(watch, "Rounds", value=schedule.state_machine.state_machine_arn)
cdk.CfnOutput(watch, "Log", value=schedule.log_group.log_group_name)
app.synth()
"""
DEFAULT = ["lifecycle", "declared", "network", "storage", "identity"]


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
    """Four interpreters in three parts, each under a role that may do what its probes need and no more.

    The first round is the schedule's own; before the second, a role is broken behind CloudFormation's back.
    """
    rounds = client("stepfunctions")

    def ended():
        found = rounds.list_executions(stateMachineArn=watched["Rounds"])["executions"]
        return [one for one in found if one["status"] != "RUNNING"]

    [first, *_] = wait_for(ended, 240)
    assert first["status"] == "SUCCEEDED"
    told = lines()
    passed = {one["Interpreter"]: one for one in told if "Interpreter" in one}
    assert {name: one["Detail"] for name, one in passed.items()} == dict.fromkeys(
        ["good", "bad", "other", "quick"], ""
    )
    for name, one in passed.items():
        assert one["Probes"] == dict.fromkeys(["lifecycle"] if name == "quick" else DEFAULT, "pass")
        assert (one["Checked"], one["Failed"], one["CouldNotTell"], one["Leaked"]) == (1, 0, 0, 0)
        assert min(one["StartLatency"], one["InvokeLatency"], one["StopLatency"]) > 0
    assert [(one["Strangers"], one["Limits"]) for one in told if "Limits" in one] == [(0, "Service Quotas")]

    break_the_role_of_bad(client)
    execution = rounds.start_execution(stateMachineArn=watched["Rounds"])["executionArn"]
    wait_for(lambda: rounds.describe_execution(executionArn=execution)["status"] != "RUNNING", 240)

    assert rounds.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    later = {one["Interpreter"]: one for one in lines() if "Interpreter" in one}
    assert {name for name, one in later.items() if one["Verdict"] == "pass"} == {"good", "other", "quick"}
    assert later["bad"]["Failed"] == 1
    assert "StartCodeInterpreterSession" in later["bad"]["Detail"]
    assert later["bad"]["Todo"]


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
