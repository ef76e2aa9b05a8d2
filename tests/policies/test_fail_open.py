"""No finding is not a pass: the ways in which engines are known to let a fleet through, each closed.

Some are closed by a tool's own tests: a rule that crashes (test_synth_gate, test_cfn_lint, test_checkov,
test_engine), a rule module that does not load (test_cfn_lint, test_checkov), results that are left out
(test_checkov), nothing to check (test_synth_gate, test_cli).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interpreter_policies.adapters import checkov
from interpreter_policies.cli import main

from .test_synth_gate import APP, CRASHING, PUBLIC, synth  # noqa: F401 - a fixture

BIN = Path(sys.executable).parent
PROGRAM = Path(__file__).parents[2] / ".venv-checkov/bin/checkov"


def of_any_mode(body, interpreter):
    """The network mode is whatever the deployment says."""
    body["Parameters"] = {"Mode": {"Type": "String", "Default": "SANDBOX"}}
    interpreter["Properties"]["NetworkConfiguration"]["NetworkMode"] = {"Ref": "Mode"}


def misspelt(body, interpreter):
    """No rule knows this type."""
    interpreter["Type"] = "AWS::BedrockAgentCore::CodeInterpretterCustom"


def cfn_lint(file):
    """cfn-lint with our rules: its exit status and what it says."""
    argv = [str(BIN / "cfn-lint"), "--append-rules", "interpreter_policies.adapters.cfn_lint"]
    done = subprocess.run(
        [*argv, "--regions", "us-east-1", "--", str(file)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def plugin(folder, file):
    """pytest with our plugin and one test: its exit status and what it says."""
    (folder / "conftest.py").write_text('pytest_plugins = ["interpreter_policies.adapters.pytest_plugin"]\n')
    (folder / "test_it.py").write_text("def test_it(interpreters):\n    interpreters.assert_compliant()\n")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--templates", str(file)]
    done = subprocess.run(
        [*argv, "--rootdir", str(folder), "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_mode_by_parameter_fails_everywhere(template, tmp_path, capsys):
    """Its default is no promise."""
    file = template(of_any_mode)
    said = "parameter Mode may have any value, 'SANDBOX' is only its default"

    assert main([str(file)]) == 1
    assert said in capsys.readouterr().out
    for code, output in (cfn_lint(file), plugin(tmp_path, file)):
        assert code != 0
        assert said in output


def test_a_misspelt_type_fails_everywhere(template, tmp_path, capsys):
    file = template(misspelt)

    assert main([str(file)]) == 3
    assert "nothing to check: no code interpreter in" in capsys.readouterr().err
    code, output = cfn_lint(file)
    assert code != 0
    assert "E3006" in output  # cfn-lint's own: there is no such type
    code, output = plugin(tmp_path, file)
    assert code != 0
    assert "no code interpreter in" in output


def test_a_template_that_cannot_be_read_fails_everywhere(tmp_path, capsys):
    file = tmp_path / "fleet.template.json"
    file.write_text("{")

    assert main([str(file)]) == 3
    assert "cannot be read as JSON" in capsys.readouterr().err
    for code, _ in (cfn_lint(file), plugin(tmp_path, file)):
        assert code != 0


def test_an_unknown_rule_is_wrong_usage(template, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([str(template()), "--rule", "ACCI-999"])

    assert "no rule 'ACCI-999', expected one of ACCI-001" in capsys.readouterr().err


@pytest.mark.parametrize("body", [PUBLIC.format(mode="PUBLIC"), PUBLIC.format(mode="SANDBOX") + CRASHING])
def test_an_app_that_is_run_by_itself_fails_as_under_cdk_synth(tmp_path, body):
    (tmp_path / "app.py").write_text(APP.format(body=body))

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "app.py"],
        cwd=tmp_path,
        env={**os.environ, "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "NetworkMode is PUBLIC" in done.stdout + done.stderr or "crashed" in done.stdout + done.stderr


def test_a_finding_is_no_warning_whatever_the_context_says(synth, tmp_path):  # noqa: F811
    """The CDK turns errors of rules that are given to its own engine into warnings; ours stay errors."""
    context = {"@aws-cdk/core:validateAgainstDefaultRules": False}
    (tmp_path / "cdk.json").write_text(json.dumps({"context": context}))

    assert synth(PUBLIC.format(mode="PUBLIC")).returncode != 0


def test_an_acknowledgement_does_not_silence_what_cannot_be_waived(synth):  # noqa: F811
    """Any author of an app can acknowledge an error; a rule that cannot be waived is fatal."""
    trusted = """
from aws_cdk import aws_iam as iam
role = iam.Role(stack, "Role", assumed_by=iam.AnyPrincipal())
agentcore.CfnCodeInterpreterCustom(
    stack, "Interpreter", name="tool", execution_role_arn=role.role_arn,
    network_configuration=agentcore.CfnCodeInterpreterCustom.CodeInterpreterNetworkConfigurationProperty(
        network_mode="SANDBOX"))
cdk.Validations.of(stack).acknowledge(
    *(cdk.Acknowledgment(id=f"interpreter-fleet::ACCI-0{n:02}", reason="no") for n in range(1, 81)))
"""

    done = synth(trusted)

    assert done.returncode != 0
    assert "only the AgentCore service may assume the role" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (of_any_mode, 1, "CKV_ACCI_001 analytics: parameter Mode may have any value"),
        (misspelt, 3, "no code interpreter in the templates"),
    ],
)
def test_checkov_fails_as_well(template, capsys, change, code, said):
    """By itself it says nothing of either, and exits 0."""
    assert checkov.main([str(template(change)), "--checkov", str(PROGRAM)]) == code
    output = capsys.readouterr()
    assert said in output.out + output.err


def test_an_unknown_profile_is_no_empty_one(template, tmp_path, monkeypatch, capsys):
    """Checkov passes over an id that it does not know; ours are chosen by profile, and that must exist."""
    monkeypatch.setenv("INTERPRETER_FLEET_PROFILE", "strict")

    assert checkov.main([str(template()), "--checkov", str(PROGRAM)]) == 3
    assert "INTERPRETER_FLEET_PROFILE is 'strict', expected one of baseline" in capsys.readouterr().err
    code, output = cfn_lint(template())
    assert code != 0
    assert "is 'strict'" in output
