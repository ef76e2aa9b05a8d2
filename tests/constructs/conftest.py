"""Apps whose output stays in the test's own folder, and templates as plain data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from interpreter_fleet import CodeInterpreter, InterpreterFleet
from interpreter_fleet.fleet_file import loads

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    """An app with the feature flags of cdk.json, as `cdk synth` gives them."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return cdk.App(outdir=str(tmp_path / "cdk.out"), context=context)


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    return cdk.Stack(app, "mine")


@pytest.fixture
def resources(app: cdk.App) -> Callable[..., Any]:
    """`resources(type)`: the synthesized resources of that type, by logical id; `stack=` for one stack."""

    def of_type(kind: str, stack: str | None = None) -> dict[str, Any]:
        assembly = app.synth()
        return {
            logical_id: resource
            for artifact in assembly.stacks
            if stack in (None, artifact.stack_name)
            for logical_id, resource in artifact.template.get("Resources", {}).items()
            if resource["Type"] == kind
        }

    return of_type


@pytest.fixture
def only(resources: Callable[..., Any]) -> Callable[[str], Any]:
    """The properties of the only resource of a type."""

    def properties(kind: str) -> Any:
        [resource] = resources(kind).values()
        return resource["Properties"]

    return properties


@pytest.fixture
def fleet(app: cdk.App) -> Callable[[str], InterpreterFleet]:
    """A fleet in the app from the text of a fleet.yaml."""
    return lambda text: InterpreterFleet(app, loads(text))


@pytest.fixture
def name_of(tmp_path: Path) -> Callable[..., str]:
    """The deployed name that a declaration gets, each time in an app of its own."""

    def name(*, stack_name: str = "mine", path: str = "One", **declared: Any) -> str:
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "name.out")), stack_name)
        return CodeInterpreter(stack, path, **{"base": "analytics", **declared}).interpreter_name

    return name
