"""Templates that nobody here wrote: the findings are those that a security engineer would write down."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interpreter_policies.engine import run
from interpreter_policies.files import load
from interpreter_policies.rules import rules_of

SAMPLES = Path(__file__).parent / "foreign"

# The CDK's own L2 construct: with its defaults, in each network mode, with a bucket granted as CDK does.
L2 = """
import sys
import aws_cdk as cdk
from aws_cdk import aws_bedrockagentcore as agentcore, aws_ec2 as ec2, aws_s3 as s3

app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "L2")
network = agentcore.CodeInterpreterNetworkConfiguration
vpc = ec2.Vpc(stack, "Network", max_azs=2)
agentcore.CodeInterpreterCustom(stack, "Plain")
agentcore.CodeInterpreterCustom(stack, "Sandbox", network_configuration=network.using_sandbox_network())
agentcore.CodeInterpreterCustom(stack, "Public", network_configuration=network.using_public_network())
inside = agentcore.CodeInterpreterCustom(
    stack, "Inside", network_configuration=network.using_vpc(stack, vpc=vpc)
)
s3.Bucket(stack, "Data").grant_read_write(inside.execution_role, "inside/*")
app.synth()
"""


def findings(path):
    """Rule → evidence of what is not a pass, for each interpreter by the start of its logical id."""
    report = run(load(path), rules_of("baseline"))
    found: dict[str, dict[str, str]] = {}
    for result in report.results:
        mine = found.setdefault(result.logical_id, {})
        if result.is_finding:
            mine[result.rule.id] = f"{result.status}: {result.evidence}"
    return found


@pytest.fixture(scope="module")
def l2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("l2")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", L2, str(folder)],
        env={**os.environ, "CDK_VALIDATION": "false"},
        check=True,
        capture_output=True,
    )
    return {name[:-8]: found for name, found in findings(folder).items()}


@pytest.mark.parametrize(
    ("interpreter", "fails"),
    [
        # PUBLIC unless one says otherwise, and a trust that `<name>2` meets as well.
        ("Plain", {"ACCI-001", "ACCI-012"}),
        ("Public", {"ACCI-001", "ACCI-012"}),
        ("Sandbox", {"ACCI-012"}),
        # The whole bucket can be listed, nothing names the account, the group lets everything out.
        ("Inside", {"ACCI-012", "ACCI-020", "ACCI-024", "ACCI-028", "ACCI-040"}),
    ],
)
def test_the_cdks_own_construct(l2, interpreter, fails):
    found = l2[interpreter]

    assert set(found) == fails
    assert all(said.startswith("fail") for said in found.values())


def test_a_tutorials_template():
    found = findings(SAMPLES / "sample_assistant.yaml")["Interpreter"]

    assert {"ACCI-001", "ACCI-011", "ACCI-012", "ACCI-022"} <= set(found)
    assert found["ACCI-022"] == "fail: role has arn:aws:iam::aws:policy/AmazonS3FullAccess"
    assert found["ACCI-020"].startswith("unknown: managed policy arn:aws:iam::aws:policy/AmazonS3FullAccess")


def test_a_template_for_all_stages():
    """Each stage is looked at; what another stack exports is not guessed."""
    found = findings(SAMPLES / "sample_environments.yaml")["Interpreter"]

    assert found["ACCI-001"].startswith("fail: with Stage=dev, Mode=PUBLIC: NetworkMode is PUBLIC")
    assert found["ACCI-030"].startswith("fail: with Stage=prod: MaxSessionDuration is 7200")
    assert found["ACCI-020"] == "unknown: export 'DataBucketArn' is not in these templates"
    assert "ACCI-012" not in found


def test_a_template_with_one_role_for_all():
    """The role is the same, however its ARN is written; its policy is attached by name."""
    found = findings(SAMPLES / "sample_shared_role.json")

    shared = {
        f"ACCI-{n}" for n in ("006", "010", "011", "012", "020", "021", "024", "025", "026", "027", "028")
    }
    assert shared <= set(found["One"])
    assert shared | {"ACCI-041"} <= set(found["Two"])
    assert found["One"]["ACCI-006"] == "fail: role AgentsRole is also the role of Two"
