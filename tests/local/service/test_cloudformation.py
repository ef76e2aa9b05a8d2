"""The resource type in stacks: create, replace, retag, delete, and stacks that fail."""

import json
import uuid

import pytest
from botocore.exceptions import WaiterError

ACCOUNT = "123456789012"
QUICK = {"Delay": 0.1, "MaxAttempts": 100}


def template(name, mode="SANDBOX", tags=None, role=False, service="bedrock-agentcore.amazonaws.com", **more):
    """A stack with one interpreter, and its role if one is wanted."""
    properties = {"Name": name, "NetworkConfiguration": {"NetworkMode": mode}, "Tags": tags or {}, **more}
    resources = {
        "Interpreter": {"Type": "AWS::BedrockAgentCore::CodeInterpreterCustom", "Properties": properties}
    }
    if role:
        source = f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter-custom/{name}-*"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": source}},
        }
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        resources["Role"] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
        properties["ExecutionRoleArn"] = {"Fn::GetAtt": ["Role", "Arn"]}
    outputs = {
        "Id": {"Value": {"Ref": "Interpreter"}},
        "Arn": {"Value": {"Fn::GetAtt": ["Interpreter", "CodeInterpreterArn"]}},
    }
    return json.dumps({"Resources": resources, "Outputs": outputs})


@pytest.fixture
def stack(client):
    """A stack's name with `create`, `update` and `delete`; removed after the test."""
    cloudformation = client("cloudformation")

    class Stack:
        name = f"stack-{uuid.uuid4().hex[:8]}"

        def create(self, body):
            cloudformation.create_stack(
                StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"]
            )
            return self.after("create")

        def update(self, body):
            cloudformation.update_stack(
                StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"]
            )
            return self.after("update")

        def delete(self):
            cloudformation.delete_stack(StackName=self.name)
            return self.after("delete")

        def after(self, what):
            waiter = cloudformation.get_waiter(f"stack_{what}_complete")
            waiter.wait(StackName=self.name, WaiterConfig=QUICK)
            return self.outputs() if what != "delete" else {}

        def outputs(self):
            [found] = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
            return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

        def status(self):
            return cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]

        def reasons(self):
            events = cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
            return " ".join(event.get("ResourceStatusReason", "") for event in events)

    one = Stack()
    yield one
    one.delete()


def ids(control):
    pages = control.get_paginator("list_code_interpreters").paginate(type="CUSTOM")
    return {one["codeInterpreterId"] for page in pages for one in page["codeInterpreterSummaries"]}


def test_a_stack_makes_an_interpreter_and_removes_it(stack, control, name):
    outputs = stack.create(template(name, tags={"team": "a"}, role=True, Description="of a stack"))

    got = control.get_code_interpreter(codeInterpreterId=outputs["Id"])
    assert (got["name"], got["description"], got["status"]) == (name, "of a stack", "READY")
    assert got["codeInterpreterArn"] == outputs["Arn"]
    tags = control.list_tags_for_resource(resourceArn=outputs["Arn"])["tags"]
    assert tags["team"] == "a"
    assert tags["aws:cloudformation:stack-name"] == stack.name
    stack.delete()
    assert outputs["Id"] not in ids(control)


def test_tags_are_updated_in_place(stack, control, name):
    before = stack.create(template(name, tags={"team": "a", "old": "1"}))
    after = stack.update(template(name, tags={"team": "b"}))

    assert after == before
    tags = control.list_tags_for_resource(resourceArn=after["Arn"])["tags"]
    assert {key: value for key, value in tags.items() if not key.startswith("aws:")} == {"team": "b"}


def test_any_other_change_replaces_it(stack, control, name):
    before = stack.create(template(name))
    after = stack.update(template(name + "2", mode="PUBLIC"))

    assert after["Id"] != before["Id"]
    assert before["Id"] not in ids(control)
    mode = control.get_code_interpreter(codeInterpreterId=after["Id"])["networkConfiguration"]["networkMode"]
    assert mode == "PUBLIC"


def test_a_replacement_under_the_same_name_rolls_back(stack, control, name):
    """It is created before the old one is deleted: why names carry a hash."""
    before = stack.create(template(name))

    with pytest.raises(WaiterError):
        stack.update(template(name, mode="PUBLIC"))

    assert stack.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert f"A code interpreter with name {name} already exists" in stack.reasons()
    assert before["Id"] in ids(control)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"name": "has-hyphen"}, "has-hyphen"),
        ({"mode": "PRIVATE"}, "PRIVATE"),
        ({"role": True, "service": "ec2.amazonaws.com"}, "role validation failed"),
        ({"FilesystemConfigurations": []}, "extraneous key [FilesystemConfigurations] is not permitted"),
    ],
)
def test_a_creation_that_fails_fails_the_stack(stack, control, name, body, reason):
    before = ids(control)

    with pytest.raises(WaiterError):
        stack.create(template(**{"name": name, **body}))

    assert stack.status() == "ROLLBACK_COMPLETE"
    assert reason in stack.reasons()
    assert ids(control) == before


def test_a_stack_with_a_subnet_that_does_not_exist_fails(stack, name):
    config = {"Subnets": ["subnet-0123456789"], "SecurityGroups": ["sg-00000001"]}
    network = {"NetworkMode": "VPC", "VpcConfig": config}

    with pytest.raises(WaiterError):
        stack.create(template(name, NetworkConfiguration=network))

    assert "subnet-0123456789 does not exist" in stack.reasons()


def test_a_role_has_the_boundary_of_its_template(stack, client, name):
    iam = client("iam")
    arns = []
    for number in range(2):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        made = iam.create_policy(PolicyName=f"{name}{number}", PolicyDocument=json.dumps(document))
        arns.append(made["Policy"]["Arn"])

    def body(boundary):
        found = json.loads(template(name, role=True))
        found["Resources"]["Role"]["Properties"]["PermissionsBoundary"] = boundary
        found["Outputs"]["Role"] = {"Value": {"Ref": "Role"}}
        return json.dumps(found)

    def boundary(outputs):
        role = iam.get_role(RoleName=outputs["Role"])["Role"]
        return role["PermissionsBoundary"]["PermissionsBoundaryArn"]

    assert boundary(stack.create(body(arns[0]))) == arns[0]
    assert boundary(stack.update(body(arns[1]))) == arns[1]
