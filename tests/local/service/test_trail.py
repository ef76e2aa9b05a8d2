"""What CloudTrail says of a call: who, what, on which interpreter, how it ended; and never the code."""

import json
import ssl
import urllib.parse
import urllib.request

import pytest
from botocore.exceptions import ClientError

from interpreter_local import trail, wire
from interpreter_local.service import Service
from interpreter_local.state import Scope

ACCOUNT = "123456789012"
MANAGED = "aws.codeinterpreter.v1"
MANAGED_ARN = f"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/{MANAGED}"
SANDBOX = {"networkMode": "SANDBOX"}
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@pytest.fixture
def cloudtrail(client):
    return client("cloudtrail")


@pytest.fixture
def record(cloudtrail):
    """`record(error or reply of a call)` → its event as LookupEvents gives it, and the record in it."""

    def find(reply):
        request = reply["ResponseMetadata"]["RequestId"]
        for event in cloudtrail.lookup_events(
            LookupAttributes=[
                {"AttributeKey": "EventSource", "AttributeValue": "bedrock-agentcore.amazonaws.com"}
            ]
        )["Events"]:
            found = json.loads(event["CloudTrailEvent"])
            if found["requestID"] == request:
                return event, found
        raise AssertionError(f"no event of request {request}")

    return find


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response


def test_creating_an_interpreter_is_a_management_event(control, name, record):
    made = control.create_code_interpreter(
        name=name, networkConfiguration=SANDBOX, description="what it is for", tags={"team": "a"}
    )
    event, found = record(made)

    arn = made["codeInterpreterArn"]
    assert (event["EventName"], event["EventSource"], event["ReadOnly"], event["Username"]) == (
        "CreateCodeInterpreter",
        "bedrock-agentcore.amazonaws.com",
        "false",
        "root",
    )
    assert event["Resources"] == [
        {"ResourceType": "AWS::BedrockAgentCore::CodeInterpreterCustom", "ResourceName": arn}
    ]
    assert (found["eventCategory"], found["managementEvent"], found["readOnly"]) == (
        "Management",
        True,
        False,
    )
    assert (found["awsRegion"], found["recipientAccountId"]) == ("us-east-1", ACCOUNT)
    assert found["sourceIPAddress"] == "127.0.0.1"
    assert found["userAgent"].startswith("Boto3/")
    assert found["eventID"] == event["EventId"]
    parameters = found["requestParameters"]
    assert (parameters["name"], parameters["networkConfiguration"]) == (name, SANDBOX)
    assert parameters["tags"] == {"team": "a"}
    assert parameters["description"] == HIDDEN  # sensitive in the API model
    assert found["responseElements"]["codeInterpreterArn"] == arn
    assert found["resources"] == [
        {"accountId": ACCOUNT, "type": "AWS::BedrockAgentCore::CodeInterpreterCustom", "ARN": arn}
    ]
    assert "errorCode" not in found
    control.delete_code_interpreter(codeInterpreterId=made["codeInterpreterId"])


def test_reading_is_read_only_and_shows_no_response(control, interpreter, record):
    event, found = record(control.get_code_interpreter(codeInterpreterId=interpreter))

    assert (event["ReadOnly"], found["readOnly"], found["responseElements"]) == ("true", True, None)
    assert found["requestParameters"] == {"codeInterpreterId": interpreter}


SECRETS = [
    ("executeCode", {"language": "python", "code": "print('SE' + 'CRET1')  # SECRET2"}),
    ("executeCommand", {"command": "echo SECRET3"}),
    ("startCommandExecution", {"command": "echo SECRET4"}),
    (
        "writeFiles",
        {"content": [{"path": "SECRET5", "text": "SECRET6"}, {"path": "b", "blob": b"SECRET7"}]},
    ),
    ("readFiles", {"paths": ["SECRET5"]}),
    ("listFiles", {"directoryPath": "SECRET8"}),
    ("removeFiles", {"paths": ["SECRET5"]}),
]


@pytest.mark.parity(
    "How CloudTrail records a call: a data event without code, contents or output", seen="unrecorded"
)
def test_invoking_is_a_data_event_without_code_commands_contents_or_output(data, session, record):
    one = session()
    for tool, arguments in SECRETS:
        reply = data.invoke_code_interpreter(**one, name=tool, arguments=arguments)
        list(reply["stream"])
        event, found = record(reply)

        assert (found["eventCategory"], found["managementEvent"], found["readOnly"]) == ("Data", False, False)
        assert found["requestParameters"]["name"] == tool
        assert found["requestParameters"]["sessionId"] == one["sessionId"]
        assert set(found["requestParameters"]["arguments"]) == set(arguments)
        assert found["responseElements"] is None
        assert found["resources"] == [
            {"accountId": "aws", "type": "AWS::BedrockAgentCore::CodeInterpreter", "ARN": MANAGED_ARN}
        ]
        assert "SECRET" not in json.dumps({**event, "EventTime": ""})
        assert "U0VDUkVU" not in event["CloudTrailEvent"]  # SECRET in base64


def test_the_language_is_shown(data, session, record):
    reply = data.invoke_code_interpreter(
        **session(), name="executeCode", arguments={"language": "python", "code": "1"}
    )
    list(reply["stream"])

    assert record(reply)[1]["requestParameters"]["arguments"] == {"language": "python", "code": HIDDEN}


@pytest.mark.parametrize(
    "arguments",
    [
        "SECRET",
        ["SECRET"],
        {"language": "SECRET", "code": "SECRET"},
        {"code": {"SECRET": "SECRET"}},
        {"clearContext": "SECRET"},
        {"taskId": ["SECRET"]},
        {"SECRET": "SECRET"},
    ],
)
def test_a_malformed_request_leaks_nothing_either(arguments):
    [route] = [one for one in wire.routes() if one.name == "InvokeCodeInterpreter"]

    shown = trail.visible(route, {"name": "SECRET", "arguments": arguments}, size=100)

    assert "SECRET" not in json.dumps(shown)


def test_parameters_that_are_too_large_are_left_out():
    """AWS docs: more than 100 KB."""
    [route] = [one for one in wire.routes() if one.name == "TagResource"]

    assert trail.visible(route, {"resourceArn": "a", "tags": {"b": "c" * 100_000}}, 100_040) is not None
    assert trail.visible(route, {"resourceArn": "a", "tags": {"b": "c" * 103_000}}, 103_040) is None


def test_a_role_session_is_named_with_who_issued_it(client, role_of, interpreter, record):
    caller = role_of({"Effect": "Allow", "Action": "*", "Resource": "*"})
    who = client("sts", credentials=caller).get_caller_identity()
    role = who["Arn"].split("/")[1]
    data = client("bedrock-agentcore", credentials=caller)

    event, found = record(data.list_code_interpreter_sessions(codeInterpreterIdentifier=interpreter))

    identity = found["userIdentity"]
    assert (identity["type"], identity["arn"]) == ("AssumedRole", who["Arn"])
    assert identity["principalId"] == who["UserId"]
    assert identity["accessKeyId"] == event["AccessKeyId"] == caller["AccessKeyId"]
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert (issuer["type"], issuer["userName"]) == ("Role", role)
    assert issuer["arn"] == f"arn:aws:iam::{ACCOUNT}:role/{role}"
    assert who["UserId"].startswith(issuer["principalId"] + ":")
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"
    assert event["Username"] == "test"


def test_an_iam_user_and_root_are_named(client, control, record, name):
    iam = client("iam")
    user = iam.create_user(UserName=name)["User"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    document = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)

    of_user = client("bedrock-agentcore-control", credentials=key).list_code_interpreters()
    event, found = record(of_user)
    assert (found["userIdentity"]["type"], event["Username"]) == ("IAMUser", name)
    assert (found["userIdentity"]["arn"], found["userIdentity"]["userName"]) == (user["Arn"], name)
    assert found["userIdentity"]["principalId"] == user["UserId"]

    _, found = record(control.list_code_interpreters())
    assert (found["userIdentity"]["type"], found["userIdentity"]["arn"]) == (
        "Root",
        f"arn:aws:iam::{ACCOUNT}:root",
    )


def test_a_denied_call_is_recorded_with_its_reason(client, role_of, record):
    caller = role_of({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    data = client("bedrock-agentcore", credentials=caller)

    error = error_of(
        data.invoke_code_interpreter,
        codeInterpreterIdentifier=MANAGED,
        sessionId="0" * 26,
        name="executeCode",
        arguments={"code": "SECRET"},
    )
    event, found = record(error)

    assert (found["errorCode"], found["errorMessage"]) == ("AccessDeniedException", error["Error"]["Message"])
    assert "is not authorized to perform: bedrock-agentcore:InvokeCodeInterpreter" in found["errorMessage"]
    assert found["userIdentity"]["accessKeyId"] == caller["AccessKeyId"]
    assert found["requestParameters"]["codeInterpreterIdentifier"] == MANAGED
    assert found["responseElements"] is None
    assert "SECRET" not in event["CloudTrailEvent"]


def test_a_failed_call_is_recorded_with_its_error(data, control, record):
    _, missing = record(error_of(control.get_code_interpreter, codeInterpreterId="gone-0123456789"))
    _, unknown = record(
        error_of(data.get_code_interpreter_session, codeInterpreterIdentifier=MANAGED, sessionId="0" * 26)
    )

    assert missing["errorCode"] == "ResourceNotFoundException"
    assert missing["errorMessage"] == "Code interpreter with ID gone-0123456789 does not exist"
    assert (unknown["errorCode"], unknown["eventCategory"]) == ("ResourceNotFoundException", "Data")


def test_events_are_looked_up_by_resource_and_name(cloudtrail, control, data, interpreter, session):
    arn = control.get_code_interpreter(codeInterpreterId=interpreter)["codeInterpreterArn"]
    one = session(interpreter)
    data.stop_code_interpreter_session(**one)

    of_it = cloudtrail.lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": arn}]
    )["Events"]

    assert [event["EventName"] for event in of_it] == [
        "StopCodeInterpreterSession",
        "StartCodeInterpreterSession",
        "GetCodeInterpreter",
        "CreateCodeInterpreter",
    ]
    of_name = [{"AttributeKey": "EventName", "AttributeValue": "StopCodeInterpreterSession"}]
    newest, *_ = cloudtrail.lookup_events(LookupAttributes=of_name)["Events"]
    assert newest["EventId"] == of_it[0]["EventId"]


def test_every_operation_is_recorded_once_by_its_name(cloudtrail, client, name):
    account = "333333333333"
    control = client("bedrock-agentcore-control", account=account)
    data = client("bedrock-agentcore", account=account)
    made = control.create_code_interpreter(name=name, networkConfiguration=SANDBOX)
    identifier, arn = made["codeInterpreterId"], made["codeInterpreterArn"]
    control.tag_resource(resourceArn=arn, tags={"a": "b"})
    control.list_tags_for_resource(resourceArn=arn)
    control.untag_resource(resourceArn=arn, tagKeys=["a"])
    control.get_code_interpreter(codeInterpreterId=identifier)
    control.list_code_interpreters()
    started = data.start_code_interpreter_session(codeInterpreterIdentifier=identifier)
    one = {"codeInterpreterIdentifier": identifier, "sessionId": started["sessionId"]}
    data.get_code_interpreter_session(**one)
    data.list_code_interpreter_sessions(codeInterpreterIdentifier=identifier)
    list(data.invoke_code_interpreter(**one, name="listFiles", arguments={})["stream"])
    data.stop_code_interpreter_session(**one)
    control.delete_code_interpreter(codeInterpreterId=identifier)

    events = client("cloudtrail", account=account).lookup_events()["Events"]

    assert [event["EventName"] for event in reversed(events)] == [
        "CreateCodeInterpreter",
        "TagResource",
        "ListTagsForResource",
        "UntagResource",
        "GetCodeInterpreter",
        "ListCodeInterpreters",
        "StartCodeInterpreterSession",
        "GetCodeInterpreterSession",
        "ListCodeInterpreterSessions",
        "InvokeCodeInterpreter",
        "StopCodeInterpreterSession",
        "DeleteCodeInterpreter",
    ]
    with_resource = [event["EventName"] for event in events if event["Resources"]]
    assert {route.name for route in wire.routes()} - set(with_resource) == {"ListCodeInterpreters"}


def test_ministacks_own_record_of_our_calls_does_not_appear(client, variables):
    """Even when its recording is switched on, which is off unless somebody asks for it."""

    def configure(value):
        body = json.dumps({"cloudtrail._recording_enabled": value}).encode()
        context = ssl.create_default_context(cafile=variables["AWS_CA_BUNDLE"])
        asked = urllib.request.Request(
            urllib.parse.urljoin(variables["AWS_ENDPOINT_URL"], "/_ministack/config"),
            data=body,
            method="POST",
        )
        with urllib.request.urlopen(asked, context=context, timeout=30) as reply:
            assert reply.status == 200

    account = "444444444444"
    configure("true")
    try:
        client("bedrock-agentcore-control", account=account).list_code_interpreters()
        client("s3", account=account).list_buckets()
    finally:
        configure("false")
    events = client("cloudtrail", account=account).lookup_events()["Events"]

    assert [(event["EventSource"], event["EventName"]) for event in events][1:] == [
        ("bedrock-agentcore.amazonaws.com", "ListCodeInterpreters")
    ]
    assert events[0]["EventSource"] == "s3.amazonaws.com"


def test_the_error_that_is_kept_holds_nothing_of_the_call(runner):
    """A traceback would hold the session, with what it had sent and nobody had read."""
    asked = ("GET", f"/code-interpreters/{MANAGED}/sessions/get", {"sessionId": ["unknown"]}, {}, b"")
    answer = runner.run(Service(None, None).answer(Scope(ACCOUNT, "us-east-1"), *asked))

    assert answer.error.code == "ResourceNotFoundException"
    assert (answer.error.__traceback__, answer.error.__cause__, answer.error.__context__) == (
        None,
        None,
        None,
    )
