"""Policy unit tests: `pytest_plugins = ["interpreter_policies.adapters.pytest_plugin"]` in a conftest.

    def test_analytics_reads_its_prefix_only(interpreters):
        role = interpreters["analytics"].role
        assert role.allows("s3:GetObject", "arn:aws:s3:::data/analytics/a.csv")
        assert role.denies("s3:GetObject", "arn:aws:s3:::data/finance/a.csv")
        interpreters["analytics"].assert_reaches_only_its_storage()

The templates are those of `--templates` (default: cdk.out). What only the deployment knows is filled in from
the fixture `template_values`, which a conftest may replace.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from interpreter_policies import settings
from interpreter_policies.engine import run
from interpreter_policies.files import load
from interpreter_policies.iam import evaluator
from interpreter_policies.iam.document import Statement
from interpreter_policies.iam.evaluator import Policies, Request, decide
from interpreter_policies.iam.proof import counterexample, describe, overlap
from interpreter_policies.report import table
from interpreter_policies.rules import all_rules, rules_of
from interpreter_policies.rules.storage.prefix import envelope
from interpreter_policies.template import Template, Undecided, UnresolvedError
from interpreter_policies.view import Interpreter, Storage
from interpreter_policies.view import interpreters as read_interpreters

Values = Mapping[str, str]


@dataclass(frozen=True)
class Decision:
    """A decision that reads like a sentence; true when it is the one that was asked for."""

    holds: bool
    sentence: str

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class RoleUnderTest:
    """The execution role of one interpreter."""

    owner: str
    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    # Why the boundary cannot be read, where there is one that is not in the templates.
    unread: str = ""

    def allows(self, action: str, resource: str, **context: str) -> Decision:
        """Whether the role may; condition keys as `s3_prefix="a/"` for `s3:prefix`.

        UnresolvedError if that hangs on a permissions boundary that is not in the templates.
        """
        keys = {key.replace("_", ":", 1): (value,) for key, value in context.items()}
        policies = Policies(self.statements, boundary=self.boundary)
        decision = decide(policies, Request(action, resource, keys))
        if decision.allowed and self.unread:
            raise UnresolvedError(f"{self.owner}: {self.unread}")
        may = "may" if decision.allowed else "may not"
        return Decision(decision.allowed, f"{self.owner} {may} {action} on {resource}: {_why(decision)}")

    def denies(self, action: str, resource: str, **context: str) -> Decision:
        """Whether the role may not."""
        decision = self.allows(action, resource, **context)
        return Decision(not decision.holds, decision.sentence)


def _why(decision: evaluator.Decision) -> str:
    found = decision.statement
    if found is None:
        return decision.reason
    name = (
        f"statement {found.sid}" if found.sid else f"a statement on {found.resources or found.not_resources}"
    )
    return f"{name}, {decision.reason}"


@dataclass(frozen=True)
class InterpreterUnderTest:
    """One interpreter of the templates."""

    interpreter: Interpreter
    values: Values

    @property
    def role(self) -> RoleUnderTest:
        """Its execution role; without one nothing is allowed. Raises what the core cannot read."""
        role, title = self.interpreter.role, self.interpreter.title
        if role is None:
            return RoleUnderTest(title, ())
        statements, unread, boundary = role.permissions, "", None
        try:
            boundary = role.boundary
        except Undecided:
            raise
        except UnresolvedError as error:
            unread = str(error)
        filled = None if boundary is None else tuple(_filled(one, self.values) for one in boundary)
        return RoleUnderTest(title, tuple(_filled(one, self.values) for one in statements), filled, unread)

    @property
    def storage(self) -> Storage | None:
        """What it was declared to reach."""
        found = self.interpreter.storage
        return found and replace(found, bucket=_text(found.bucket, self.values))

    def assert_reaches_only(self, *allowed: Statement) -> None:
        """Fails with a request that the role allows and these statements do not: proven for every request."""
        role = self.role
        # A boundary that is not in the templates narrows unseen: without it the proof is the stricter one.
        shown = counterexample(role.statements, allowed, within=_limits(role))
        if shown is not None:
            pytest.fail(f"{self.interpreter.title} may also {describe(shown)}", pytrace=False)

    def assert_reaches_only_its_storage(self) -> None:
        """The same for the prefix and access that were declared."""
        self.assert_reaches_only(*(_filled(one, self.values) for one in envelope(self.storage)))


class InterpretersUnderTest(Mapping[str, InterpreterUnderTest]):
    """By name; an unknown name says which there are."""

    def __init__(self, templates: Sequence[Template], values: Values) -> None:
        self.templates = templates
        self._by_name: dict[str, InterpreterUnderTest] = {}
        for one in read_interpreters(templates):
            # Two stages may have an interpreter each of one name; the second is told by its stack.
            title = one.title if one.title not in self._by_name else f"{one.template.name}/{one.title}"
            # A partition that a policy writes out is read as the own one, and shown as `aws` by default.
            self._by_name[title] = InterpreterUnderTest(one, {"AWS::Partition": "aws", **values})

    def __getitem__(self, name: str) -> InterpreterUnderTest:
        if name not in self._by_name:
            raise KeyError(f"no interpreter {name!r}, there are {', '.join(sorted(self._by_name))}")
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def assert_compliant(self, profile: str = "baseline") -> None:
        """Every rule of a profile holds for every interpreter, or is waived."""
        report = run(self.templates, rules_of(profile), known=all_rules(), waivers=settings.waiver_file())
        if not report.ok:
            pytest.fail(table(report), pytrace=False)

    def assert_disjoint(self) -> None:
        """No two roles may do the same thing to the same resource: proven for all requests and all pairs."""
        shared = overlap({name: one.role.statements for name, one in self.items()})
        if shared is not None:
            first, second, request = shared
            pytest.fail(f"{first} and {second} may both {describe(request)}", pytrace=False)


def assert_reaches_only(interpreter: InterpreterUnderTest, *allowed: Statement) -> None:
    """`interpreter.assert_reaches_only(...)`, as a function."""
    interpreter.assert_reaches_only(*allowed)


def assert_disjoint(fleet: InterpretersUnderTest) -> None:
    """`fleet.assert_disjoint()`, as a function."""
    fleet.assert_disjoint()


def assert_compliant(template: str | Path, profile: str = "baseline") -> None:
    """Every rule of a profile holds for every interpreter of a template or assembly, or is waived."""
    InterpretersUnderTest(load(Path(template)), {}).assert_compliant(profile)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--templates`."""
    parser.addoption("--templates", default="cdk.out", help="cloud assembly or template of the policy tests")


@pytest.fixture(scope="session")
def template_values() -> Values:
    """What the deployment would fill in for pseudo parameters."""
    return {"AWS::Partition": "aws", "AWS::AccountId": "123456789012", "AWS::Region": "us-east-1"}


@pytest.fixture(scope="session")
def interpreters(request: pytest.FixtureRequest, template_values: Values) -> InterpretersUnderTest:
    """Every interpreter of the templates, by name; fails when there is none."""
    templates = load(Path(request.config.getoption("--templates")))
    found = InterpretersUnderTest(templates, template_values)
    if not found:
        pytest.fail(f"no code interpreter in {', '.join(str(one.path) for one in templates)}", pytrace=False)
    return found


def _limits(role: RoleUnderTest) -> tuple[tuple[Statement, ...], ...]:
    return () if role.boundary is None else (role.boundary,)


def _filled(statement: Statement, values: Values) -> Statement:
    def texts(parts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_text(part, values) for part in parts)

    return replace(
        statement,
        resources=texts(statement.resources),
        not_resources=texts(statement.not_resources),
        conditions=tuple(replace(one, values=texts(one.values)) for one in statement.conditions),
    )


def _text(text: str, values: Values) -> str:
    return re.sub(r"<([^<>]+)>", lambda match: values.get(match[1], match[0]), text)
