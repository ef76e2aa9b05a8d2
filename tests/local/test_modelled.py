"""The judge of replies: given a reply that the model does not allow, it says where."""

import json

import pytest

START = {"codeInterpreterIdentifier": "x", "sessionId": "01M32B7AV4Y0V0D34YNRGN3B2G"}
TIME = "2026-09-21T15:58:04.123456789Z"
ERROR = {"x-amzn-errortype": "ResourceNotFoundException:http://internal.amazon.com/coral/x/"}
INVALID = {"x-amzn-errortype": "ValidationException"}


def start(**change):
    return json.dumps({**START, "createdAt": TIME, **change}).encode()


def test_a_whole_reply_has_no_problems(model):
    operation = model.operation("StartCodeInterpreterSession")

    assert model.reply_problems(operation, 200, {}, start()) == []
    assert model.reply_problems(operation, 404, ERROR, b'{"message":"gone"}') == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "problem"),
    [
        (202, {}, start(), "status 202, expected 200"),
        (200, {}, start(sessionId=None), ".sessionId: absent"),
        (200, {}, start(sessionId="has-hyphen"), ".sessionId: 'has-hyphen' is no"),
        (200, {}, start(createdAt=1.5), ".createdAt: 1.5 is no"),
        (200, {}, start(createdAt="2026-09-21T15:58:04Z"), ".createdAt"),
        (200, {}, start(extra=1), ".extra: no member of"),
        (200, {}, b"[]", ": [], expected an object"),
        (200, {}, b"", "is not JSON"),
        (200, {}, b'{"a": NaN}', "NaN is not JSON"),
        (404, {}, b"{}", "error '' with status 404"),
        (400, ERROR, b'{"message":"gone"}', "ResourceNotFoundException with status 400, expected 404"),
        (404, ERROR, b'{"Message":"gone"}', "ResourceNotFoundException.Message: no member of"),
        (404, {"X-Amzn-ErrorType": "OddException"}, b"{}", "error 'OddException'"),
        (400, INVALID, b'{"message":"m","reason":"r"}', ".reason: 'r' is no"),
    ],
)  # fmt: skip
def test_what_the_model_does_not_allow_is_named(model, status, headers, body, problem):
    found = model.reply_problems(model.operation("StartCodeInterpreterSession"), status, headers, body)

    assert problem in " ".join(found)


def test_an_empty_reply_is_empty(model):
    assert model.reply_problems(model.operation("TagResource"), 204, {}, b"{}") == [
        "body b'{}' with status 204"
    ]


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"isError": False}, "result.content: absent"),
        ({"content": [{"text": "a"}]}, "result.content[0].type: absent"),
        ({"content": [{"type": "video"}]}, "result.content[0].type: 'video'"),
        ({"content": [], "isError": "no"}, "result.isError: 'no'"),
        ({"content": [], "structuredContent": {"exitCode": 1.5}}, "result.structuredContent.exitCode: 1.5"),
        ({"content": [], "structuredContent": {"taskStatus": "done"}}, "taskStatus: 'done'"),
        ({"content": [{"type": "resource", "resource": {"blob": "%"}}]}, "resource.blob: '%'"),
        ({"content": [], "exitCode": 0}, "result.exitCode: no member"),
    ],
)
def test_what_an_event_must_not_hold_is_named(model, event, problem):
    assert problem in " ".join(model.event_problems(json.dumps(event).encode()))


def test_what_was_recorded_against_the_model_is_allowed(model):
    """A resource without type, the managed interpreter with five members, nulls of a session."""
    resource = {"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": ""}}]}
    identifier = "aws.codeinterpreter.v1"
    managed = {
        "codeInterpreterId": identifier,
        "codeInterpreterArn": f"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/{identifier}",
        "name": "AgentCore Code Interpreter",
        "status": "READY",
    }
    get = model.operation("GetCodeInterpreter")

    assert model.event_problems(json.dumps(resource).encode()) == []
    assert model.reply_problems(get, 200, {}, json.dumps(managed).encode()) == []
    own = {**managed, "codeInterpreterId": "mine-0123456789"}
    assert len(model.reply_problems(get, 200, {}, json.dumps(own).encode())) == 4
