"""Interpreters: given this call, this reply. Recorded: replies seen on the live service in September 2026."""

import json
import re
import time

import pytest
from botocore.exceptions import ClientError

MANAGED = "aws.codeinterpreter.v1"
SANDBOX = {"networkMode": "SANDBOX"}
VPC = {
    "networkMode": "VPC",
    # Of the default VPC, which every account has.
    "vpcConfig": {"subnets": ["subnet-00000001"], "securityGroups": ["sg-00000001"]},
}


def refused(call, **arguments):
    """Code, message, HTTP status and the parsed body of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response


@pytest.mark.aws
@pytest.mark.parity(
    "Create answers 202 with id, ARN, time and status, as compact JSON; PUBLIC is READY in this reply",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity(
    "An id is the name, a hyphen and ten letters or digits", seen="recorded", by="agentcore_demo"
)
@pytest.mark.parity("Timestamps have nine fractional digits and Z", seen="recorded", by="agentcore_demo")
@pytest.mark.parity(
    "Delete of a PUBLIC interpreter answers DELETED at once", seen="recorded", by="agentcore_demo"
)
def test_create_replies_as_recorded(raw, control, name):
    status, headers, body = raw(
        "PUT", "/code-interpreters", {"name": name, "networkConfiguration": {"networkMode": "PUBLIC"}}
    )

    assert status == 202
    assert headers["content-type"] == "application/json"
    assert re.fullmatch(
        rf'{{"codeInterpreterId":"({name}-[a-zA-Z0-9]{{10}})",'
        r'"codeInterpreterArn":"arn:aws:bedrock-agentcore:[a-z0-9-]+:\d{12}:code-interpreter-custom/\1",'
        r'"createdAt":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z","status":"READY"}',
        body.decode(),
    )
    [mine] = [
        one["codeInterpreterId"]
        for page in control.get_paginator("list_code_interpreters").paginate()
        for one in page["codeInterpreterSummaries"]
        if one["name"] == name
    ]
    status, _, body = raw("DELETE", f"/code-interpreters/{mine}")
    assert status == 202
    assert re.fullmatch(
        rf'{{"codeInterpreterId":"{mine}","status":"DELETED","lastUpdatedAt":"[^"]{{30}}"}}', body.decode()
    )


@pytest.mark.parity(
    "Get of aws.codeinterpreter.v1 has five members, fewer than the model requires",
    seen="recorded",
    by="agentcore_demo",
)
def test_the_managed_interpreter_has_five_members(raw):
    """Recorded: fewer than the model marks as required."""
    _, _, body = raw("GET", f"/code-interpreters/{MANAGED}")

    assert body.decode() == (
        '{"codeInterpreterId":"aws.codeinterpreter.v1",'
        '"codeInterpreterArn":"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/aws.codeinterpreter.v1",'
        '"name":"AgentCore Code Interpreter",'
        '"description":"AWS built-in code interpreter sandbox for secure code execution","status":"READY"}'
    )


@pytest.mark.aws
@pytest.mark.parity(
    "Get of an interpreter that is not there: 404, `Code interpreter with ID … does not exist`",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity(
    "Control plane errors have the bare code in x-amzn-errortype and only `message` in the body",
    seen="recorded",
    by="agentcore_demo",
)
def test_one_that_is_not_there_is_404_as_recorded(raw):
    status, headers, body = raw("GET", "/code-interpreters/gone-0123456789")

    assert status == 404
    assert headers["x-amzn-errortype"] == "ResourceNotFoundException"
    assert body == b'{"message":"Code interpreter with ID gone-0123456789 does not exist"}'


@pytest.mark.parity(
    "A VPC interpreter is CREATING first, then READY, and DELETING when deleted",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity(
    "Get shows what was given, and leaves out what was not", seen="recorded", by="agentcore_demo"
)
@pytest.mark.parity("Get of a deleted interpreter: 404", seen="recorded", by="agentcore_demo")
def test_get_gives_what_was_created(control, name):
    made = control.create_code_interpreter(
        name=name, description="of a test", networkConfiguration=VPC, tags={"team": "a"}
    )
    identifier = made["codeInterpreterId"]

    assert made["status"] == "CREATING"  # recorded for VPC; the other modes are READY at once
    deadline = time.monotonic() + 10
    while (got := control.get_code_interpreter(codeInterpreterId=identifier))["status"] == "CREATING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (got["status"], got["name"], got["description"]) == ("READY", name, "of a test")
    assert got["networkConfiguration"] == VPC
    assert "executionRoleArn" not in got
    assert control.delete_code_interpreter(codeInterpreterId=identifier)["status"] == "DELETING"
    assert refused(control.get_code_interpreter, codeInterpreterId=identifier)[1] == 404


@pytest.mark.aws
@pytest.mark.parity(
    "Lists are paged with maxResults and an opaque nextToken, and filtered by SYSTEM or CUSTOM", seen="model"
)
@pytest.mark.parity("Without maxResults a page has ten; the newest is first", seen="unrecorded")
def test_lists_come_in_pages_by_type(control):
    made = [
        control.create_code_interpreter(name=f"page{number}", networkConfiguration=SANDBOX)[
            "codeInterpreterId"
        ]
        for number in range(12)
    ]
    try:
        first = control.list_code_interpreters(type="CUSTOM")
        assert len(first["codeInterpreterSummaries"]) == 10
        pages = control.get_paginator("list_code_interpreters").paginate(
            type="CUSTOM", PaginationConfig={"PageSize": 5}
        )
        listed = [one["codeInterpreterId"] for page in pages for one in page["codeInterpreterSummaries"]]
        assert [one for one in listed if one.startswith("page")] == made[::-1]
        system = control.list_code_interpreters(type="SYSTEM")["codeInterpreterSummaries"]
        assert [one["codeInterpreterId"] for one in system] == [MANAGED]
        code, status, _ = refused(control.list_code_interpreters, nextToken="of nobody")
        assert (code, status) == ("ValidationException", 400)
    finally:
        for identifier in made:
            control.delete_code_interpreter(codeInterpreterId=identifier)


@pytest.mark.aws
@pytest.mark.parity("Tags are added, removed and listed by ARN", seen="model")
def test_tags_are_added_removed_and_listed(control, client, interpreter):
    arn = control.get_code_interpreter(codeInterpreterId=interpreter)["codeInterpreterArn"]

    control.tag_resource(resourceArn=arn, tags={"team": "a", "stage": "test"})
    control.untag_resource(resourceArn=arn, tagKeys=["team"])

    assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}
    assert refused(control.list_tags_for_resource, resourceArn=arn + "x")[:2] == (
        "ResourceNotFoundException",
        404,
    )


@pytest.mark.aws
@pytest.mark.parity(
    "A repeated clientToken gives the first reply again; with other parameters it is a ValidationException "
    "with reason IdempotentParameterMismatchException",
    seen="unrecorded",
)
def test_the_same_token_gives_the_same_interpreter(control, name):
    """Unrecorded: the first reply again; other parameters are refused."""
    call = {"name": name, "networkConfiguration": SANDBOX, "clientToken": "t" * 33}
    first = control.create_code_interpreter(**call)
    again = control.create_code_interpreter(**call)
    code, _, response = refused(control.create_code_interpreter, **{**call, "name": name + "x"})

    assert again["codeInterpreterId"] == first["codeInterpreterId"]
    assert (code, response["reason"]) == ("ValidationException", "IdempotentParameterMismatchException")
    control.delete_code_interpreter(codeInterpreterId=first["codeInterpreterId"])


def test_a_token_counts_as_long_as_the_interpreter_that_it_made(control, name):
    """Unrecorded. Given that it was deleted, the same request makes a new one."""
    call = {"name": name, "networkConfiguration": SANDBOX, "clientToken": "u" * 33}
    first = control.create_code_interpreter(**call)["codeInterpreterId"]
    control.delete_code_interpreter(codeInterpreterId=first)
    second = control.create_code_interpreter(**call)["codeInterpreterId"]

    assert control.get_code_interpreter(codeInterpreterId=second)["status"] == "READY"
    assert second != first
    control.delete_code_interpreter(codeInterpreterId=second)


@pytest.mark.aws
@pytest.mark.parity("A name that is taken: ConflictException 409", seen="unrecorded")
def test_a_name_that_is_taken_is_a_conflict(control, interpreter):
    taken = interpreter.rpartition("-")[0]

    code, status, _ = refused(control.create_code_interpreter, name=taken, networkConfiguration=SANDBOX)

    assert (code, status) == ("ConflictException", 409)


@pytest.mark.aws
@pytest.mark.parity(
    "An interpreter with READY sessions cannot be deleted: ConflictException 409", seen="unrecorded"
)
def test_one_with_live_sessions_is_not_deleted(control, data, name, session):
    made = control.create_code_interpreter(name=name, networkConfiguration=SANDBOX)["codeInterpreterId"]
    live = session(made)

    assert refused(control.delete_code_interpreter, codeInterpreterId=made)[:2] == ("ConflictException", 409)

    data.stop_code_interpreter_session(**live)
    control.delete_code_interpreter(codeInterpreterId=made)


@pytest.mark.aws
@pytest.mark.parity(
    "Names, modes, ARNs and tags are checked as the model says: ValidationException 400", seen="model"
)
@pytest.mark.parity(
    "A ValidationException has reason FieldValidationFailed and names the field in fieldList; its text",
    seen="unrecorded",
)
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "has-hyphen"}, "name"),
        ({"name": "a" * 49}, "name"),
        ({"name": None}, "name"),
        ({"networkConfiguration": None}, "networkConfiguration"),
        ({"networkConfiguration": {"networkMode": "PRIVATE"}}, "networkConfiguration.networkMode"),
        ({"networkConfiguration": {"networkMode": "VPC"}}, "networkConfiguration.vpcConfig"),
        ({"networkConfiguration": {**VPC, "networkMode": "SANDBOX"}}, "networkConfiguration.vpcConfig"),
        ({"description": ""}, "description"),
        ({"executionRoleArn": "role"}, "executionRoleArn"),
        ({"tags": {"k": 1}}, "tags.k"),
        ({"clientToken": "short"}, "clientToken"),
    ],
)
def test_a_malformed_request_names_the_field(raw, change, field):
    whole = {"name": "fine", "networkConfiguration": SANDBOX}
    sent = {key: value for key, value in {**whole, **change}.items() if value is not None}

    status, headers, body = raw("PUT", "/code-interpreters", sent)

    reply = json.loads(body)
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert reply["reason"] == "FieldValidationFailed"
    assert field in {problem["name"] for problem in reply["fieldList"]}


@pytest.mark.aws
@pytest.mark.parity(
    "A body that is no JSON object: ValidationException, reason CannotParse", seen="unrecorded"
)
@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_cannot_be_parsed(raw, body):
    status, headers, reply = raw("PUT", "/code-interpreters", body)

    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert b'"reason":"CannotParse"' in reply


def test_tags_of_what_is_no_interpreter_are_not_found(control):
    runtime = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/some-0123456789"

    assert refused(control.list_tags_for_resource, resourceArn=runtime)[:2] == (
        "ResourceNotFoundException",
        404,
    )


@pytest.mark.aws
@pytest.mark.parity("A path that is no operation: UnknownOperationException 404", seen="unrecorded")
def test_a_path_that_is_no_operation_is_unknown(raw):
    status, headers, _ = raw("PATCH", "/code-interpreters/some-0123456789")

    assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")


def test_subnets_and_groups_must_exist_in_one_vpc(raw, client):
    """Unrecorded: 400, every id that is wrong named."""
    other = client("ec2").create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    group = client("ec2").create_security_group(GroupName="other", Description="other", VpcId=other)[
        "GroupId"
    ]
    config = {"subnets": ["subnet-00000001", "subnet-0123456789"], "securityGroups": [group]}
    network = {"networkMode": "VPC", "vpcConfig": config}

    status, headers, body = raw("PUT", "/code-interpreters", {"name": "vpc", "networkConfiguration": network})

    reply = json.loads(body)
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert reply["reason"] == "FieldValidationFailed"
    assert [problem["name"] for problem in reply["fieldList"]] == [
        "networkConfiguration.vpcConfig.subnets[1]",
        "networkConfiguration.vpcConfig.securityGroups[0]",
    ]


def test_those_of_another_region_do_not_exist(client):
    """The default VPC's subnets carry the same ids everywhere here; one's own do not."""
    made = client("ec2").create_subnet(VpcId="vpc-00000001", CidrBlock="172.31.96.0/20")["Subnet"]["SubnetId"]
    network = {"networkMode": "VPC", "vpcConfig": {**VPC["vpcConfig"], "subnets": [made]}}
    elsewhere = client("bedrock-agentcore-control", region="eu-west-1")

    code, status, _ = refused(elsewhere.create_code_interpreter, name="far", networkConfiguration=network)

    assert (code, status) == ("ValidationException", 400)
