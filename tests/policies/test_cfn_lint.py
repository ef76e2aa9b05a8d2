"""cfn-lint with our rules: the same findings as the core, on every template of the rules' own tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interpreter_policies import engine
from interpreter_policies.files import read
from interpreter_policies.rules import all_rules, rules_of

ROOT = Path(__file__).parents[2]
CASES = sorted((Path(__file__).parent / "rules").glob("*/*.json"))
ADAPTER = "interpreter_policies.adapters.cfn_lint"


def lint(*arguments, **options):
    # Only ours: what cfn-lint itself says of these templates is another matter.
    others = ["E0", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "W", "I"]
    return subprocess.run(
        [ROOT / ".venv/bin/cfn-lint", "--ignore-checks", *others, "--format", "json", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


@pytest.mark.slow
def test_every_template_has_the_same_findings_as_in_the_core():
    done = lint("--append-rules", ADAPTER, "--", *CASES)

    found = {path: set() for path in CASES}
    for match in json.loads(done.stdout):
        logical_id = match["Location"]["Path"][1]
        found[Path(match["Filename"])].add((match["Rule"]["Id"], logical_id))
    assert done.returncode == 2
    for path in CASES:
        report = engine.run([read(path)], rules_of("baseline"), known=all_rules())
        expected = {
            (f"E9{result.rule.id.removeprefix('ACCI-')}", result.logical_id)
            for result in report.results
            if result.is_finding
        }
        expected |= {("E9000", problem.logical_id) for problem in report.problems}
        assert found[path] == expected, path


def test_yaml_with_short_intrinsics_is_read(tmp_path):
    template = tmp_path / "t.yaml"
    template.write_text(
        "Resources:\n"
        "  Tool:\n"
        "    Type: AWS::BedrockAgentCore::CodeInterpreterCustom\n"
        "    Properties:\n"
        "      Name: tool\n"
        "      Description: !Sub 'in ${AWS::Region}'\n"
        "      NetworkConfiguration: {NetworkMode: PUBLIC}\n"
    )

    done = lint("--append-rules", ADAPTER, "--", template)

    [match] = json.loads(done.stdout)
    assert match["Rule"]["Id"] == "E9001"
    assert match["Location"]["Start"]["LineNumber"] == 2


def test_an_interpreter_under_an_open_condition_is_judged_as_in_the_core(tmp_path):
    """Under each possibility, and no crash because of it."""
    template = tmp_path / "t.yaml"
    template.write_text(
        "Parameters:\n"
        "  Stage: {Type: String, AllowedValues: [a, b]}\n"
        "Conditions:\n"
        "  IsA: !Equals [!Ref Stage, a]\n"
        "Resources:\n"
        "  Tool:\n"
        "    Type: AWS::BedrockAgentCore::CodeInterpreterCustom\n"
        "    Condition: IsA\n"
        "    Properties:\n"
        "      Name: tool\n"
        "      NetworkConfiguration: {NetworkMode: PUBLIC}\n"
    )

    done = lint("--append-rules", ADAPTER, "--", template)

    [match] = json.loads(done.stdout)
    assert match["Rule"]["Id"] == "E9001"
    assert "with Stage=a: NetworkMode is PUBLIC" in match["Message"]


def test_a_template_without_interpreters_is_none_of_our_business(tmp_path):
    template = tmp_path / "t.json"
    template.write_text('{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}')

    assert lint("--append-rules", ADAPTER, "--", template).returncode == 0


@pytest.mark.parametrize(
    ("module", "content"),
    [
        (
            "crashing_rule",
            "from interpreter_policies.rules.network.mode import NetworkMode\n"
            "NetworkMode.check = lambda self, interpreter, fleet: 1 / 0\n"
            "from interpreter_policies.adapters.cfn_lint import *\n",
        ),
        ("broken_module", "this is no Python\n"),
    ],
)
def test_a_rule_that_crashes_fails_the_run(tmp_path, module, content):
    """E0002 for a rule, an import error for a module: both are findings of cfn-lint itself."""
    (tmp_path / f"{module}.py").write_text(content)
    good = Path(__file__).parent / "rules/ACCI-020/pass_read_write.json"

    done = subprocess.run(
        [ROOT / ".venv/bin/cfn-lint", "--append-rules", module, "--", good],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode != 0
    assert "E0002" in done.stdout or "broken_module" in done.stdout + done.stderr


def test_another_profile_and_a_waiver_file_come_from_the_environment(template, tmp_path, monkeypatch):
    """cfn-lint has no options for what a rule reads; a profile that there is not fails its run."""
    file = template()

    def findings(profile):
        environment = {**os.environ, "INTERPRETER_FLEET_PROFILE": profile}
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("cfn-lint")),
                "--append-rules",
                "interpreter_policies.adapters.cfn_lint",
                "--format",
                "parseable",
                "--regions",
                "us-east-1",
                "--",
                str(file),
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert "E9002" not in findings("baseline")[1]
    assert "E9002" in findings("securityhub")[1]
    code, said = findings("strict")
    assert code != 0
    assert "INTERPRETER_FLEET_PROFILE is 'strict', expected one of baseline" in said
