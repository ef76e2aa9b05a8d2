"""One session in the strongest tier of this machine, and its tools as plain calls."""

import pytest

from interpreter_local import errors, tools
from interpreter_local.sandbox import open_sandbox
from interpreter_local.sandbox.capabilities import CGROUPS, RLIMITS
from interpreter_local.sandbox.limits import Limits


@pytest.fixture
def sandbox(runner, home, capabilities):
    opened = runner.run(open_sandbox("tools", home=home, network_mode="SANDBOX", capabilities=capabilities))
    yield opened
    runner.run(opened.close())


@pytest.fixture
def checked(runner, model):
    """`checked(sandbox)` → its tools as calls; each result is one that AWS's model allows."""

    def of(sandbox):
        def call(name, **arguments):
            result = runner.run(tools.invoke(sandbox, name, arguments))
            assert not (found := model.event_problems(errors.body(result))), found
            return result

        return call

    return of


@pytest.fixture
def invoke(checked, sandbox):
    """`invoke("executeCode", code="1+1")` → the result."""
    return checked(sandbox)


@pytest.fixture
def limited(runner, checked, home, capabilities):
    """`limited(processes=24)` → an `invoke` for a session with these limits; skips where none holds them."""
    opened = []

    def one(**limits):
        wanted = {"memory_bytes": ("memory",), "processes": ("pids",)}
        for name in (name for limit in limits for name in wanted[limit]):
            if not {CGROUPS[name], RLIMITS[name]} & set(capabilities.enforced):
                pytest.skip(f"nothing limits {name} here")
        sandbox = runner.run(
            open_sandbox(
                f"limited{len(opened)}",
                home=home,
                network_mode="SANDBOX",
                capabilities=capabilities,
                limits=Limits(**limits),
            )
        )
        opened.append(sandbox)
        return checked(sandbox)

    yield one
    for sandbox in opened:
        runner.run(sandbox.close())
