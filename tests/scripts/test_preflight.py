"""Is everything there that a deployment needs? One planted fault each, and the row that names it."""

import json
import uuid
from dataclasses import replace

import pytest
from botocore.exceptions import WaiterError

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

    def check(*stacks, limits=None, cloudformation=None):
        result = preflight.check(
            replace(clients, cloudformation=cloudformation or clients.cloudformation),
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


def test_subnets_and_security_groups_of_different_networks_are_named(rows, client):
    """Each is there; together CloudFormation refuses them."""
    ec2 = client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in (40, 41)]
    subnet = ec2.create_subnet(VpcId=vpcs[0], CidrBlock="10.40.1.0/24")["Subnet"]["SubnetId"]
    groups = [
        ec2.create_security_group(GroupName=uuid.uuid4().hex, Description="x", VpcId=vpc)["GroupId"]
        for vpc in vpcs
    ]

    assert rows(stack(vpc={"Subnets": [subnet], "SecurityGroups": groups[:1]})) == {}
    found = rows(stack(vpc={"Subnets": [subnet], "SecurityGroups": groups}))

    assert list(found) == ["network of one"]
    assert found["network of one"].detail.endswith(", ".join(sorted(vpcs)))


@pytest.fixture
def left(client):
    """`left(template)` → the name of a stack that was to be made of it; deleted after the test."""
    cloudformation, names = client("cloudformation"), []

    def create(template):
        names.append(f"s{uuid.uuid4().hex[:8]}")
        cloudformation.create_stack(
            StackName=names[-1], TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )
        try:
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName=names[-1], WaiterConfig={"Delay": 1}
            )
        except WaiterError:
            assert template["Resources"].get("Fails")
        return names[-1]

    yield create
    for name in names:
        cloudformation.delete_stack(StackName=name)


FAILS = {
    "Type": INTERPRETER,
    "Properties": {"Name": "not-a-name", "NetworkConfiguration": {"NetworkMode": "X"}},
}


@pytest.mark.parametrize(("more", "creates", "names"), [({}, 0, None), ({"Fails": FAILS}, 1, "one")])
def test_what_was_rolled_back_is_created_again(clients, client, left, more, creates, names):
    """CloudFormation still has the template of a stack whose first deployment failed, and nothing of it."""
    template = dict(stack().template)
    name = left({"Resources": {**template["Resources"], **more}})
    there = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    assert there == ("ROLLBACK_COMPLETE" if more else "CREATE_COMPLETE")

    result = preflight.check(
        clients,
        quotas.look_up(clients),
        stacks=[Stack(name, template, None, None, None, None)],
        recorded=[],
        concurrency=2,
        share=0.5,
    )

    assert (result.forecast["create"], result.forecast.get("creates")) == (creates, names)


class Told:
    """A CloudFormation that has every stack, in one status."""

    def __init__(self, status, template=None):
        self.status, self.template = status, template or {}

    def describe_stacks(self, **_):
        return {"Stacks": [{"StackStatus": self.status}]}

    def get_template(self, **_):
        return {"TemplateBody": self.template}


@pytest.mark.parametrize(
    ("status", "verdict", "said"),
    [
        ("UPDATE_ROLLBACK_FAILED", Verdict.FAIL, "does not update it; run cdk rollback"),
        ("DELETE_FAILED", Verdict.FAIL, "delete it again"),
        ("UPDATE_IN_PROGRESS", Verdict.COULD_NOT_TELL, "another deployment runs"),
        ("UPDATE_ROLLBACK_COMPLETE", None, ""),
        ("REVIEW_IN_PROGRESS", None, ""),
    ],
)
def test_a_stack_that_cannot_be_deployed_now_is_named(rows, status, verdict, said):
    found = rows(stack(), cloudformation=Told(status))

    assert [one.verdict for one in found.values()] == ([verdict] if verdict else [])
    assert all(said in one.detail for one in found.values())


def test_a_nested_stack_is_not_counted_and_that_is_said(rows):
    template = {"Resources": {**stack().template["Resources"], "N": {"Type": "AWS::CloudFormation::Stack"}}}

    found = rows(Stack("outer", template, None, None, None, None))

    assert {name: one.verdict for name, one in found.items()} == {
        "nested stacks of outer": Verdict.COULD_NOT_TELL
    }


def test_an_account_that_may_make_no_calls_has_no_room(clients):
    told = quotas.look_up(clients)
    none = {quotas.rate_name(name): Quota(0, "", True) for name in (quotas.CREATE, "InvokeCodeInterpreter")}

    result = preflight.check(
        clients, Limits({**told.told, **none}), stacks=[stack()], recorded=[], concurrency=2, share=0.5
    )

    assert {row.name for row in result.rows if row.verdict is Verdict.FAIL} == set(none)
    assert "create_seconds" not in result.forecast


def test_a_bucket_that_gets_another_name_is_created(rows):
    """It keeps its logical id, so that CloudFormation makes the new one and removes the old one."""
    template = {
        "Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "new-name-of-it"}}}
    }
    deployed = {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "old"}}}}
    there = Told("UPDATE_COMPLETE", deployed)

    assert rows(Stack("storage", template, None, None, None, None), cloudformation=there) == {}
