"""The rules as cfn-lint's own: `append_rules: [interpreter_policies.adapters.cfn_lint]`.

Rule ACCI-0nn is E90nn there, E9000 is a waiver that does not hold. The environment variable
INTERPRETER_FLEET_PROFILE names another profile than `baseline`, INTERPRETER_FLEET_WAIVERS a waiver file.
cfn-lint reads one file at a time; those of the same cloud assembly are read along, so that a bucket in
another stack is found. A rule that crashes is cfn-lint's E0002 and fails its run.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from interpreter_policies import settings
from interpreter_policies.engine import Report, run
from interpreter_policies.files import load, read, stack_name
from interpreter_policies.rule import Rule
from interpreter_policies.rules import all_rules, rules_of
from interpreter_policies.template import Template
from interpreter_policies.view import TYPE


def _report(cfn: Any, rules: list[Rule]) -> Report:
    """What the core finds in the file that cfn-lint has open."""
    path = Path(cfn.filename)
    if path.is_file():
        own = _written(path, path.stat().st_mtime_ns)
    else:
        # Plain values: cfn-lint's carry positions, and dates where YAML has them.
        own = Template(path, json.loads(json.dumps(cfn.template, default=str)), stack=stack_name(path))
    if not own.ids_of_type(TYPE):
        return Report((), ())
    beside = load(path.parent) if (path.parent / "manifest.json").exists() else []
    templates = [own, *(one for one in beside if one.path.resolve() != path.resolve())]
    found = run(templates, rules, known=all_rules(), waivers=settings.waiver_file())
    return Report(
        tuple(result for result in found.results if result.template == path),
        tuple(problem for problem in found.problems if problem.template == path),
    )


@lru_cache(maxsize=4)
def _written(path: Path, changed: int) -> Template:
    """The file as it was written: cfn-lint has carried out macros by then, and taken defaults for values."""
    return read(path)


class Waivers(CloudFormationLintRule):  # type: ignore[misc]
    """A waiver that is expired, unknown, malformed, not allowed or not needed."""

    id = "E9000"
    shortdesc = "waiver of a code interpreter's rule holds"
    description = "A waiver that does not hold must be renewed or removed."
    tags = ["interpreter-fleet"]  # noqa: RUF012 - cfn-lint's own way

    def match(self, cfn: Any) -> list[RuleMatch]:
        return [
            RuleMatch(["Resources", problem.logical_id], f"{problem.interpreter}: {problem.text}")
            for problem in _report(cfn, rules_of(settings.profile())).problems
        ]


def _adapted(rule: Rule) -> type[CloudFormationLintRule]:
    def match(self: CloudFormationLintRule, cfn: Any) -> list[RuleMatch]:
        return [
            RuleMatch(["Resources", result.logical_id], f"{rule.id} {result.interpreter}: {result.evidence}")
            for result in _report(cfn, [rule]).results
            if result.is_finding
        ]

    attributes = {
        "__module__": __name__,
        "__doc__": rule.__doc__,
        "id": f"E9{rule.id.removeprefix('ACCI-')}",
        "shortdesc": rule.title,
        "description": f"{rule.why} {rule.fix}",
        "source_url": "",
        "tags": ["interpreter-fleet"],
        "match": match,
    }
    return type(f"Rule{rule.id.replace('-', '')}", (CloudFormationLintRule,), attributes)


for _rule in rules_of(settings.profile()):
    _class = _adapted(_rule)
    globals()[_class.__name__] = _class
del _class
