"""One session in the strongest tier of this machine, and its tools as plain calls."""

import pytest

from interpreter_local import tools
from interpreter_local.sandbox import open_sandbox


@pytest.fixture
def sandbox(runner, home, capabilities):
    opened = runner.run(open_sandbox("tools", home=home, network_mode="SANDBOX", capabilities=capabilities))
    yield opened
    runner.run(opened.close())


@pytest.fixture
def invoke(runner, sandbox):
    """`invoke("executeCode", code="1+1")` → the result."""
    return lambda name, **arguments: runner.run(tools.invoke(sandbox, name, arguments))
