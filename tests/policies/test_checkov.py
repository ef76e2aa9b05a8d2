"""Checkov with our rules: the same findings as the core, and none of checkov's silent passes."""

import json
import os
import shutil
from pathlib import Path

import pytest

from interpreter_policies import engine
from interpreter_policies.adapters import checkov
from interpreter_policies.files import read
from interpreter_policies.rules import all_rules, rules_of

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv-checkov/bin/checkov"
CASES = sorted((Path(__file__).parent / "rules").glob("*/*.json"))
GOOD = Path(__file__).parent / "rules/ACCI-020/pass_read_write.json"


def core(templates):
    """(check, interpreter) of every finding in the core, waivers included, each template by itself."""
    found = []
    for template in templates:
        report = engine.run([template], rules_of("baseline"), known=all_rules())
        found += [
            (f"CKV_{result.rule.id.replace('-', '_')}", result.interpreter)
            for result in report.results
            if result.is_finding
        ]
        found += [("CKV_ACCI_000", name) for name in {one.interpreter for one in report.problems}]
    return sorted(found)


@pytest.mark.slow
def test_every_template_has_the_same_findings_as_in_the_core():
    templates = [read(path) for path in CASES]

    lines = checkov.findings(templates, PROGRAM)

    assert sorted(tuple(line.split(":")[0].split(" ")) for line in lines) == core(templates)


def test_a_compliant_template_passes(capsys):
    assert checkov.main([str(GOOD), "--checkov", str(PROGRAM)]) == 0
    assert capsys.readouterr().out == "ok\n"


def test_a_finding_comes_with_its_evidence(capsys):
    public = GOOD.parents[1] / "ACCI-001/fail_public.json"

    assert checkov.main([str(public), "--checkov", str(PROGRAM)]) == 1
    assert "CKV_ACCI_001 analytics: NetworkMode is PUBLIC, expected SANDBOX or VPC" in capsys.readouterr().out


@pytest.fixture
def meddled(tmp_path):
    """`meddled(old, new)` → the folder of checks with its file changed."""

    def change(old, new):
        folder = tmp_path / "policies/interpreter_policies/adapters/checks"
        shutil.copytree(checkov.CHECKS, folder)
        for name in ("iam", "rules"):
            os.symlink(ROOT / "policies/interpreter_policies" / name, folder.parents[1] / name)
        for file in (ROOT / "policies/interpreter_policies").glob("*.py"):
            os.symlink(file, folder.parents[1] / file.name)
        text = (folder / "interpreter_fleet.py").read_text()
        assert old in text
        (folder / "interpreter_fleet.py").write_text(text.replace(old, new))
        return folder

    return change


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        mine = ", "        1 / 0\n        mine = "),
        ("import sys\n", "import sys\nthis is no Python\n"),
        ("for rule in rules_of(settings.profile())]", "for rule in rules_of(settings.profile())[1:]]"),
    ],
    ids=["a check raises", "the module does not import", "a check is missing"],
)
def test_what_checkov_leaves_out_is_no_pass(meddled, old, new):
    """Checkov itself exits 0 in each case."""
    with pytest.raises(checkov.CheckovError):
        checkov.findings([read(GOOD)], PROGRAM, meddled(old, new))


def test_a_waiver_that_does_not_hold_is_a_finding_that_cannot_be_suppressed(tmp_path):
    body = json.loads(GOOD.read_text())
    metadata = body["Resources"]["Interpreter"]["Metadata"]
    waiver = {"Rule": "ACCI-001", "Reason": "none", "Owner": "a@example.com", "Until": "2999-12-31"}
    metadata["InterpreterFleet"]["Waivers"] = [waiver]
    template = tmp_path / "t.json"
    template.write_text(json.dumps(body))
    loud = checkov.findings([read(template)], PROGRAM)
    metadata["checkov"] = {"skip": [{"id": "CKV_ACCI_000", "comment": "no"}]}
    template.write_text(json.dumps(body))
    hushed = checkov.findings([read(template)], PROGRAM)

    assert loud == ["CKV_ACCI_000 analytics: waiver of ACCI-001 is not needed: the rule holds"]
    assert hushed == ["CKV_ACCI_000 analytics: suppressed, but cannot be waived"]


def test_a_suppression_does_not_silence_what_cannot_be_waived(tmp_path):
    body = json.loads((GOOD.parents[1] / "ACCI-020/fail_all_objects.json").read_text())
    skips = [{"id": f"CKV_ACCI_0{number}", "comment": "no"} for number in ("20", "28", "50")]
    body["Resources"]["Interpreter"]["Metadata"]["checkov"] = {"skip": skips}
    template = tmp_path / "t.json"
    template.write_text(json.dumps(body))

    lines = checkov.findings([read(template)], PROGRAM)

    assert lines == ["CKV_ACCI_020 analytics: suppressed, but cannot be waived"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere.json", "no such file"),
        ("empty.json", "no code interpreter"),
        ("broken.json", "cannot be read"),
    ],
)
def test_what_cannot_be_checked_exits_3(tmp_path, capsys, path, said):
    (tmp_path / "empty.json").write_text('{"Resources": {}}')
    (tmp_path / "broken.json").write_text("{")

    assert checkov.main([str(tmp_path / path), "--checkov", str(PROGRAM)]) == 3
    assert said in capsys.readouterr().err


def test_without_checkov_it_says_how_to_get_it(tmp_path, capsys):
    assert checkov.main([str(GOOD), "--checkov", str(tmp_path / "none")]) == 3
    assert "`make setup` installs it" in capsys.readouterr().err
