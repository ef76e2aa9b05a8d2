"""Given one declared interpreter: the role, the interpreter, the record and the grants in the template."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from interpreter_fleet import CodeInterpreter, Network, PrefixStorage, Record, Waiver

ROLE = "AWS::IAM::Role"
INTERPRETER = "AWS::BedrockAgentCore::CodeInterpreterCustom"
RECORD = "AWS::SSM::Parameter"
ENV = cdk.Environment(account="111122223333", region="eu-west-1")


def joined(value, **known: str) -> str:
    """An Fn::Join as text, references as <Name> or as `known` says."""
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    if function == "Fn::Join":
        return "".join(joined(part, **known) for part in argument[1])
    name = argument if function == "Ref" else argument[1]
    return known.get(name.removeprefix("AWS::"), f"<{name.removeprefix('AWS::')}>")


def test_an_interpreter_is_three_resources(app, stack):
    """So that 166 of them fit a stack."""
    CodeInterpreter(stack, "One", base="one", storage=PrefixStorage("files", "one/"))

    template = app.synth().stacks[0].template
    assert sorted(r["Type"] for r in template["Resources"].values()) == [INTERPRETER, ROLE, RECORD]


def test_an_interpreter_is_sandboxed_unless_said_otherwise(stack, only):
    CodeInterpreter(stack, "One", base="one")

    assert only(INTERPRETER)["NetworkConfiguration"] == {"NetworkMode": "SANDBOX"}


def test_an_interpreter_without_storage_has_a_role_that_may_do_nothing(stack, only):
    CodeInterpreter(stack, "One", base="one")

    assert "Policies" not in only(ROLE)
    assert "ManagedPolicyArns" not in only(ROLE)


def test_vpc_mode_takes_ids_and_makes_no_security_group(stack, only, resources):
    network = Network.vpc(
        subnets=["subnet-0000000b", "subnet-0000000a"], security_groups=["sg-0000000b", "sg-0000000a"]
    )
    CodeInterpreter(stack, "One", base="one", network=network)

    assert only(INTERPRETER)["NetworkConfiguration"] == {
        "NetworkMode": "VPC",
        "VpcConfig": {
            "Subnets": ["subnet-0000000a", "subnet-0000000b"],
            "SecurityGroups": ["sg-0000000a", "sg-0000000b"],
        },
    }
    assert resources("AWS::EC2::SecurityGroup") == {}


def test_ids_of_a_network_stack_can_be_tokens(stack, only):
    """Values that are known at deployment only, an SSM parameter here."""
    subnet = cdk.aws_ssm.StringParameter.value_for_string_parameter(stack, "/network/subnet")
    CodeInterpreter(
        stack, "One", base="one", network=Network.vpc(subnets=[subnet], security_groups=["sg-0000000a"])
    )

    [found] = only(INTERPRETER)["NetworkConfiguration"]["VpcConfig"]["Subnets"]
    assert set(found) == {"Ref"}


def test_the_role_trusts_the_service_for_this_interpreter_alone(stack, only):
    CodeInterpreter(stack, "One", base="one")

    [statement] = only(ROLE)["AssumeRolePolicyDocument"]["Statement"]
    source = statement["Condition"]["ArnLike"].pop("aws:SourceArn")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, "ArnLike": {}},
    }
    assert joined(source) == (
        "arn:<Partition>:bedrock-agentcore:<Region>:<AccountId>:code-interpreter-custom/one__*"
    )


def test_trust_can_be_widened_to_the_account(stack, only):
    CodeInterpreter(stack, "One", base="one", trust="account")

    [statement] = only(ROLE)["AssumeRolePolicyDocument"]["Statement"]
    assert joined(statement["Condition"]["ArnLike"]["aws:SourceArn"]) == (
        "arn:<Partition>:bedrock-agentcore:<Region>:<AccountId>:*"
    )
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_the_role_is_unnamed_under_the_path_that_aws_passes_roles_from(stack, only):
    CodeInterpreter(stack, "One", base="one", permissions_boundary="team/boundary")

    assert only(ROLE)["Path"] == "/BedrockAgentCore/"
    assert "RoleName" not in only(ROLE)
    assert (
        joined(only(ROLE)["PermissionsBoundary"]) == "arn:<Partition>:iam::<AccountId>:policy/team/boundary"
    )


def test_a_boundary_can_be_an_arn(stack, only):
    CodeInterpreter(stack, "One", base="one", permissions_boundary="arn:aws:iam::111122223333:policy/b")

    assert only(ROLE)["PermissionsBoundary"] == "arn:aws:iam::111122223333:policy/b"


@pytest.mark.parametrize(
    ("access", "objects", "lists"),
    [
        ("read", ["s3:GetObject"], True),
        ("write", ["s3:PutObject", "s3:DeleteObject"], False),
        ("read-write", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], True),
    ],
)
def test_the_role_reaches_its_prefix_and_nothing_else(stack, only, access, objects, lists):
    """No bucket-wide list: every prefix would be listed to every interpreter."""
    bucket = s3.Bucket(stack, "Files")
    CodeInterpreter(stack, "One", base="one", storage=PrefixStorage(bucket.bucket_name, "one/", access))

    [policy] = only(ROLE)["Policies"]
    on_objects, *on_bucket = policy["PolicyDocument"]["Statement"]
    own_account = {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    bucket_id = stack.get_logical_id(bucket.node.default_child)
    assert on_objects["Action"] == objects
    assert joined(on_objects["Resource"]) == f"arn:<Partition>:s3:::<{bucket_id}>/one/*"
    assert on_objects["Condition"] == own_account
    assert [s["Action"] for s in on_bucket] == (["s3:ListBucket"] if lists else [])
    for statement in on_bucket:
        assert joined(statement["Resource"]) == f"arn:<Partition>:s3:::<{bucket_id}>"
        assert statement["Condition"] == {**own_account, "StringLike": {"s3:prefix": ["one/*"]}}


def test_the_template_carries_the_declaration(stack, resources):
    """What the policy check holds the template to; docs/architecture.md has the contract."""
    bucket = s3.Bucket(stack, "Files")
    waiver = Waiver(rule="ACCI-001", reason="pages", owner="team", until="2027-01-31")
    CodeInterpreter(
        stack,
        "One",
        base="one",
        fleet="demo",
        network=Network.public(),
        storage=PrefixStorage(bucket.bucket_name, "one/", "read"),
        waivers=[waiver],
    )
    CodeInterpreter(stack, "Two", base="two", fleet="demo")

    one, two = (r["Metadata"]["InterpreterFleet"] for r in resources(INTERPRETER).values())
    assert one == {
        "Fleet": "demo",
        "Base": "one",
        "Storage": {
            "Bucket": {"Ref": stack.get_logical_id(bucket.node.default_child)},
            "Prefix": "one/",
            "Access": "read",
        },
        "Waivers": [{"Rule": "ACCI-001", "Reason": "pages", "Owner": "team", "Until": "2027-01-31"}],
    }
    assert two == {"Fleet": "demo", "Base": "two", "Waivers": []}


def test_the_record_is_what_others_read(stack, only):
    """The template's text, with its references filled in as the deployment does, is a Record."""
    interpreter = CodeInterpreter(
        stack, "One", base="one", fleet="demo", storage=PrefixStorage("files", "one/", "read")
    )

    arn, role = "arn:aws:bedrock-agentcore:r:1:code-interpreter-custom/one__1-A", "arn:aws:iam::1:role/x"
    known = {"CodeInterpreterId": "one__1-A", "CodeInterpreterArn": arn, "Arn": role}
    record = Record.from_json(joined(only(RECORD)["Value"], **known), only(RECORD)["Name"])
    assert record == Record(
        fleet="demo",
        base="one",
        name=interpreter.interpreter_name,
        id="one__1-A",
        arn=arn,
        role_arn=role,
        network_mode="SANDBOX",
        bucket="files",
        prefix="one/",
        access="read",
        stack="mine",
        trust="exact",
        tags={"interpreter-fleet": "demo", "interpreter-base": "one"},
    )


def test_the_record_of_an_interpreter_without_storage_says_null(stack, only):
    CodeInterpreter(stack, "One", base="one")

    text = joined(only(RECORD)["Value"])
    assert {k: json.loads(text)[k] for k in ("bucket", "prefix", "access", "subnets")} == {
        "bucket": None,
        "prefix": None,
        "access": None,
        "subnets": [],
    }


def test_a_record_keeps_its_logical_id_when_its_construct_moves(app, tmp_path):
    """Its name is fixed: a second parameter of that name could not be created beside the first."""
    ids = set()
    for path in ("Here", "There"):
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / path)), "mine")
        interpreter = CodeInterpreter(stack, path, base="one")
        ids.add(stack.resolve(interpreter.node.find_child("Record").logical_id))

    assert len(ids) == 1


def test_tags_are_on_everything_that_takes_them(stack, only):
    CodeInterpreter(stack, "One", base="one", fleet="demo", tags={"team": "a"})

    tags = {"interpreter-base": "one", "interpreter-fleet": "demo", "team": "a"}
    assert only(INTERPRETER)["Tags"] == only(RECORD)["Tags"] == tags
    assert {t["Key"]: t["Value"] for t in only(ROLE)["Tags"]} == tags


def test_in_a_known_account_and_region_arns_are_literal(app, only):
    CodeInterpreter(cdk.Stack(app, "there", env=ENV), "One", base="one")

    [statement] = only(ROLE)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {
            "aws:SourceArn": "arn:aws:bedrock-agentcore:eu-west-1:111122223333:code-interpreter-custom/one__*"
        },
    }


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        (
            "grant_use",
            [
                (
                    {
                        "bedrock-agentcore:StartCodeInterpreterSession",
                        "bedrock-agentcore:InvokeCodeInterpreter",
                        "bedrock-agentcore:StopCodeInterpreterSession",
                    },
                    "arn:aws:bedrock-agentcore:eu-west-1:111122223333:code-interpreter-custom/one__*",
                )
            ],
        ),
        (
            "grant_read",
            [
                (
                    {"bedrock-agentcore:GetCodeInterpreter", "bedrock-agentcore:GetCodeInterpreterSession"},
                    "arn:aws:bedrock-agentcore:eu-west-1:111122223333:code-interpreter-custom/one__*",
                )
            ],
        ),
        (
            "grant_list",
            [
                (
                    {"bedrock-agentcore:ListCodeInterpreterSessions"},
                    "arn:aws:bedrock-agentcore:eu-west-1:111122223333:code-interpreter-custom/one__*",
                ),
                ({"bedrock-agentcore:ListCodeInterpreters"}, "*"),
            ],
        ),
        (
            "grant_lookup",
            [
                (
                    {"ssm:GetParameter"},
                    "arn:aws:ssm:eu-west-1:111122223333:parameter/interpreter-fleet/demo/one",
                )
            ],
        ),
    ],
)
def test_a_grant_is_these_actions_on_these_arns_and_no_more(app, resources, grant, expected):
    """Each covers every generation of the interpreter, so that a replacement takes nothing away."""
    stack = cdk.Stack(app, "there", env=ENV)
    caller = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    getattr(CodeInterpreter(stack, "One", base="one", fleet="demo"), grant)(caller)

    [policy] = resources("AWS::IAM::Policy").values()
    found = [
        ({s["Action"]} if isinstance(s["Action"], str) else set(s["Action"]), s["Resource"])
        for s in policy["Properties"]["PolicyDocument"]["Statement"]
        if set(s) == {"Action", "Effect", "Resource"} and s["Effect"] == "Allow"
    ]
    assert found == expected
    assert len(policy["Properties"]["PolicyDocument"]["Statement"]) == len(expected)


def test_a_grant_that_would_have_no_effect_fails(stack):
    """A service principal has no policy to add to, and interpreters have no resource policy."""
    interpreter = CodeInterpreter(stack, "One", base="one")

    with pytest.raises(RuntimeError, match="could not be added"):
        interpreter.grant_use(iam.ServicePrincipal("lambda.amazonaws.com"))


@pytest.mark.parametrize(
    ("helper", "name", "operation", "statistic"),
    [
        ("metric_invocations", "Invocations", "InvokeCodeInterpreter", "Sum"),
        ("metric_throttles", "Throttles", "InvokeCodeInterpreter", "Sum"),
        ("metric_system_errors", "SystemErrors", "InvokeCodeInterpreter", "Sum"),
        ("metric_user_errors", "UserErrors", "InvokeCodeInterpreter", "Sum"),
        ("metric_latency", "Latency", "InvokeCodeInterpreter", "Average"),
        ("metric_session_duration", "Duration", "CodeInterpreterSession", "Average"),
    ],
)
def test_a_metric_is_of_this_interpreter_and_one_operation(stack, only, helper, name, operation, statistic):
    interpreter = CodeInterpreter(stack, "One", base="one")
    metric = getattr(interpreter, helper)().with_(period=cdk.Duration.minutes(1))
    metric.create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)

    alarm = only("AWS::CloudWatch::Alarm")
    arn = stack.resolve(interpreter.interpreter_arn)
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == (
        "AWS/Bedrock-AgentCore",
        name,
        statistic,
        60,
    )
    assert sorted(alarm["Dimensions"], key=lambda d: d["Name"]) == [
        {"Name": "Operation", "Value": operation},
        {"Name": "Resource", "Value": arn},
    ]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"base": "a__b"}, "found 'a__b'; allowed: no '__'"),
        ({"base": "a", "fleet": "My Fleet"}, "found 'My Fleet'; allowed:"),
        ({"base": "a", "description": ""}, "found 0 characters; allowed: 1 to 4096"),
        ({"base": "a", "tags": {"aws:x": "y"}}, "found the tag key 'aws:x'; allowed:"),
    ],
)
def test_a_wrong_value_is_an_error_at_once(stack, declared, message):
    with pytest.raises(ValueError, match="allowed:") as raised:
        CodeInterpreter(stack, "One", **declared)

    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PrefixStorage("b", "team"), "found 'team'; allowed: a key prefix that ends in '/'"),
        (lambda: Network("SANDBOX", ("subnet-00000000",)), "found subnets or security groups with SANDBOX"),
        (
            lambda: Network.vpc(subnets=[], security_groups=["sg-00000000"]),
            "found 0 ids; allowed: 1 to 16 subnet",
        ),
        (lambda: Network.vpc(subnets=["x"], security_groups=[]), "found 'x'; allowed: subnet ids such as"),
    ],
)
def test_parts_are_checked_where_they_are_made(make, message):
    with pytest.raises(ValueError, match="allowed:") as raised:
        make()

    assert str(raised.value).startswith(message)
