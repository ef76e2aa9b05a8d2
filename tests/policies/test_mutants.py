"""Every single edit of a compliant fleet is caught by the rules that should catch it, and by no other."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from interpreter_policies.engine import run
from interpreter_policies.rules import all_rules, rules_of
from interpreter_policies.template import Template

from .mutants.compliant import fleet
from .mutants.table import MUTANTS

# A compliant fleet in SANDBOX mode is not for the profiles that ask for more.
COMPLIANT = [("sandbox", "baseline"), ("vpc", "baseline"), ("vpc", "securityhub"), ("vpc", "data-perimeter")]


def statuses(body, profile):
    """(rule, logical id) → status."""
    report = run([Template(Path("fleet.template.json"), body)], rules_of(profile), known=all_rules())
    assert not report.problems
    return {(one.rule.id, one.logical_id): one.status for one in report.results}


@cache
def unchanged(base, profile):
    """The same for the compliant fleet."""
    return statuses(fleet(base), profile)


@pytest.mark.parametrize(("base", "profile"), COMPLIANT)
def test_the_fleet_that_is_changed_breaks_no_rule(base, profile):
    found = unchanged(base, profile)

    assert {key: status for key, status in found.items() if status != "pass"} == {}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.base}: {mutant.name}")
def test_an_edit_changes_exactly_these_verdicts(mutant):
    before, after = unchanged(mutant.base, mutant.profile), statuses(mutant.body(), mutant.profile)

    assert before.keys() == after.keys()
    assert {key: status for key, status in after.items() if status != before[key]} == mutant.expected()


def test_every_rule_has_an_edit_that_it_catches():
    caught = {f"ACCI-{rule}" for mutant in MUTANTS for rule in mutant.caught_by}

    # Rules from ACCI-100 on are somebody's own; their two templates are enough.
    assert {rule.id for rule in all_rules() if rule.id < "ACCI-100"} <= caught


def test_at_least_three_hundred_edits_break_a_rule():
    assert len([mutant for mutant in MUTANTS if mutant.caught_by]) >= 300


def test_no_edit_is_there_twice():
    names = Counter((mutant.base, mutant.profile, mutant.subject, mutant.name) for mutant in MUTANTS)
    bodies = Counter((mutant.profile, mutant.subject, repr(mutant.body())) for mutant in MUTANTS)

    assert [name for name, number in names.items() if number > 1] == []
    assert [body for body, number in bodies.items() if number > 1] == []
