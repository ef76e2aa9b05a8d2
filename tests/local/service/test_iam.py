"""IAM is enforced on every call: actions on the two ARN families, roles by their trust."""

import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
MANAGED = "aws.codeinterpreter.v1"
CUSTOM = f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter-custom/"
SANDBOX = {"networkMode": "SANDBOX"}
USE = [
    "bedrock-agentcore:StartCodeInterpreterSession",
    "bedrock-agentcore:InvokeCodeInterpreter",
    "bedrock-agentcore:StopCodeInterpreterSession",
]


def allow(actions, resource="*", **rest):
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **rest}


def denied(call, **arguments):
    """The message of the AccessDeniedException that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert response["Error"]["Code"] == "AccessDeniedException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return response["Error"]["Message"]


def test_a_caller_uses_the_interpreters_it_was_granted(client, role_of, interpreter):
    mine = role_of(allow(USE, CUSTOM + interpreter))
    data = client("bedrock-agentcore", credentials=mine)

    started = data.start_code_interpreter_session(codeInterpreterIdentifier=interpreter)
    one = {"codeInterpreterIdentifier": interpreter, "sessionId": started["sessionId"]}
    code = {"language": "python", "code": "print(1)"}
    [event] = data.invoke_code_interpreter(**one, name="executeCode", arguments=code)["stream"]
    data.stop_code_interpreter_session(**one)

    assert event["result"]["isError"] is False
    assert "GetCodeInterpreterSession" in denied(data.get_code_interpreter_session, **one)
    message = denied(data.start_code_interpreter_session, codeInterpreterIdentifier=MANAGED)
    assert (
        "is not authorized to perform: bedrock-agentcore:StartCodeInterpreterSession on resource" in message
    )
    assert message.endswith(
        "because no identity-based policy allows the bedrock-agentcore:StartCodeInterpreterSession action"
    )


@pytest.mark.parity(
    "Custom interpreters are of the ARN family code-interpreter-custom, the managed one is "
    "`aws:code-interpreter/…`",
    seen="recorded",
    by="agentcore_demo",
)
def test_the_managed_interpreter_is_of_another_family(client, role_of):
    """`<account>:code-interpreter/*`, which some published examples grant, matches neither family."""
    wrong = role_of(allow(USE, f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter/*"))
    right = role_of(allow(USE, f"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/{MANAGED}"))

    denied(
        client("bedrock-agentcore", credentials=wrong).start_code_interpreter_session,
        codeInterpreterIdentifier=MANAGED,
    )
    data = client("bedrock-agentcore", credentials=right)
    started = data.start_code_interpreter_session(codeInterpreterIdentifier=MANAGED)
    data.stop_code_interpreter_session(codeInterpreterIdentifier=MANAGED, sessionId=started["sessionId"])


def test_an_explicit_deny_wins(client, role_of, interpreter):
    both = role_of(allow("bedrock-agentcore:*"), {**allow(USE, CUSTOM + "*"), "Effect": "Deny"})
    data = client("bedrock-agentcore", credentials=both)

    message = denied(data.start_code_interpreter_session, codeInterpreterIdentifier=interpreter)

    assert message.endswith("with an explicit deny in an identity-based policy")


@pytest.mark.parity(
    "CreateCodeInterpreter and ListCodeInterpreters are authorized on `*`",
    seen="docs",
    by="service authorization reference",
)
def test_creating_and_listing_have_no_resource(client, role_of, name):
    scoped = role_of(
        allow(
            ["bedrock-agentcore:CreateCodeInterpreter", "bedrock-agentcore:ListCodeInterpreters"],
            CUSTOM + "*",
        )
    )
    control = client("bedrock-agentcore-control", credentials=scoped)

    denied(control.create_code_interpreter, name=name, networkConfiguration=SANDBOX)
    denied(control.list_code_interpreters)


def test_tags_authorize(client, role_of, control, name):
    made = control.create_code_interpreter(name=name, networkConfiguration=SANDBOX, tags={"team": "a"})
    identifier = made["codeInterpreterId"]

    def of_team(team):
        condition = {"StringEquals": {"aws:ResourceTag/team": team}}
        credentials = role_of(allow("bedrock-agentcore:GetCodeInterpreter", Condition=condition))
        return client("bedrock-agentcore-control", credentials=credentials)

    assert of_team("a").get_code_interpreter(codeInterpreterId=identifier)["name"] == name
    denied(of_team("b").get_code_interpreter, codeInterpreterId=identifier)
    control.delete_code_interpreter(codeInterpreterId=identifier)


@pytest.mark.parity(
    "bedrock-agentcore:subnets and securityGroups are condition keys of CreateCodeInterpreter",
    seen="docs",
    by="service authorization reference",
)
def test_subnets_can_be_required(client, role_of, name):
    """The one condition on the network that IAM has for this service."""
    vpc_only = role_of(
        allow("bedrock-agentcore:*"),
        {
            **allow("bedrock-agentcore:CreateCodeInterpreter"),
            "Effect": "Deny",
            "Condition": {"Null": {"bedrock-agentcore:subnets": "true"}},
        },
    )
    control = client("bedrock-agentcore-control", credentials=vpc_only)
    network = {"subnets": ["subnet-00000001"], "securityGroups": ["sg-00000001"]}

    denied(control.create_code_interpreter, name=name, networkConfiguration=SANDBOX)
    made = control.create_code_interpreter(
        name=name, networkConfiguration={"networkMode": "VPC", "vpcConfig": network}
    )
    control.delete_code_interpreter(codeInterpreterId=made["codeInterpreterId"])


def test_a_wrong_secret_is_refused(client, role_of):
    credentials = {**role_of(allow("*")), "SecretAccessKey": "wrong"}

    with pytest.raises(ClientError) as caught:
        client("bedrock-agentcore-control", credentials=credentials).list_code_interpreters()

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parity(
    "iam:PassRole is needed for an execution role, with iam:PassedToService",
    seen="docs",
    by="developer guide",
)
def test_a_role_must_be_passed(client, role_of, execution_role, control, name):
    role = execution_role(f"{CUSTOM}{name}-*")
    call = {"name": name, "networkConfiguration": SANDBOX, "executionRoleArn": role}
    create = allow("bedrock-agentcore:CreateCodeInterpreter")
    service = {"StringEquals": {"iam:PassedToService": "bedrock-agentcore.amazonaws.com"}}

    without = client("bedrock-agentcore-control", credentials=role_of(create))
    assert "iam:PassRole" in denied(without.create_code_interpreter, **call)
    passing = allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/BedrockAgentCore/*", Condition=service)
    with_it = client("bedrock-agentcore-control", credentials=role_of(create, passing))
    made = with_it.create_code_interpreter(**call)["codeInterpreterId"]
    assert control.get_code_interpreter(codeInterpreterId=made)["executionRoleArn"] == role
    control.delete_code_interpreter(codeInterpreterId=made)


@pytest.mark.parity(
    "A role whose trust does not match: ValidationException with `role validation failed` (known from "
    "clients' retries, its whole text is not)",
    seen="unrecorded",
)
@pytest.mark.parametrize(
    ("source", "options"),
    [
        (CUSTOM + "another-*", {}),
        (f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter/*", {}),
        (CUSTOM + "*", {"service": "lambda.amazonaws.com"}),
        (CUSTOM + "*", {"account": "999999999999"}),
    ],
)
def test_a_role_that_does_not_trust_the_service_for_it_is_refused(
    control, execution_role, name, source, options
):
    role = execution_role(source, **options)

    with pytest.raises(ClientError, match="role validation failed") as caught:
        control.create_code_interpreter(name=name, networkConfiguration=SANDBOX, executionRoleArn=role)

    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "does not let bedrock-agentcore.amazonaws.com assume it" in str(caught.value)


@pytest.mark.parity(
    "Start with a role that no longer trusts the service: AccessDeniedException", seen="unrecorded"
)
def test_a_trust_that_is_withdrawn_ends_the_use_of_the_interpreter(
    client, control, data, execution_role, name
):
    role = execution_role(f"{CUSTOM}{name}-*")
    made = control.create_code_interpreter(name=name, networkConfiguration=SANDBOX, executionRoleArn=role)
    identifier = made["codeInterpreterId"]
    foreign = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    client("iam").update_assume_role_policy(
        RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(foreign)
    )

    denied(data.start_code_interpreter_session, codeInterpreterIdentifier=identifier)

    control.delete_code_interpreter(codeInterpreterId=identifier)


def test_service_quotas_ask_iam(client, role_of):
    nobody = role_of(allow("s3:*"))

    with pytest.raises(ClientError, match="AccessDenied"):
        client("service-quotas", credentials=nobody).list_service_quotas(ServiceCode="bedrock-agentcore")
    with pytest.raises(ClientError, match="AccessDenied"):
        client("service-quotas", credentials=nobody).request_service_quota_increase(
            ServiceCode="bedrock-agentcore", QuotaCode="L-CAF6F552", DesiredValue=2000
        )


def test_a_policy_that_names_a_path_lets_its_parameters_be_read_and_no_others(client, role_of):
    """As on AWS, where a call by path is one on the path's own ARN."""
    reader = role_of(
        allow("ssm:GetParametersByPath", "arn:aws:ssm:us-east-1:123456789012:parameter/path/mine")
    )
    ssm = client("ssm", credentials=reader)

    assert ssm.get_parameters_by_path(Path="/path/mine", Recursive=True)["Parameters"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameters_by_path(Path="/path", Recursive=True)


def test_a_policy_on_a_path_of_roles_reaches_the_roles_below_it(client, role_of):
    """Their ARNs have the path, which a request for a role does not name."""
    iam = client("iam")
    trust = '{"Version": "2012-10-17", "Statement": []}'
    for name, path in (("below-the-path", "/BedrockAgentCore/"), ("beside-the-path", "/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
    where = f"arn:aws:iam::{ACCOUNT}:role/BedrockAgentCore/*"
    reader = client("iam", credentials=role_of(allow(["iam:GetRole", "iam:CreateRole"], where)))

    assert reader.get_role(RoleName="below-the-path")["Role"]["Path"] == "/BedrockAgentCore/"
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.get_role(RoleName="beside-the-path")
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.create_role(RoleName="new", AssumeRolePolicyDocument=trust)
    reader.create_role(RoleName="new", Path="/BedrockAgentCore/", AssumeRolePolicyDocument=trust)
    for name in ("below-the-path", "beside-the-path", "new"):
        iam.delete_role(RoleName=name)


@pytest.mark.parametrize("key", ["secret/a", "secret/a\nb", "secret/\n", "\nsecret/a"])
def test_a_wildcard_stands_for_any_text(client, role_of, key):
    """A line break in a key is a character like others."""
    admin = client("s3")
    admin.create_bucket(Bucket="wildcards")
    mine = role_of(
        allow("s3:*"),
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::wildcards/secret/*"},
    )
    s3 = client("s3", credentials=mine)

    s3.put_object(Bucket="wildcards", Key=f"open/{key}", Body=b"")
    if key.startswith("secret"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket="wildcards", Key=key, Body=b"")
    else:
        s3.put_object(Bucket="wildcards", Key=key, Body=b"")


def test_a_name_stands_for_itself_only(client, role_of):
    client("s3").create_bucket(Bucket="names")
    s3 = client("s3", credentials=role_of(allow("s3:*", ["arn:aws:s3:::names/a[b]", "arn:aws:s3:::names/c"])))

    for key in ("a[b]", "c"):
        s3.put_object(Bucket="names", Key=key, Body=b"")
    for key in ("ab", "c\n", "c/"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket="names", Key=key, Body=b"")


def test_wildcards_that_do_not_match_end_soon(client, role_of):
    """Each could stand for any part of the key: going through all of that would take years."""
    client("s3").create_bucket(Bucket="stars")
    s3 = client("s3", credentials=role_of(allow("s3:*", f"arn:aws:s3:::stars/{'*/' * 8}end")))

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="stars", Key="/" * 1000, Body=b"")
    s3.put_object(Bucket="stars", Key="a/" * 8 + "end", Body=b"")
