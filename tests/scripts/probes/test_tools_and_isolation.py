"""The probes of choice: tools, isolation, libraries and limits, where they pass and where they must not."""

import contextlib
import dataclasses
import os
import re

import pytest

from interpreter_validation.verdict import Verdict


@pytest.mark.parametrize("name", ["tools", "isolation", "libraries"])
def test_a_session_that_works_passes(deploy, probe, name):
    result = probe(name, deploy("one"), "one")

    assert result.verdict is Verdict.PASS, result


def test_every_tool_is_used(deploy, probe):
    assert len(probe("tools", deploy("one"), "one").milliseconds) == 10  # Nine, and all of it.


@pytest.mark.parametrize(
    "broken",
    ["executeCode", "executeCommand", "readFiles", "listFiles", "removeFiles", "writeFiles"],
)
def test_a_tool_that_gives_nothing_is_named(deploy, probe, sessions, clients, broken):
    class Invoke:
        def invoke_code_interpreter(self, **arguments):
            if arguments["name"] == broken:
                return {"stream": [{"result": {"content": [], "isError": False}}]}
            return clients.invoke.invoke_code_interpreter(**arguments)

    sessions.clients = dataclasses.replace(clients, invoke=Invoke())

    result = probe("tools", deploy("one"), "one")

    assert result.verdict is Verdict.FAIL
    assert result.todo


def test_sessions_that_share_everything_are_found(deploy, probe, sessions, monkeypatch):
    """One session given out again and again."""
    fleet = deploy("one")
    with sessions.open(fleet.records["one"].id, "one") as only:
        monkeypatch.setattr(sessions, "open", lambda *_: contextlib.nullcontext(only))
        result = probe("isolation", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert result.seen == "file, environment, process, port, variable"


def test_a_library_that_is_not_there_is_named(deploy, probe):
    result = probe("libraries", deploy("one", libraries=("json", "no_such_module")), "one")

    assert result.verdict is Verdict.FAIL
    assert result.detail == "cannot be imported: no_such_module"


def test_versions_are_reported(deploy, probe):
    detail = probe("libraries", deploy("one", libraries=("pandas", "json")), "one").detail

    assert re.fullmatch(r"pandas \d+\.\d+\.\d+, json without version", detail)


def test_hardware_that_is_not_as_documented_is_found(deploy, probe, settings):
    told = dataclasses.replace(settings, hardware={"vcpus": 2, "memory_gb": 8, "disk_gb": 1000})

    result = probe("limits", deploy("one"), "one", told=told)

    assert result.verdict is Verdict.FAIL
    assert "documented is 1000" in result.detail


def test_hardware_as_told_passes(deploy, probe, settings):
    """A session here cannot read its own memory limit: what it sees is the machine's."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    told = dataclasses.replace(settings, hardware={"vcpus": 2, "memory_gb": memory, "disk_gb": 10})

    result = probe("limits", deploy("one"), "one", told=told)

    assert result.verdict is Verdict.PASS, result
