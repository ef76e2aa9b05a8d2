"""Records held against the stacks that made them: rewritten, deleted, or what they were."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from interpreter_fleet.manifest import Record
from interpreter_validation.stacks import Held, hold

ACCOUNT = "123456789012"
GONE = {"Code": "ValidationError", "Message": "Stack [s] does not exist"}
RECORD = Record(
    fleet="f",
    base="one",
    name="one__00000000",
    id="one__00000000-aaaaaaaaaa",
    arn=f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter-custom/one__00000000-aaaaaaaaaa",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/BedrockAgentCore/one",
    network_mode="SANDBOX",
    stack="s",
    trust="exact",
    tags={"team": "ours"},
)


def template():
    """As the CDK writes it: literal pieces, and references for what the deployment makes."""
    text = RECORD.to_json()
    for value, reference in ((RECORD.id, "CodeInterpreterId"), (RECORD.role_arn, "Arn")):
        text = text.replace(value, f"<{reference}>", 1)
    text = text.replace(RECORD.arn, "<CodeInterpreterArn>")
    parts = []
    for piece in text.replace(">", "<").split("<"):
        known = piece in ("CodeInterpreterId", "Arn", "CodeInterpreterArn")
        parts.append({"Fn::GetAtt": ["One", piece]} if known else piece)
    properties = {"Name": RECORD.parameter, "Value": {"Fn::Join": ["", parts]}}
    return {"Resources": {"Record": {"Type": "AWS::SSM::Parameter", "Properties": properties}}}


class CloudFormation:
    """One stack, `s`."""

    def __init__(self, error=None):
        self.error = error

    def get_paginator(self, _):
        one = {
            "LogicalResourceId": "One",
            "PhysicalResourceId": RECORD.id,
            "ResourceType": "AWS::BedrockAgentCore::CodeInterpreterCustom",
        }
        page = {"StackResourceSummaries": [one]}
        return SimpleNamespace(paginate=lambda StackName: self._or_error(StackName, page))  # noqa: N803

    def get_template(self, **_):
        return {"TemplateBody": template()}

    def _or_error(self, stack, page):
        if error := self.error if stack == "s" else GONE:
            raise ClientError({"Error": error}, "ListStackResources")
        return [page]


def held(records, error=None):
    return hold(SimpleNamespace(cloudformation=CloudFormation(error)), records, records or [RECORD])


def test_a_record_as_it_was_deployed_raises_no_doubt():
    found = held([RECORD])

    assert (found.doubts, found.problems, found.made) == ([], [], {RECORD.id})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network_mode": "PUBLIC"}, "network_mode is PUBLIC, deployed was SANDBOX"),
        ({"id": "one__00000000-bbbbbbbbbb"}, f"id is one__00000000-bbbbbbbbbb, deployed was {RECORD.id}"),
        ({"probes": ("lifecycle",)}, 'probes is ["lifecycle"], deployed was []'),
        ({"tags": {"team": "theirs"}}, 'tags is {"team": "theirs"}, deployed was {"team": "ours"}'),
    ],
)
def test_what_was_rewritten_is_named(change, said):
    [doubt] = held([replace(RECORD, **change)]).doubts

    assert doubt.record == RECORD.parameter
    assert "the record of one was rewritten since s made it" in doubt.detail
    assert said in doubt.detail


def test_a_record_that_is_gone_is_named_with_its_interpreter():
    other = replace(RECORD, base="two", fleet="g")

    [doubt] = hold(SimpleNamespace(cloudformation=CloudFormation()), [other], [RECORD]).doubts

    assert f"nothing looks at its interpreter {RECORD.id}" in doubt.detail


@pytest.mark.parametrize(
    ("stack", "why"), [("s", "s has made no such record"), ("nowhere", "there is no stack nowhere")]
)
def test_a_record_that_no_stack_has_made_is_named(stack, why):
    """Whoever writes one makes an interpreter of his own look like one of the fleet."""
    invented = replace(RECORD, base="two", id="mine-cccccccccc", stack=stack)

    [doubt] = held([RECORD, invented]).doubts

    assert doubt.record == invented.parameter
    assert why in doubt.detail
    assert "mine-cccccccccc counts as one of the fleet f" in doubt.detail


def test_a_stack_that_is_not_there_says_nothing_and_one_that_may_not_be_read_says_so():
    denied = {"Code": "AccessDenied", "Message": "no"}

    assert held([RECORD], GONE) == Held([], [], frozenset())
    [problem] = held([RECORD], denied).problems
    assert "records of stack s were not held against it: ListStackResources: AccessDenied" in problem


def test_the_template_here_is_what_a_record_looks_like():
    parts = template()["Resources"]["Record"]["Properties"]["Value"]["Fn::Join"][1]

    assert json.loads("".join(one if isinstance(one, str) else "x" for one in parts))["base"] == "one"
