"""What sandboxes need: an event loop that outlives them, a folder, and what this machine can hold them to."""

import asyncio

import pytest

from interpreter_local.sandbox import SandboxUnavailable, probe


@pytest.fixture(scope="session")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def capabilities(home):
    try:
        return probe(home)
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))
