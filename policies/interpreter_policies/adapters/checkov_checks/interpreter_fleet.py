"""The rules as external checks of checkov: `checkov --external-checks-dir <this folder>`.

Rule ACCI-0nn is CKV_ACCI_0nn there, CKV_ACCI_000 is a waiver that does not hold. Checkov exits 0 when a check
raises, when a template cannot be parsed and when an id is unknown: run it through
`python -m interpreter_policies.adapters.checkov`, which does not.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

from checkov.cloudformation.checks.resource.base_resource_check import BaseResourceCheck
from checkov.common.models.enums import CheckCategories, CheckResult

# Checkov loads this file by its path and has an environment of its own; our core needs Python and PyYAML.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from interpreter_policies import settings
from interpreter_policies.engine import Result, run
from interpreter_policies.files import load, read
from interpreter_policies.rule import Rule
from interpreter_policies.rules import all_rules, rules_of
from interpreter_policies.template import Template
from interpreter_policies.view import TYPE


def _scanned(name: str) -> Path:
    """The file that checkov means: its names are relative to the folder that it was given."""
    folders = [
        Path(value)
        for option, value in zip(sys.argv, sys.argv[1:], strict=False)
        if option in ("-d", "--directory")
    ]
    for path in (Path(name), *(folder / name.lstrip("/") for folder in (*folders, Path.cwd()))):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} is not there, seen from {Path.cwd()}")


@cache
def _templates(path: Path) -> tuple[Template, ...]:
    own = read(path)
    beside = load(path.parent) if (path.parent / "manifest.json").exists() else []
    return (own, *(one for one in beside if one.path.resolve() != path.resolve()))


@cache
def _results(path: Path, rule: Rule) -> dict[tuple[Path, str], Result]:
    """A rule on every interpreter at once: checkov asks for one after the other."""
    report = run(_templates(path), [rule], known=all_rules(), waivers=settings.waiver_file())
    return {(one.template, one.logical_id): one for one in report.results}


@cache
def _problems(path: Path) -> dict[tuple[Path, str], list[str]]:
    """What is wrong with the waivers of each interpreter."""
    report = run(
        _templates(path), rules_of(settings.profile()), known=all_rules(), waivers=settings.waiver_file()
    )
    found: dict[tuple[Path, str], list[str]] = {}
    for problem in report.problems:
        found.setdefault((problem.template, problem.logical_id), []).append(problem.text)
    return found


def _place(entity_path: str) -> tuple[Path, str]:
    """The template and the logical id that checkov means."""
    name, _, logical_id = entity_path.rpartition(f":{TYPE}:")
    return _scanned(name), logical_id.rpartition(".")[2]


class _Check(BaseResourceCheck):  # type: ignore[misc]
    """One rule."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(
            name=rule.title,
            id=f"CKV_{rule.id.replace('-', '_')}",
            categories=[CheckCategories.IAM],
            supported_resources=[TYPE],
            guideline=rule.fix,
        )
        self.rule = rule

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        path, logical_id = _place(self.entity_path)
        mine = _results(path, self.rule)[path, logical_id]
        # Of what a check says, only this reaches checkov's report.
        self.evaluated_keys = [mine.evidence]
        return CheckResult.FAILED if mine.is_finding else CheckResult.PASSED


class _Waivers(BaseResourceCheck):  # type: ignore[misc]
    """A waiver that is expired, unknown, malformed, not allowed or not needed."""

    def __init__(self) -> None:
        super().__init__(
            name="waiver of a code interpreter's rule holds",
            id="CKV_ACCI_000",
            categories=[CheckCategories.IAM],
            supported_resources=[TYPE],
            guideline="A waiver that does not hold must be renewed or removed.",
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        path, logical_id = _place(self.entity_path)
        found = _problems(path).get((path, logical_id), [])
        self.evaluated_keys = found or ["its waivers hold"]
        return CheckResult.FAILED if found else CheckResult.PASSED


CHECKS = [_Check(rule) for rule in rules_of(settings.profile())]
WAIVERS = _Waivers()
