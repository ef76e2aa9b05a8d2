"""The evaluator decides every hand-checked request of the corpus as the AWS documentation says."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from interpreter_policies.iam.document import DocumentError, Statement, parse
from interpreter_policies.iam.evaluator import Policies, Principal, Request, decide
from interpreter_policies.iam.operators import UnsupportedError

CORPUS = Path(__file__).parent / "corpus"
AT_LEAST = 150
OUTCOMES = {"allow", "deny", "error"}
POLICY_TYPES = {"identity", "resource", "boundary", "session", "scps", "rcps"}


@dataclass(frozen=True)
class Case:
    """One decision of the corpus: where it stands, what is asked, and the documented outcome."""

    file: str
    name: str
    page: str
    why: str
    policies: dict[str, Any]
    request: dict[str, Any]
    expect: str
    inferred: bool = False


@cache
def corpus() -> tuple[Case, ...]:
    """All cases of all files, in the order of the files."""
    return tuple(
        Case(file=path.stem, **entry)
        for path in sorted(CORPUS.glob("*.yaml"))
        for entry in yaml.safe_load(path.read_text())
    )


def statements(documents: list[dict[str, Any]]) -> tuple[Statement, ...]:
    """The statements of several policy documents as one tuple."""
    return tuple(statement for document in documents for statement in parse(document))


def policies_of(raw: dict[str, Any]) -> Policies:
    """The parsed policies of a case; a type that the case does not name stays at its default."""
    assert raw.keys() <= POLICY_TYPES, raw.keys()
    given: dict[str, Any] = {}
    for kind, value in raw.items():
        if kind in ("scps", "rcps"):
            given[kind] = tuple(statements(level) for level in value)
        else:
            given[kind] = statements(value if kind == "identity" else [value])
    return Policies(**given)


def request_of(raw: dict[str, Any]) -> Request:
    """The request of a case, every value a tuple."""
    context = {
        key: tuple(value) if isinstance(value, list) else (value,)
        for key, value in raw.get("context", {}).items()
    }
    principal = Principal(**raw["principal"]) if "principal" in raw else None
    return Request(raw["action"], raw["resource"], context, principal, raw.get("resource_account"))


@pytest.mark.parametrize("case", corpus(), ids=lambda case: f"{case.file}: {case.name}")
def test_decision_is_the_documented_one(case: Case) -> None:
    if case.expect == "error":
        with pytest.raises((DocumentError, UnsupportedError)):
            decide(policies_of(case.policies), request_of(case.request))
        return
    decision = decide(policies_of(case.policies), request_of(case.request))
    found = "allow" if decision.allowed else "deny"
    assert found == case.expect, f"{case.why} ({case.page}); the evaluator says: {decision.reason}"


def test_corpus_has_at_least_150_cases() -> None:
    assert len(corpus()) >= AT_LEAST


def test_names_are_unique() -> None:
    names = Counter(case.name for case in corpus())
    assert [name for name, times in names.items() if times > 1] == []


def test_every_case_has_a_page_of_the_aws_documentation_and_a_reason() -> None:
    for case in corpus():
        assert re.fullmatch(r"https://docs\.aws\.amazon\.com/[\w/.-]+\.html", case.page), case.name
        assert case.why.endswith("."), case.name


def test_every_file_has_both_outcomes() -> None:
    for path in CORPUS.glob("*.yaml"):
        outcomes = {case.expect for case in corpus() if case.file == path.stem}
        assert {"allow", "deny"} <= outcomes <= OUTCOMES, path.name
