"""The canary gate in a real deployment: what passes stays, what fails is rolled back and named."""

import pytest

pytestmark = pytest.mark.slow

APP = """
import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from interpreter_fleet import CanaryGate, CodeInterpreter

app = cdk.App()
stack = cdk.Stack(app, "gated")
good = CodeInterpreter(stack, "Good", base="good", fleet="gated")
bad = CodeInterpreter(stack, "Bad", base="bad", fleet="gated")
gate = CanaryGate(stack, "Gate", interpreters=[good, bad], settle=cdk.Duration.seconds(1))
{change}
app.synth()
"""
# The role is updated in place, so the interpreter is not replaced: it stays and no longer starts a session.
TRUSTS_NOBODY = """
bad.role.assume_role_policy_document = {
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}},
    }],
}
"""
MAY_NOT_INVOKE_BAD = """
gate.function.add_to_role_policy(iam.PolicyStatement(
    effect=iam.Effect.DENY, actions=["bedrock-agentcore:InvokeCodeInterpreter"], resources=[bad.arn_pattern]
))
"""
NOTHING = ""


@pytest.fixture
def stack(client):
    """`stack()` → the stack's status, and the reasons of its events that failed, oldest first."""
    cloudformation = client("cloudformation")

    def look():
        [one] = cloudformation.describe_stacks(StackName="gated")["Stacks"]
        events = cloudformation.describe_stack_events(StackName=one["StackId"])["StackEvents"]
        failed = [
            e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"].endswith("_FAILED")
        ]
        return one["StackStatus"], failed[::-1]

    return look


@pytest.fixture
def open_sessions(client):
    """All READY sessions of the custom interpreters in the account."""
    control, data = client("bedrock-agentcore-control"), client("bedrock-agentcore")

    def look():
        return [
            session
            for one in control.list_code_interpreters(type="CUSTOM")["codeInterpreterSummaries"]
            for session in data.list_code_interpreter_sessions(
                codeInterpreterIdentifier=one["codeInterpreterId"], status="READY"
            )["items"]
        ]

    return look


def test_a_fleet_that_works_is_deployed(deploy, stack, open_sessions):
    status, output = deploy(APP.format(change=NOTHING))

    assert status == 0, output
    assert stack() == ("CREATE_COMPLETE", [])
    assert open_sessions() == []


def test_a_session_that_does_not_work_rolls_a_new_stack_back(deploy, stack, open_sessions):
    """It was started: so it is stopped before the stack goes."""
    status, output = deploy(APP.format(change=MAY_NOT_INVOKE_BAD))

    assert status == 1, output
    found, reasons = stack()
    assert found == "ROLLBACK_COMPLETE"
    [reason] = [one for one in reasons if "canary gate" in one]
    assert (
        "canary gate: 1 of 2 interpreters did not pass: bad: could-not-tell: InvokeCodeInterpreter" in reason
    )
    assert "AccessDeniedException" in reason
    assert reason.partition("canary gate: ")[2].partition("\n")[0] in output.replace("\n", " ")
    assert open_sessions() == []


def test_an_interpreter_that_breaks_without_being_replaced_rolls_the_update_back(
    deploy, stack, open_sessions
):
    """And the way back goes through the gate: what had passed is not tried again, so nothing holds it up."""
    assert deploy(APP.format(change=NOTHING))[0] == 0
    status, output = deploy(APP.format(change=TRUSTS_NOBODY))

    assert status == 1, output
    found, reasons = stack()
    assert found == "UPDATE_ROLLBACK_COMPLETE"
    [reason] = [one for one in reasons if "canary gate" in one]
    assert "1 of 2 interpreters did not pass: bad: " in reason
    assert "StartCodeInterpreterSession" in reason
    assert open_sessions() == []
    # What is there again works.
    assert deploy(APP.format(change=NOTHING))[0] == 0
