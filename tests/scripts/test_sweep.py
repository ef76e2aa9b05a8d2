"""What belongs to a fleet and is not in it: listed, and removed only when it is surely nobody's."""

import json
import uuid
from datetime import timedelta

import pytest

from interpreter_fleet.naming import FLEET_TAG as TAG_OF_CONSTRUCTS
from interpreter_validation import sweep

AT_ONCE = timedelta(0)


@pytest.fixture
def make(client, execution_role):
    """`make(name, tags)` → the id of an interpreter without a record; removed after the test."""
    control, made = client("bedrock-agentcore-control"), []

    def create(name, tags, role=None):
        got = control.create_code_interpreter(
            name=name,
            networkConfiguration={"networkMode": "SANDBOX"},
            executionRoleArn=role
            or execution_role("arn:aws:bedrock-agentcore:*:*:code-interpreter-custom/*"),
            tags=tags,
        )
        made.append(got["codeInterpreterId"])
        return got["codeInterpreterId"]

    yield create
    there = {
        one["codeInterpreterId"]
        for one in control.list_code_interpreters(type="CUSTOM", maxResults=100)["codeInterpreterSummaries"]
    }
    for identifier in there.intersection(made):
        control.delete_code_interpreter(codeInterpreterId=identifier)


def name():
    return f"stray__{uuid.uuid4().hex[:8]}"


def ids(found):
    return [one.id for one in found.left if one.kind == "interpreter"]


def test_the_tag_is_the_one_that_deployments_set():
    assert sweep.FLEET_TAG == TAG_OF_CONSTRUCTS


def test_a_tagged_interpreter_that_nobody_has_goes_with_its_sessions(clients, deploy, make, sessions):
    fleet = deploy("one")
    stray = make(name(), {sweep.FLEET_TAG: fleet.name})
    clients.data.start_code_interpreter_session(codeInterpreterIdentifier=stray, name="an agent's")

    found = sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)
    assert [one.kind for one in found.left] == ["session", "interpreter"]
    assert (ids(found), found.problems) == ([stray], [])
    gone, kept = sweep.remove(clients, sessions, found)

    assert (len(gone), kept, sessions.leaked) == (2, [], [])
    assert ids(sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)) == []


@pytest.mark.parametrize("tags", [{}, {sweep.FLEET_TAG: "another"}, {"team": "x"}])
def test_what_does_not_belong_to_the_fleet_is_not_listed(clients, deploy, make, tags):
    fleet = deploy("one")
    make(name(), tags)

    assert ids(sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)) == []


def test_an_untagged_one_belongs_by_a_recorded_name_and_role(clients, deploy, make):
    fleet = deploy("one")
    record = fleet.records["one"]
    twin = make(f"one__{uuid.uuid4().hex[:8]}", {}, record.role_arn)
    make(f"one__{uuid.uuid4().hex[:8]}", {})

    assert ids(sweep.find(clients, [record], fleet.name, AT_ONCE)) == [twin]


def test_a_young_one_is_left_alone(clients, deploy, make):
    fleet = deploy("one")
    make(name(), {sweep.FLEET_TAG: fleet.name})

    assert ids(sweep.find(clients, list(fleet.records.values()), fleet.name, timedelta(hours=1))) == []


def test_one_that_a_stack_has_is_in_the_fleet(clients, client, deploy):
    fleet = deploy("one")
    cloudformation, stack = client("cloudformation"), f"s{uuid.uuid4().hex[:8]}"
    resource = {
        "Type": "AWS::BedrockAgentCore::CodeInterpreterCustom",
        "Properties": {
            "Name": name(),
            "NetworkConfiguration": {"NetworkMode": "SANDBOX"},
            "Tags": {sweep.FLEET_TAG: fleet.name},
        },
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": {"C": resource}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    found = sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)

    cloudformation.delete_stack(StackName=stack)
    assert (ids(found), found.problems) == ([], [])
