"""One template, one set of findings: through the core, and everywhere that people meet the rules.

For each edit of the mutation table. Where a program has to be started for many templates, once for all.
"""

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from cfnlint.api import lint_file

from interpreter_policies import cli, engine
from interpreter_policies.adapters import checkov
from interpreter_policies.adapters.pytest_plugin import InterpretersUnderTest
from interpreter_policies.adapters.synth_gate import SynthGate
from interpreter_policies.files import read
from interpreter_policies.rules import all_rules, rules_of
from interpreter_policies.view import interpreters

from .mutants.compliant import fleet
from .mutants.table import MUTANTS

PROGRAM = Path(__file__).parents[2] / ".venv-checkov/bin/checkov"
BODIES = [("unchanged sandbox", fleet("sandbox")), ("unchanged vpc", fleet("vpc"))]
BODIES += [(f"{mutant.base}: {mutant.name}", mutant.body()) for mutant in MUTANTS]
# As many as a quick run has time for, from all over the table.
SAMPLE = range(0, len(BODIES), len(BODIES) // 15)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All templates of the table, `<number>.json`."""
    found = tmp_path_factory.mktemp("mutants")
    for number, (_, body) in enumerate(BODIES):
        (found / f"{number}.json").write_text(json.dumps(body))
    return found


@cache
def core(path):
    """(rule, logical id) of every finding."""
    report = engine.run([read(path)], rules_of("baseline"), known=all_rules())
    return {(one.rule.id, one.logical_id) for one in report.results if one.is_finding}


def by_cli(path):
    written = path.with_suffix(".report")
    status = cli.main([str(path), "--format", "json", "--output", str(written)])
    results = json.loads(written.read_text())["results"]
    found = {(one["rule"], one["logical_id"]) for one in results if one["status"] not in ("pass", "waived")}
    assert status == (1 if found else 0)
    return found


def by_synth_gate(path):
    report = SynthGate().validate(SimpleNamespace(stack_templates=[SimpleNamespace(template_path=str(path))]))
    assert report.success == (not report.violations)
    return {
        (violation.rule_name, resource.resource_logical_id)
        for violation in report.violations
        for resource in violation.violating_resources
    }


def by_pytest(path):
    under_test = InterpretersUnderTest([read(path)], {})
    titles = {one.title: one.logical_id for one in interpreters([read(path)])}
    try:
        under_test.assert_compliant()
    except pytest.fail.Exception as failure:
        rows = [line.split()[:3] for line in str(failure).splitlines()]
        return {(row[0], titles[row[1]]) for row in rows if row[2:] and row[2] in ("FAIL", "UNKNOWN")}
    return set()


def by_cfn_lint(path):
    matches = lint_file(
        path,
        config={
            "append_rules": ["interpreter_policies.adapters.cfn_lint"],
            "regions": ["us-east-1"],
            # Only ours: what cfn-lint itself says of these templates is another matter.
            "ignore_checks": ["E0", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "W", "I"],
        },
    )
    return {(f"ACCI-{match.rule.id.removeprefix('E9')}", match.path[1]) for match in matches}


IN_PROCESS = {"cli": by_cli, "synth gate": by_synth_gate, "pytest": by_pytest}


@pytest.mark.parametrize("adapter", IN_PROCESS)
@pytest.mark.parametrize("number", range(len(BODIES)), ids=[name for name, _ in BODIES])
def test_the_findings_are_those_of_the_core(folder, number, adapter):
    path = folder / f"{number}.json"

    assert IN_PROCESS[adapter](path) == core(path)


@pytest.mark.parametrize(
    "number",
    [
        # cfn-lint takes most of a second for each: a sample always, every third in the slow run.
        pytest.param(number, marks=[] if number in SAMPLE else pytest.mark.slow, id=name)
        for number, (name, _) in enumerate(BODIES)
        if number in SAMPLE or number % 3 == 0
    ],
)
def test_the_findings_of_cfn_lint_are_those_of_the_core(folder, number):
    path = folder / f"{number}.json"

    assert by_cfn_lint(path) == core(path)


@pytest.mark.slow
def test_the_findings_of_checkov_are_those_of_the_core(folder):
    """Its lines come in the order of the templates, and name check and interpreter."""
    templates = [read(folder / f"{number}.json") for number in range(len(BODIES))]

    lines = checkov.findings(templates, PROGRAM)

    expected = [
        (rule.id, interpreter.title)
        for template in templates
        for interpreter in interpreters([template])
        for rule in rules_of("baseline")
        if (rule.id, interpreter.logical_id) in core(template.path)
    ]
    found = [line.partition(":")[0].split(" ") for line in lines]
    assert [(check.removeprefix("CKV_").replace("_", "-"), title) for check, title in found] == expected


def test_the_sample_holds_findings_and_none():
    """A sample without findings would say nothing of the adapters."""
    caught = [bool(MUTANTS[number - 2].caught_by) for number in SAMPLE if number >= 2]

    assert len(SAMPLE) >= 15
    assert {True, False} == set(caught)
