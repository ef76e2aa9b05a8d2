"""The examples are apps that synthesize, each as its own docstring says."""

import importlib.util
from pathlib import Path

import aws_cdk as cdk

from interpreter_fleet import Network

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_plain_constructs_in_an_app_of_your_own(app, resources):
    example("plain_constructs").assistant(app)

    assert len(resources("AWS::BedrockAgentCore::CodeInterpreterCustom")) == 2
    [alarm] = resources("AWS::CloudWatch::Alarm").values()
    assert {d["Name"] for d in alarm["Properties"]["Dimensions"]} == {"Resource", "Operation"}
    [policy] = resources("AWS::IAM::Policy").values()
    assert [s["Resource"] == "*" for s in policy["Properties"]["PolicyDocument"]["Statement"]] == [
        False,
        False,
    ]


def test_an_interpreter_in_a_given_network(app, resources):
    network = Network.vpc(subnets=["subnet-00000000", "subnet-00000001"], security_groups=["sg-00000000"])
    example("vpc_mode").warehouse(app, network)

    [interpreter] = resources("AWS::BedrockAgentCore::CodeInterpreterCustom").values()
    assert interpreter["Properties"]["NetworkConfiguration"]["NetworkMode"] == "VPC"


def test_ids_come_from_the_command_line(tmp_path):
    app = cdk.App(outdir=str(tmp_path), context={"subnets": "subnet-00000000,subnet-00000001"})

    assert example("vpc_mode").ids(app, "subnets") == ["subnet-00000000", "subnet-00000001"]
    assert example("vpc_mode").ids(app, "security_groups") == []
