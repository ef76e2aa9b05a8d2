"""The check as a part of `cdk synth`: a finding stops it, and so does a rule that crashes.

`cdk synth` exits 0 when a validation plugin raises, so nothing may leave `validate`: a crash is reported as a
violation of its own.
"""

import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii

from interpreter_policies import settings
from interpreter_policies.engine import Problem, Report, Result, run
from interpreter_policies.files import read
from interpreter_policies.rules import all_rules, rules_of

NAME = "interpreter-fleet"
PROFILE_KEY = "interpreter-fleet:profile"


def register(app: cdk.App) -> None:
    """Makes the app's synthesis fail on any finding.

    The context key `interpreter-fleet:profile` names another profile than `baseline`; ValueError if there is
    none of that name.
    """
    name = app.node.try_get_context(PROFILE_KEY) or "baseline"
    cdk.Validations.of(app).add_plugins(SynthGate(settings.checked(name, f"context {PROFILE_KEY}")))


@jsii.implements(cdk.IPolicyValidationPlugin)
class SynthGate:
    """The plugin; the CDK calls `validate` with the paths of the templates it has written."""

    def __init__(self, profile: str = "baseline") -> None:
        self._rules = rules_of(profile)

    @property
    def name(self) -> str:
        """What the CDK's report calls the plugin."""
        return NAME

    @property
    def version(self) -> str | None:
        """None: the plugin comes with the app."""
        return None

    @property
    def rule_ids(self) -> list[str] | None:
        """Every rule that is checked."""
        return [rule.id for rule in self._rules]

    def validate(self, context: Any) -> cdk.PolicyValidationPluginReport:
        """Checks the templates. Never raises."""
        paths: list[str] = []
        try:
            paths = [str(stack.template_path) for stack in context.stack_templates]
            report = run(
                [read(Path(path)) for path in paths],
                self._rules,
                known=all_rules(),
                waivers=settings.waiver_file(),
            )
            violations = _violations(report) + _of_stages(report)
        except Exception as error:  # noqa: BLE001 - the CDK would exit 0
            # The CDK shows no violation that names no resource.
            print(f"the policy check could not run: {error}", file=sys.stderr)
            violations = [_crash(error, paths)]
            if any(_in_stage(Path(path)) for path in paths):
                violations.append(_stages(f"the check could not run: {error}"))
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def _violations(report: Report) -> list[cdk.PolicyViolation]:
    found = [
        cdk.PolicyViolation(
            rule_name=result.rule.id,
            description=f"{result.rule.title}: {result.evidence}",
            fix=result.rule.fix,
            severity="error" if result.rule.waivable else "fatal",
            violating_resources=[_resource(result)],
        )
        for result in report.results
        if result.is_finding
    ]
    found += [
        cdk.PolicyViolation(
            rule_name="waiver",
            description=problem.text,
            fix="Renew or remove the waiver in fleet.yaml.",
            severity="error",
            violating_resources=[_resource(problem)],
        )
        for problem in report.problems
    ]
    return found


def _of_stages(report: Report) -> list[cdk.PolicyViolation]:
    """One violation of no resource for findings in a cdk.Stage.

    `cdk synth` judges only the stacks that it is asked for, by itself none of a stage's, and would exit 0.
    """
    texts = [
        (one.template, f"{one.interpreter}: {one.rule.id} {one.rule.title}: {one.evidence}")
        for one in report.results
        if one.is_finding
    ]
    texts += [(one.template, f"{one.interpreter}: {one.text}") for one in report.problems]
    staged = [f"{path.parent.name}/{path.name} {text}" for path, text in texts if _in_stage(path)]
    if not staged:
        return []
    print("\n".join(staged), file=sys.stderr)
    return [_stages(f"{len(staged)} findings in stages")]


def _in_stage(path: Path) -> bool:
    return path.parent.name.startswith("assembly-")


def _stages(what: str) -> cdk.PolicyViolation:
    return cdk.PolicyViolation(
        rule_name="stages",
        description=what,
        fix="It is told above; `cdk synth '**'` shows findings with their construct paths.",
        severity="fatal",
        violating_resources=[],
    )


def _resource(found: Result | Problem) -> cdk.PolicyViolatingResource:
    return cdk.PolicyViolatingResource(
        resource_logical_id=found.logical_id,
        template_path=str(found.template),
        locations=[f"Resources/{found.logical_id}"],
    )


def _crash(error: Exception, paths: list[str]) -> cdk.PolicyViolation:
    # A violation of no resource stops `cdk synth`, but not `python app.py`: every template is named.
    unchecked = [
        cdk.PolicyViolatingResource(resource_logical_id="(not checked)", template_path=path, locations=[])
        for path in paths or ["(no template)"]
    ]
    return cdk.PolicyViolation(
        rule_name="check",
        description=f"the check could not run: {error}",
        fix="Nothing was checked; mend the template or the rule that is named.",
        severity="fatal",
        violating_resources=unchecked,
    )
