"""`cdk synth` with the gate, through the real CLI: a finding stops it, and so does a rule that crashes."""

import json
import os
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

APP = """
import aws_cdk as cdk
from aws_cdk import aws_bedrockagentcore as agentcore
from interpreter_policies.adapters import synth_gate

app = cdk.App()
stack = cdk.Stack(app, "Stack")
{body}
synth_gate.register(app)
app.synth()
"""
PUBLIC = """
agentcore.CfnCodeInterpreterCustom(
    stack, "Interpreter", name="tool",
    network_configuration=agentcore.CfnCodeInterpreterCustom.CodeInterpreterNetworkConfigurationProperty(
        network_mode="{mode}"))
"""
CRASHING = """
from interpreter_policies.rules.network.mode import NetworkMode
NetworkMode.check = lambda self, interpreter, fleet: 1 / 0
"""


@pytest.fixture
def synth(tmp_path):
    """`synth(body)` → the finished `cdk synth` of an app with that body."""

    def run(body):
        (tmp_path / "app.py").write_text(APP.format(body=textwrap.dedent(body)))
        path = f"{ROOT / 'node_modules/.bin'}{os.pathsep}{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["cdk", "synth", "--quiet", "--app", "python app.py", "--output", str(tmp_path / "cdk.out")],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "CDK_DISABLE_CLI_TELEMETRY": "true"},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_a_template_without_findings_passes(synth):
    done = synth(PUBLIC.format(mode="SANDBOX"))

    assert done.returncode == 0, done.stderr


def test_a_finding_stops_the_synth(synth):
    done = synth(PUBLIC.format(mode="PUBLIC"))

    assert done.returncode != 0
    assert "NetworkMode is PUBLIC, expected SANDBOX or VPC" in done.stdout + done.stderr


def test_a_rule_that_crashes_stops_the_synth(synth):
    """By itself the CDK exits 0 when a plugin raises."""
    done = synth(PUBLIC.format(mode="SANDBOX") + CRASHING)

    assert done.returncode != 0
    assert "rule ACCI-001 crashed" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [("", "NetworkMode is PUBLIC, expected SANDBOX or VPC"), (CRASHING, "rule ACCI-001 crashed")],
    ids=["finding", "crash"],
)
def test_so_does_one_in_a_stage(synth, more, said):
    """By itself `cdk synth` looks at no stack of a stage, and exits 0."""
    staged = 'stack = cdk.Stack(cdk.Stage(app, "Prod"), "Stack")\n'

    done = synth(staged + PUBLIC.format(mode="PUBLIC") + more)

    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_nothing_to_check_stops_the_synth(synth):
    done = synth("")

    assert done.returncode != 0
    assert "nothing to check" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("securityhub", "NetworkMode is SANDBOX, expected VPC"),
        ("strict", "context interpreter-fleet:profile is 'strict', expected one of baseline, securityhub"),
    ],
)
def test_the_context_names_another_profile(synth, tmp_path, profile, said):
    """Here in cdk.json; `-c interpreter-fleet:profile=…` does the same."""
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"interpreter-fleet:profile": profile}}))

    done = synth(PUBLIC.format(mode="SANDBOX"))

    assert done.returncode != 0
    assert said in done.stdout + done.stderr


STACKS = """
from aws_cdk import aws_iam as iam, aws_s3 as s3
data = cdk.Stack(app, "Data", stack_name="prod-data")
bucket = s3.Bucket(data, "Bucket")
role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("bedrock-agentcore.amazonaws.com"))
bucket.grant_read(role)
agentcore.CfnCodeInterpreterCustom(
    stack, "Interpreter", name="tool", execution_role_arn=role.role_arn,
    network_configuration=agentcore.CfnCodeInterpreterCustom.CodeInterpreterNetworkConfigurationProperty(
        network_mode="SANDBOX"))
"""


@pytest.mark.parametrize("references", ["weak", "strong"])
def test_a_stack_is_known_by_its_name_and_not_its_file(synth, tmp_path, references):
    context = {"@aws-cdk/core:defaultCrossStackReferences": references}
    (tmp_path / "cdk.json").write_text(json.dumps({"context": context}))

    done = synth(STACKS)

    said = done.stdout + done.stderr
    assert "the role allows s3:getobject on arn:<AWS::Partition>:s3:::<prod-data/Bucket" in said
    assert "is not in these templates" not in said


def test_a_waiver_file_comes_from_the_environment(synth, tmp_path, monkeypatch):
    waiver = "- {rule: ACCI-001, interpreter: Interpreter, reason: a, owner: b, until: 2999-01-01}\n"
    (tmp_path / "waivers.yaml").write_text(waiver)
    monkeypatch.setenv("INTERPRETER_FLEET_WAIVERS", str(tmp_path / "waivers.yaml"))

    assert synth(PUBLIC.format(mode="PUBLIC")).returncode == 0
    done = synth(PUBLIC.format(mode="SANDBOX"))
    assert done.returncode != 0
    assert "is not needed: the rule holds" in done.stdout + done.stderr
