"""Is everything there that a deployment needs? One planted fault each, and the row that names it."""

import pytest

from interpreter_validation import preflight, prerequisites, quotas
from interpreter_validation.assembly import INTERPRETER, ROLE, Stack
from interpreter_validation.quotas import Limits, Quota
from interpreter_validation.verdict import Verdict

SOURCE = {
    "Fn::Sub": "arn:${AWS::Partition}:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}"
    ":code-interpreter-custom/one__*"
}


def stack(*, service=prerequisites.SERVICE, account=None, source=SOURCE, bucket=None, vpc=None, extra=0):
    """One interpreter with a role of its own."""
    condition = {
        "StringEquals": {"aws:SourceAccount": account or {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": source},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    network = {"NetworkMode": "VPC", "VpcConfig": vpc} if vpc else {"NetworkMode": "SANDBOX"}
    resources = {
        "R": {"Type": ROLE, "Properties": {"AssumeRolePolicyDocument": {"Statement": [statement]}}},
        "C": {
            "Type": INTERPRETER,
            "Properties": {
                "Name": "one__1a2b3c4d",
                "ExecutionRoleArn": {"Fn::GetAtt": ["R", "Arn"]},
                "NetworkConfiguration": network,
            },
            "Metadata": {
                "InterpreterFleet": {"Base": "one", **({"Storage": {"Bucket": bucket}} if bucket else {})}
            },
        },
        **{f"P{number}": {"Type": "AWS::SSM::Parameter"} for number in range(extra)},
    }
    return Stack("never-deployed", {"Resources": resources}, None, None, None, None)


@pytest.fixture
def rows(clients):
    """`rows(stack)` → what did not pass, by name."""

    def check(*stacks, limits=None):
        result = preflight.check(
            clients,
            limits or quotas.look_up(clients),
            stacks=stacks,
            recorded=[],
            concurrency=2,
            share=0.5,
        )
        return {row.name: row for row in result.rows if row.verdict is not Verdict.PASS}

    return check


def test_a_sound_assembly_passes(rows):
    assert rows(stack()) == {}


@pytest.mark.parametrize(
    ("fault", "name", "said"),
    [
        ({"service": "lambda.amazonaws.com"}, "role trust of one", "expected Service bedrock-agentcore"),
        ({"account": "999999999999"}, "role trust of one", "aws:SourceAccount is ['999999999999']"),
        (
            {"source": "arn:aws:bedrock-agentcore:*:*:code-interpreter/*"},
            "role trust of one",
            "does not cover",
        ),
        ({"bucket": "nobody-has-this-bucket"}, "bucket nobody-has-this-bucket", "not there"),
        (
            {"vpc": {"Subnets": ["subnet-0123456789abcdef0"], "SecurityGroups": []}},
            "subnets",
            "not there: subnet-0123456789abcdef0",
        ),
        (
            {"vpc": {"Subnets": [], "SecurityGroups": ["sg-0123456789abcdef0"]}},
            "security groups",
            "not there: sg-0123456789abcdef0",
        ),
        ({"extra": 499}, "resources of stack never-deployed", "spread the fleet"),
    ],
)
def test_a_planted_fault_is_named(rows, fault, name, said):
    found = rows(stack(**fault))

    assert list(found) == [name]
    assert found[name].verdict is Verdict.FAIL
    assert said in found[name].detail


def test_no_room_asks_for_more_and_says_what_came_of_it(clients):
    told = quotas.look_up(clients)
    full = Limits({**told.told, quotas.INTERPRETERS: Quota(0, told.told[quotas.INTERPRETERS].code, True)})
    result = preflight.check(clients, full, stacks=[stack()], recorded=[], concurrency=2, share=0.5)

    [row] = [
        row for row in preflight.with_increases(clients, full, result).rows if row.verdict is Verdict.FAIL
    ]

    assert row.name == quotas.INTERPRETERS
    assert row.headroom < 0
    # The account itself has room, so the endpoint refuses: the quota is no smaller than what was asked for.
    assert "no increase requested: RequestServiceQuotaIncrease" in row.detail
