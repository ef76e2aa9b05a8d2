"""The probe `declared`: what the APIs say is compared with the record, and each difference is named."""

import json
import uuid
from dataclasses import replace

import pytest

from interpreter_validation.runner import examine
from interpreter_validation.settings import Settings
from interpreter_validation.strangers import strangers
from interpreter_validation.verdict import Verdict


def role_name(record):
    return record.role_arn.rpartition("/")[2]


def test_what_is_as_declared_passes(deploy, probe):
    fleet = deploy("one")

    assert probe("declared", fleet, "one").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network_mode": "PUBLIC"}, "network mode is SANDBOX, declared is PUBLIC"),
        ({"name": "one__00000000"}, "declared is one__00000000"),
        (
            {"arn": "arn:aws:bedrock-agentcore:us-east-1:123456789012:code-interpreter-custom/other"},
            "code-interpreter-custom/other",
        ),
        ({"tags": {"team": "ours"}}, "tag team is missing, declared is 'ours'"),
        ({"permissions_boundary": "arn:aws:iam::1:policy/b"}, "permissions boundary is none"),
        ({"trust": "account"}, "trust policy lacks a declared statement: allows sts:AssumeRole"),
        ({"access": "read-write"}, "inline policy storage lacks a declared statement: allows s3:"),
    ],
)
def test_what_differs_from_the_record_is_named(deploy, probe, change, said):
    fleet = deploy("one", **change)

    result = probe("declared", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert said in result.detail
    assert result.todo


def test_a_statement_too_many_is_shown(deploy, probe, client):
    fleet = deploy("one")
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    client("iam").put_role_policy(
        RoleName=role_name(fleet.records["one"]),
        PolicyName="more",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )

    result = probe("declared", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert "inline policy more has a statement that is not declared: allows dynamodb:* on *" in result.detail
    assert '"Action": "dynamodb:*"' in result.seen


def test_an_attached_policy_is_named(deploy, probe, client):
    fleet = deploy("one")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    arn = client("iam").create_policy(
        PolicyName=f"p{uuid.uuid4().hex[:8]}", PolicyDocument=json.dumps(document)
    )["Policy"]["Arn"]
    client("iam").attach_role_policy(RoleName=role_name(fleet.records["one"]), PolicyArn=arn)

    result = probe("declared", fleet, "one")

    assert f"attached policies is {arn}, declared is none" in result.detail


def test_a_trust_that_was_widened_is_shown(deploy, probe, client):
    fleet = deploy("one")
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    }
    client("iam").update_assume_role_policy(
        RoleName=role_name(fleet.records["one"]), PolicyDocument=json.dumps(trust)
    )

    result = probe("declared", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert "trust policy" in result.detail
    assert '"Principal": {"AWS": "*"}' in result.seen


def test_the_same_policy_in_another_order_is_no_drift(deploy, probe, client):
    """IAM may give a list of one as text, and keys in any order."""
    fleet = deploy("one")
    iam, name = client("iam"), role_name(fleet.records["one"])
    document = iam.get_role_policy(RoleName=name, PolicyName="storage")["PolicyDocument"]
    for statement in document["Statement"]:
        statement["Sid"] = "Other"
        if isinstance(statement["Action"], list) and len(statement["Action"]) == 1:
            [statement["Action"]] = statement["Action"]
    document["Statement"].reverse()
    iam.put_role_policy(RoleName=name, PolicyName="storage", PolicyDocument=json.dumps(document))

    assert probe("declared", fleet, "one").verdict is Verdict.PASS


def test_an_interpreter_that_was_deleted_is_named_and_nothing_else_is_tried(deploy, sessions, client):
    """Behind CloudFormation's back: the record still says that it is there."""
    fleet = deploy("one")
    record = fleet.records["one"]
    client("bedrock-agentcore-control").delete_code_interpreter(codeInterpreterId=record.id)

    canary = examine(sessions, record, ["declared", "lifecycle"], Settings(()))

    declared, lifecycle = canary.results
    assert canary.verdict is declared.verdict is Verdict.FAIL
    assert f"{record.id} is not there" in declared.detail
    assert "change the description" in declared.todo
    assert (lifecycle.verdict, lifecycle.detail) == (
        Verdict.COULD_NOT_TELL,
        "not tried: declared did not pass",
    )


def test_a_role_that_was_deleted_is_named(deploy, probe, client):
    fleet = deploy("one")
    iam, name = client("iam"), role_name(fleet.records["one"])
    iam.delete_role_policy(RoleName=name, PolicyName="storage")
    iam.delete_role(RoleName=name)

    result = probe("declared", fleet, "one")

    assert "execution role is not there" in result.detail


def test_an_old_record_says_too_little_for_a_pass(deploy, probe):
    fleet = deploy("one", trust=None, tags={})

    result = probe("declared", fleet, "one")

    assert result.verdict is Verdict.COULD_NOT_TELL
    assert "deploy the fleet again" in result.todo


def test_who_may_not_look_is_told_so_and_it_is_no_pass(deploy, probe, sessions, clients, role_of, client):
    fleet = deploy("one")
    blind = client("iam", credentials=role_of({"Effect": "Deny", "Action": "iam:*", "Resource": "*"}))
    sessions.clients = replace(clients, iam=blind)

    result = probe("declared", fleet, "one")

    assert result.verdict is Verdict.COULD_NOT_TELL
    assert "GetRole: AccessDenied" in result.detail


class TestStrangers:
    """Interpreters in no record, by what they use of the fleet."""

    @pytest.fixture
    def create(self, client):
        control, made = client("bedrock-agentcore-control"), []

        def interpreter(name, role):
            got = control.create_code_interpreter(
                name=name, networkConfiguration={"networkMode": "PUBLIC"}, executionRoleArn=role
            )
            made.append(got["codeInterpreterId"])
            return made[-1]

        yield interpreter
        for identifier in made:
            control.delete_code_interpreter(codeInterpreterId=identifier)

    def test_one_that_uses_a_role_of_the_fleet_is_found(self, deploy, create, clients, sessions):
        record = deploy("mine").records["mine"]
        identifier = create(f"mine__{uuid.uuid4().hex[:8]}", record.role_arn)

        [found] = strangers(clients, sessions.pace, [record], [record])

        assert (found.kind, found.id) == ("interpreter", identifier)
        assert "uses the execution role of mine" in found.detail

    def test_one_with_a_name_of_the_fleet_is_found(self, deploy, create, clients, sessions, execution_role):
        record = deploy("mine").records["mine"]
        role = execution_role("arn:aws:bedrock-agentcore:*:*:code-interpreter-custom/*")
        identifier = create(f"mine__{uuid.uuid4().hex[:8]}", role)

        [found] = strangers(clients, sessions.pace, [record], [record])

        assert found.id == identifier
        assert "has the name of mine" in found.detail

    def test_others_are_none_of_ours(self, deploy, create, clients, sessions, execution_role):
        record = deploy("mine").records["mine"]
        role = execution_role("arn:aws:bedrock-agentcore:*:*:code-interpreter-custom/*")
        create(f"mine2__{uuid.uuid4().hex[:8]}", role)

        assert strangers(clients, sessions.pace, [record], [record]) == []
