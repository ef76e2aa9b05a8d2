"""Sandboxes in the strongest tier of this machine; tests that need more than it has are skipped by name."""

import itertools
import os
import time
from pathlib import Path

import pytest

from interpreter_local.sandbox import open_sandbox


@pytest.fixture
def isolated(capabilities):
    if capabilities.tier == "process":
        pytest.skip("this machine has no isolation for sessions (tier `process`)")


@pytest.fixture
def open_session(runner, home, capabilities):
    """Opens sessions, `open_session(limits=…)`, and closes them after the test."""
    numbers = itertools.count(1)
    opened = []

    def one(**options):
        options = {"home": home, "network_mode": "SANDBOX", "capabilities": capabilities, **options}
        opened.append(runner.run(open_sandbox(f"s{next(numbers)}", **options)))
        return opened[-1]

    yield one
    for sandbox in opened:
        runner.run(sandbox.close())


@pytest.fixture
def python(runner, open_session):
    """`python(code)` → stdout stripped; fails the test on an exception. `session=` runs it elsewhere."""
    default = []

    def execute(code, session=None):
        if session is None:
            if not default:
                default.append(open_session())
            session = default[0]
        done = runner.run(session.call("execute_code", code=code))
        assert done["exit_code"] == 0, done["stderr"]
        return done["stdout"].strip()

    return execute


@pytest.fixture
def processes_with():
    """The pids of this machine whose command line holds a text."""

    def find(text):
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if text in line:
                    found.append(int(entry.name))
        return found

    return find


@pytest.fixture
def eventually():
    """Waits up to ten seconds for a condition and gives its last value."""

    def wait(condition):
        deadline = time.monotonic() + 10
        while not (value := condition()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return value

    return wait
