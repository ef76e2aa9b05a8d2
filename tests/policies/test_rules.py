"""Given this template, this finding: every rule has folders of templates that say what it does.

`rules/<ID>/pass_*.json`, `fail_*.json` and `unknown_*.json` are judged by the rule with that id; the verdict
is the first word of the file's name.
"""

import json
from pathlib import Path

import pytest

from interpreter_policies import rules, rules_doc
from interpreter_policies.engine import run
from interpreter_policies.files import read
from interpreter_policies.rule import PROFILES

HERE = Path(__file__).parent / "rules"
RULES = {rule.id: rule for rule in rules.all_rules()}
CASES = sorted(HERE.glob("*/*.json"))


def verdict(path):
    """The rule's status for the interpreter named `Interpreter` in a template file."""
    report = run([read(path)], [RULES[path.parent.name]])
    return next(result for result in report.results if result.logical_id == "Interpreter")


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_template_gets_the_verdict_in_its_name(path):
    result = verdict(path)

    assert result.status == path.stem.partition("_")[0], result.evidence
    assert result.evidence


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_what_it_is(rule):
    assert rule.severity in ("critical", "high", "medium")
    assert all((rule.title, rule.why, rule.fix, rule.source, rule.__doc__))
    assert rule.profiles <= set(PROFILES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_templates_that_pass_and_fail(rule):
    names = [path.stem for path in (HERE / rule).glob("*.json")]

    assert any(name.startswith("pass_") for name in names)
    assert any(name.startswith("fail_") for name in names)


def test_every_folder_of_templates_belongs_to_a_rule():
    assert {path.name for path in HERE.iterdir()} == set(RULES)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("ACCI-001/fail_public", "NetworkMode is PUBLIC, expected SANDBOX or VPC"),
        ("ACCI-020/fail_all_objects", "s3:getobject on arn:<AWS::Partition>:s3:::data/"),
        (
            "ACCI-020/fail_list_condition_optional",
            "s3:listbucket on arn:<AWS::Partition>:s3:::data; declared",
        ),
        ("ACCI-020/fail_separate_policy", "secretsmanager:getsecretvalue on"),
        ("ACCI-023/fail_prefixes_overlap", "prefix analytics/ overlaps that of inner"),
        (
            "ACCI-010/fail_other_service",
            "lets {'Service': 'lambda.amazonaws.com'} in, expected Service bedrock",
        ),
        (
            "ACCI-012/fail_neighbour_with_the_same_beginning",
            "code-interpreter-custom/analytics* also matches",
        ),
        ("ACCI-020/unknown_managed_policy_elsewhere", "policy/ReadOnlyAccess is not in the template"),
    ],
)
def test_evidence_shows_what_was_found(case, said):
    assert said in verdict(HERE / f"{case}.json").evidence


def test_an_interpreter_that_is_not_ours_is_judged_by_its_name(tmp_path):
    """No declaration: its ids are `<name>-…`, its envelope is empty."""
    template = json.loads((HERE / "ACCI-012/pass_exact.json").read_text())
    interpreter = template["Resources"]["Interpreter"]
    del interpreter["Metadata"]
    interpreter["Properties"]["Name"] = "analytics"
    file = tmp_path / "t.json"
    file.write_text(json.dumps(template).replace("analytics__*", "analytics-*"))

    statuses = {result.rule.id: result.status for result in run([read(file)], list(RULES.values())).results}

    assert (statuses["ACCI-012"], statuses["ACCI-020"]) == ("pass", "fail")


def test_the_good_template_breaks_no_rule_of_the_baseline():
    report = run([read(HERE / "ACCI-020/pass_read_write.json")], rules.rules_of("baseline"))

    assert [result.rule.id for result in report.results if result.status != "pass"] == []


def test_the_documentation_of_the_rules_is_current():
    """`make docs` writes it."""
    assert (Path(__file__).parents[2] / "docs/rules.md").read_text() == rules_doc.text()
