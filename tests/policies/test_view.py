"""Everything that bears on an interpreter is found, wherever a template writes it."""

import json
from pathlib import Path

import pytest

from interpreter_policies.engine import run
from interpreter_policies.files import TemplateError, parse_text, read
from interpreter_policies.rules import all_rules
from interpreter_policies.template import Template, UnresolvedError, together

RULES = {rule.id: rule for rule in all_rules()}
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf"


def allow(action, resource=None, **more):
    found = {"Effect": "Allow", "Action": action, **more}
    return {
        "Version": "2012-10-17",
        "Statement": [found if resource is None else {**found, "Resource": resource}],
    }


def role_name(body):
    body["Resources"]["Role"]["Properties"] |= {"RoleName": "reader", "Path": "/BedrockAgentCore/"}


def bucket_for(principal):
    def change(body, interpreter):
        role_name(body)
        document = body["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]
        everything = allow("s3:GetObject", "arn:aws:s3:::data/*", Principal={"AWS": principal})
        document["Statement"] += everything["Statement"]

    return change


def resource(kind, **properties):
    def change(body, interpreter):
        role_name(body)
        body["Resources"]["Other"] = {"Type": kind, "Properties": properties}

    return change


def several(*changes):
    def change(body, interpreter):
        for one in changes:
            one(body, interpreter)

    return change


def user_in_group(body, interpreter):
    """One right by the user's own policy, the other by a group that it is added to."""
    body["Resources"] |= {
        "Ana": {
            "Type": "AWS::IAM::User",
            "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": allow("iam:PassRole", "*")}]},
        },
        "Makers": {
            "Type": "AWS::IAM::Group",
            "Properties": {
                "Policies": [
                    {
                        "PolicyName": "p",
                        "PolicyDocument": allow("bedrock-agentcore:CreateCodeInterpreter", "*"),
                    }
                ]
            },
        },
        "Joins": {
            "Type": "AWS::IAM::UserToGroupAddition",
            "Properties": {"GroupName": {"Ref": "Makers"}, "Users": [{"Ref": "Ana"}]},
        },
    }


def public_where_open(body, interpreter):
    body["Parameters"] = {"Open": {"Type": "String", "AllowedValues": [True, False]}}
    body["Conditions"] = {"IsOpen": {"Fn::Equals": [{"Ref": "Open"}, "true"]}}
    mode = {"Fn::If": ["IsOpen", "PUBLIC", "SANDBOX"]}
    interpreter["Properties"]["NetworkConfiguration"]["NetworkMode"] = mode


def parameter_resource(body, interpreter):
    body["Resources"]["Kept"] = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": "*"},
    }


def policy_as_text(text):
    """A policy that is written as a text, as some resources take it."""
    grant = '"Principal": {"AWS": "${Role.Arn}"}, "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"'
    return resource("AWS::S3::BucketPolicy", Bucket="other", PolicyDocument={"Fn::Sub": text % grant})


def part_of_the_account(body, interpreter):
    part = {"Fn::Select": [0, {"Fn::Split": ["1", {"Ref": "AWS::AccountId"}]}]}
    statements = body["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    for one in statements:
        one["Condition"]["StringEquals"]["aws:ResourceAccount"] = part


ROLE = {"AWS": {"Fn::GetAtt": ["Role", "Arn"]}}
USE_ALL = allow(["bedrock-agentcore:InvokeCodeInterpreter"], "*")


@pytest.mark.parametrize(
    ("change", "rule", "status"),
    [
        (public_where_open, "ACCI-001", "fail"),
        (bucket_for("arn:aws:iam::111122223333:role/BedrockAgentCore/reader"), "ACCI-020", "fail"),
        (bucket_for("arn:aws-cn:iam::111122223333:role/BedrockAgentCore/reader"), "ACCI-020", "fail"),
        (bucket_for("arn:aws:iam::111122223333:role/BedrockAgentCore/reader2"), "ACCI-020", "pass"),
        (bucket_for("111122223333"), "ACCI-020", "pass"),
        (
            resource(
                "AWS::SecretsManager::ResourcePolicy",
                SecretId=SECRET,
                ResourcePolicy=allow("secretsmanager:GetSecretValue", "*", Principal=ROLE),
            ),
            "ACCI-020",
            "fail",
        ),
        (
            resource("AWS::SQS::QueuePolicy", PolicyDocument=allow("sqs:*", "*", Principal=ROLE)),
            "ACCI-020",
            "fail",
        ),
        (
            resource("AWS::IAM::Role", AssumeRolePolicyDocument=allow("sts:AssumeRole", Principal=ROLE)),
            "ACCI-025",
            "fail",
        ),
        # Only a service's request carries the key: this is how a queue listens to a topic.
        (
            resource(
                "AWS::SQS::QueuePolicy",
                PolicyDocument=allow(
                    "sqs:SendMessage",
                    "*",
                    Principal="*",
                    Condition={"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:111122223333:t"}},
                ),
            ),
            "ACCI-020",
            "pass",
        ),
        (
            resource("AWS::EC2::VPCEndpoint", PolicyDocument=allow("s3:*", "*", Principal="*")),
            "ACCI-020",
            "pass",
        ),
        (
            resource("AWS::CloudFormation::Stack", TemplateURL="u", Parameters={"R": {"Ref": "Role"}}),
            "ACCI-020",
            "unknown",
        ),
        (
            resource(
                "AWS::CloudFormation::Stack", TemplateURL="u", Parameters={"R": {"Fn::Sub": "x-${Role.Arn}"}}
            ),
            "ACCI-020",
            "unknown",
        ),
        (resource("AWS::CloudFormation::Stack", TemplateURL="u"), "ACCI-020", "pass"),
        (resource("AWS::Serverless::Function", Policies=[USE_ALL]), "ACCI-060", "fail"),
        (resource("AWS::Serverless::Function", Policies=["SomePolicy"]), "ACCI-060", "unknown"),
        (resource("AWS::Serverless::Function", Role="arn:r", Policies=[USE_ALL]), "ACCI-060", "pass"),
        (resource("AWS::SSO::PermissionSet", InlinePolicy=USE_ALL), "ACCI-060", "fail"),
        (
            resource(
                "AWS::SSO::PermissionSet", ManagedPolicies=["arn:aws:iam::aws:policy/AdministratorAccess"]
            ),
            "ACCI-060",
            "fail",
        ),
        (user_in_group, "ACCI-062", "fail"),
        (resource("AWS::Serverless::StateMachine", Policies=[USE_ALL]), "ACCI-060", "fail"),
        (
            resource("AWS::CloudFormation::Stack", TemplateURL="u", Parameters={"R": "reader"}),
            "ACCI-020",
            "unknown",
        ),
        (
            resource(
                "AWS::IAM::Policy",
                PolicyName="p",
                Roles=[{"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": ["Role", "Arn"]}]}]}],
                PolicyDocument=allow("s3:*", "*"),
            ),
            "ACCI-020",
            "fail",
        ),
        (bucket_for({"Fn::Sub": "arn:aws:sts::${AWS::AccountId}:assumed-role/reader/s"}), "ACCI-020", "fail"),
        (bucket_for({"Fn::Sub": "arn:aws:sts::${AWS::AccountId}:assumed-role/other/s"}), "ACCI-020", "pass"),
        (bucket_for("{{resolve:ssm:/who}}"), "ACCI-020", "unknown"),
        (several(parameter_resource, bucket_for({"Fn::GetAtt": "Kept.Value"})), "ACCI-020", "unknown"),
        (
            resource("AWS::Lambda::Permission", Principal={"Fn::GetAtt": ["Role", "Arn"]}),
            "ACCI-020",
            "unknown",
        ),
        (resource("AWS::Lambda::Permission", Principal="*"), "ACCI-020", "unknown"),
        (resource("AWS::Lambda::Permission", Principal="s3.amazonaws.com"), "ACCI-020", "pass"),
        (
            resource(
                "AWS::S3::AccessGrant",
                Grantee={
                    "GranteeIdentifier": {
                        "Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/BedrockAgentCore/reader"
                    }
                },
            ),
            "ACCI-020",
            "unknown",
        ),
        (policy_as_text('{"Statement": [{"Effect": "Allow", %s}]}'), "ACCI-020", "fail"),
        (policy_as_text('{"Statement": [{"Effect": "Deny", %s}]}'), "ACCI-020", "pass"),
        (policy_as_text('{"Statement": [{"Effect": "Allow", %s}'), "ACCI-020", "unknown"),
        (policy_as_text('#!/bin/sh\necho "Statement" %s'), "ACCI-020", "pass"),
        (part_of_the_account, "ACCI-028", "fail"),
    ],
)
def test_what_bears_on_an_interpreter_is_found(load, change, rule, status):
    report = run([load(change)], [RULES[rule]])

    found = next(one for one in report.results if one.logical_id == "Interpreter")
    assert found.status == status, found.evidence


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<AWS::AccountId>", "unknown"),
        ("<Bucket>", "unknown"),
        ("<Role.Arn>", "unknown"),
        ("<html><b>fine</b></html>", "pass"),
    ],
)
def test_a_placeholder_that_nobody_filled_in_is_no_value(load, text, status):
    def change(body, interpreter):
        interpreter["Properties"]["Description"] = text

    report = run([load(change)], [RULES["ACCI-001"]])

    assert [one.status for one in report.results] == [status]


def test_a_key_that_is_there_twice_is_an_error(tmp_path):
    file = tmp_path / "t.json"
    file.write_text('{"Resources": {"A": {"Type": "x", "Type": "y"}}}')

    with pytest.raises(TemplateError, match="found key 'Type' twice"):
        read(file)


def test_yaml_numbers_and_keys_are_what_is_written():
    text = (
        "Resources: {on: {Type: x, Properties: {111122223333: 012345670123, b: 12:30:00, c: 3600, d: yes}}}"
    )

    found = parse_text(text, Path("t.yaml")).body["Resources"]["on"]["Properties"]
    assert found == {"111122223333": "012345670123", "b": "12:30:00", "c": 3600, "d": True}


def test_neighbours_whose_conditions_are_open_make_nothing_unknown():
    """Eight of them are 256 possibilities; the one that always exists asks about none."""
    good = json.loads((Path(__file__).parent / "rules/ACCI-020/pass_read_write.json").read_text())
    resources = good["Resources"]
    names = [f"N{number}" for number in range(8)]
    good["Conditions"] = {name: {"Fn::Equals": [{"Ref": "AWS::Region"}, name]} for name in names}
    for name in names:
        for one in ("Role", "Interpreter"):
            copy = json.loads(json.dumps(resources[one]).replace("analytics", name.lower()))
            copy["Condition"] = name
            resources[f"{name}{one}"] = copy
        resources[f"{name}Interpreter"]["Properties"]["ExecutionRoleArn"] = {
            "Fn::GetAtt": [f"{name}Role", "Arn"]
        }

    report = run([Template(Path("t.json"), good)], list(RULES.values()))

    mine = {one.rule.id: one.status for one in report.results if one.logical_id == "Interpreter"}
    assert [rule for rule, status in mine.items() if status == "unknown"] == []


@pytest.mark.parametrize("file", ["Here.template.json", "stage/Here.template.json"])
def test_a_stack_is_known_by_its_name_in_the_manifest_beside_it(tmp_path, file):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"Resources": {}}')
    artifact = {"properties": {"templateFile": path.name, "stackName": "prod-here"}}
    (path.parent / "manifest.json").write_text(json.dumps({"artifacts": {"Here": artifact}}))

    assert read(path).name == "prod-here"


def test_an_output_that_two_stacks_have_is_not_guessed():
    def stack(name, value):
        output = {"Out": {"Value": value, "Export": {"Name": "out"}}}
        return Template(Path(f"{name}.json"), {"Resources": {}, "Outputs": output})

    one, _ = together([stack("a", "1"), stack("b", "2")])

    with pytest.raises(UnresolvedError, match="export 'out' is in several of these templates"):
        one.text({"Fn::ImportValue": "out"})


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "t.yaml").write_bytes(b"Resources: \xff\xfe")

    with pytest.raises(TemplateError, match=r"t\.yaml: cannot be read"):
        read(tmp_path / "t.yaml")
