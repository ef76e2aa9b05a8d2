"""Attempts to get out of a session, or to take more than its share, in each tier that holds them.

`@pytest.mark.holds("full", "rootless")` names the tiers that promise what the test's docstring says; a tier
that is not named does not promise it, and docs/security.md says so (table.py writes it).
"""

import os
import time
from pathlib import Path

import pytest

from .tiers import TIERS, Host, Unavailable


def pytest_generate_tests(metafunc):
    if "tier" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("holds")
    assert marker is not None, f"{metafunc.definition.name} does not say which tiers hold it"
    assert marker.args, f"{metafunc.definition.name} holds in no tier"
    assert set(marker.args) <= set(TIERS), marker.args
    metafunc.parametrize("tier", marker.args, scope="session")


@pytest.fixture(scope="session")
def hosts():
    """`hosts(tier)` → the driver of that tier, one for all tests."""
    started: dict[str, Host | Unavailable] = {}

    def start(tier):
        if tier not in started:
            try:
                started[tier] = Host(tier)
            except Unavailable as reason:
                started[tier] = reason
        if isinstance(started[tier], Unavailable):
            pytest.skip(str(started[tier]))
        return started[tier]

    yield start
    for host in started.values():
        if isinstance(host, Host):
            host.end()


@pytest.fixture
def host(tier, hosts):
    return hosts(tier)


@pytest.fixture(scope="session")
def shared():
    return {}


@pytest.fixture
def session(tier, host, shared):
    """A session for attempts that leave it as it was."""
    if tier not in shared or not shared[tier].alive:
        shared[tier] = host.open()
    return shared[tier]


@pytest.fixture
def fresh(host):
    """`fresh(**limits)` → a session of the test's own."""
    opened = []

    def one(**limits):
        opened.append(host.open(**limits))
        return opened[-1]

    yield one
    for session in opened:
        session.close()


@pytest.fixture
def running():
    """`running(text)` → the pids of this machine whose command line holds a text."""

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
