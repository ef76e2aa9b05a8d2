"""scripts/check.py: what it prints, in which format, with which exit status."""

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
