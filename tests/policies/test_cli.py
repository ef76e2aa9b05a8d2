"""scripts/check.py: what it prints, in which format, with which exit status."""

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from interpreter_policies.cli import main

ROOT = Path(__file__).parents[2]


def public(body, interpreter):
    interpreter["Properties"]["NetworkConfiguration"]["NetworkMode"] = "PUBLIC"


def test_a_template_without_findings_exits_0(template):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/check.py", template()], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("ok: 26 pass\n")


def test_a_finding_exits_1_and_says_why_and_what_to_do(template, capsys):
    assert main([str(template(public))]) == 1

    printed = capsys.readouterr().out
    assert "ACCI-001  analytics    FAIL     NetworkMode is PUBLIC, expected SANDBOX or VPC" in printed
    assert "  fix: Set NetworkMode to SANDBOX or VPC" in printed
    assert printed.endswith("FAILED: 25 pass, 1 fail\n")


@pytest.mark.parametrize("arguments", [["--format", "yaml"], ["--rule", "ACCI-000"], ["explain", "nothing"]])
def test_wrong_usage_exits_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)

    assert exit_.value.code == 2
    assert "ACCI-001" in capsys.readouterr().err or "yaml" in arguments


def test_what_cannot_be_checked_exits_3(tmp_path, capsys):
    assert main([str(tmp_path / "cdk.out")]) == 3
    assert "no such file or folder; run `cdk synth` first" in capsys.readouterr().err


def test_json_holds_every_result(template, capsys):
    assert main([str(template(public)), "--format", "json"]) == 1

    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == 1
    assert report["ok"] is False
    assert [one["rule"] for one in report["results"] if one["status"] != "pass"] == ["ACCI-001"]
    assert len(report["results"]) == 26


def test_sarif_points_at_the_resource(template, capsys):
    path = template(public)
    main([str(path), "--format", "sarif"])

    [result] = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert result["ruleId"] == "ACCI-001"
    assert '"Interpreter": {' in path.read_text().splitlines()[region["startLine"] - 1]


def test_junit_counts_findings(template, capsys):
    main([str(template(public)), "--format", "junit"])

    suite = ElementTree.fromstring(capsys.readouterr().out).find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("26", "1")


def test_github_annotates_the_template(template, capsys):
    path = template(public)
    main([str(path), "--format", "github"])

    assert capsys.readouterr().out.startswith(f"::error file={path.as_posix()},line=")


def test_a_report_can_go_to_a_file(template, tmp_path, capsys):
    file = tmp_path / "report.json"

    assert main([str(template()), "--format", "json", "--output", str(file)]) == 0
    assert json.loads(file.read_text())["ok"] is True
    assert capsys.readouterr().out == f"ok: 26 pass ({file})\n"


def test_explain_teaches(capsys):
    assert main(["explain", "ACCI-020"]) == 0
    assert "cannot be waived" in capsys.readouterr().out


def test_one_rule_can_be_asked_for(template, capsys):
    assert main([str(template(public)), "--rule", "ACCI-012"]) == 0
    assert "ACCI-001" not in capsys.readouterr().out


def test_a_profile_adds_rules(template, capsys):
    assert main([str(template()), "--profile", "securityhub"]) == 1
    assert "ACCI-002  analytics    FAIL     NetworkMode is SANDBOX, expected VPC" in capsys.readouterr().out


def test_verbose_shows_every_rule(template, capsys):
    assert main([str(template()), "--verbose"]) == 0
    assert capsys.readouterr().out.count(" PASS ") == 26


FOREIGN = Path(__file__).parent / "foreign"
STAGES = FOREIGN / "sample_environments.yaml"


def test_standard_input_is_a_template(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(STAGES.read_text()))

    assert main(["-", "--rule", "ACCI-030"]) == 1
    assert "with Stage=prod: MaxSessionDuration is 7200" in capsys.readouterr().out


def test_a_parameter_takes_one_of_the_possibilities(capsys):
    assert main([str(STAGES), "--rule", "ACCI-030", "--parameter", "Stage=dev"]) == 0
    assert capsys.readouterr().out.endswith("ok: 1 pass\n")


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("Stage=test", "--parameter Stage is 'test', allowed are dev, prod"),
        ("Staeg=dev", "--parameter Staeg is in no template; parameters are Mode, Stage"),
    ],
)
def test_a_parameter_that_is_not_there_is_not_passed_over(parameter, said, capsys):
    assert main([str(STAGES), "--parameter", parameter]) == 3
    assert said in capsys.readouterr().err


def test_a_role_is_proven_by_its_interpreters_name(template, capsys):
    assert main(["prove", "analytics", str(template())]) == 0
    assert "proven: no request is allowed beyond what is declared" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Interpreter", "Role", "analytics"])
def test_a_refuted_proof_shows_the_request(template, capsys, name):
    def wider(body, interpreter):
        statements = body["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        statements.append({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"})

    assert main(["prove", name, str(template(wider))]) == 1
    assert "refuted: the role allows kms:decrypt on any resource" in capsys.readouterr().out


def test_what_cannot_be_read_is_not_proven(capsys):
    assert main(["prove", "Role", str(STAGES)]) == 1
    assert "not proven: export 'DataBucketArn' is not in these templates" in capsys.readouterr().out


def test_prove_says_whom_there_is(template, capsys):
    assert main(["prove", "finance", str(template())]) == 3
    assert "no interpreter or execution role 'finance'; interpreters are analytics" in capsys.readouterr().err


WAIVER = """\
- rule: ACCI-041
  interpreter: Two
  reason: One zone is enough for a trial
  owner: platform@example.com
  until: {until}
"""


@pytest.mark.parametrize(
    ("waiver", "status", "said"),
    [
        (WAIVER.format(until="2999-01-01"), 0, "One zone is enough for a trial"),
        (WAIVER.format(until="2020-01-01"), 1, "ended on 2020-01-01"),
        (WAIVER.format(until="2999-01-01").replace("Two", "Three"), 1, "no interpreter 'Three'"),
        (WAIVER.format(until="2999-01-01").replace("Two", "One"), 1, "is not needed: the rule holds"),
    ],
    ids=["holds", "ended", "of-nobody", "not-needed"],
)
def test_a_waiver_file_serves_templates_that_declare_none(tmp_path, capsys, waiver, status, said):
    (tmp_path / "waivers.yaml").write_text(waiver)
    shared = str(FOREIGN / "sample_shared_role.json")

    found = main([shared, "--rule", "ACCI-041", "--waivers", str(tmp_path / "waivers.yaml")])

    assert found == status
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule: ACCI-041", "waivers.yaml"),
        (WAIVER.format(until="soon"), "soon"),
        (WAIVER.format(until="2999-01-01").replace("owner", "ower"), "ower"),
    ],
)
def test_a_waiver_file_that_is_wrong_stops_the_check(tmp_path, capsys, text, said):
    (tmp_path / "waivers.yaml").write_text(text)

    assert main([str(STAGES), "--waivers", str(tmp_path / "waivers.yaml")]) == 3
    assert said in capsys.readouterr().err


def test_a_folder_of_templates_is_read_together(capsys):
    assert main([str(FOREIGN), "--rule", "ACCI-005"]) == 0
    assert capsys.readouterr().out.endswith("ok: 4 pass\n")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("twice.yaml", "Resources: {}\nResources: {}\n", "found key 'Resources' twice"),
        ("broken.yaml", "Resources: [\n", "cannot be read as YAML"),
        ("list.yaml", "- Resources\n", "is no CloudFormation template"),
        ("text.yaml", "Resources:\n  One: text\n", "resource One is str, expected an object"),
    ],
)
def test_yaml_that_is_no_template_is_one_clear_error(tmp_path, capsys, name, text, said):
    (tmp_path / name).write_text(text)

    assert main([str(tmp_path / name)]) == 3
    assert said in capsys.readouterr().err


def test_options_may_stand_between_paths(template, tmp_path, capsys):
    """`prove NAME --parameter … PATH` as well as the other way round."""
    waivers = tmp_path / "waivers.yaml"
    waivers.write_text("")

    assert main(["prove", "analytics", "--waivers", str(waivers), str(template())]) == 0
    assert "proven" in capsys.readouterr().out


@pytest.mark.parametrize("place", [".", "nowhere/report.json"])
def test_a_report_that_cannot_be_written_stops_before_the_check(template, tmp_path, capsys, place):
    assert main([str(template()), "--output", str(tmp_path / place)]) == 3

    said = capsys.readouterr()
    assert "cannot be written" in said.err
    assert said.out == ""
