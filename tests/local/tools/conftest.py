"""One session in the strongest tier of this machine, and its tools as plain calls."""

import asyncio

import pytest

from interpreter_local import tools
from interpreter_local.sandbox import SandboxUnavailable, open_sandbox, probe


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="package")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="package")
def capabilities(home):
    try:
        return probe(home)
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def sandbox(runner, home, capabilities, request):
    opened = runner.run(open_sandbox("tools", home=home, network_mode="SANDBOX", capabilities=capabilities))
    yield opened
    runner.run(opened.close())


@pytest.fixture
def invoke(runner, sandbox):
    """`invoke("executeCode", code="1+1")` → the result."""
    return lambda name, **arguments: runner.run(tools.invoke(sandbox, name, arguments))
