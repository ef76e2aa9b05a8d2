"""Templates to check: the good one of the rules' own cases, changed as a test needs it."""

import json
from pathlib import Path

import pytest

from interpreter_policies.files import read

GOOD = Path(__file__).parent / "rules/ACCI-020/pass_read_write.json"


@pytest.fixture
def template(tmp_path):
    """`template(change)` → a template file after `change(body, interpreter)`."""

    def make(change=lambda body, interpreter: None, name="fleet.template.json"):
        body = json.loads(GOOD.read_text())
        change(body, body["Resources"]["Interpreter"])
        path = tmp_path / name
        path.write_text(json.dumps(body, indent=1))
        return path

    return make


@pytest.fixture
def load(template):
    """The same, read."""
    return lambda change=lambda body, interpreter: None: read(template(change))
