"""A deployment while the canary runs: what it replaced is tried anew, what it removed is not judged."""

from dataclasses import replace

import pytest

from interpreter_validation import meanwhile
from interpreter_validation.result import Canary, ProbeResult
from interpreter_validation.verdict import Verdict

FAILED = ProbeResult("declared", Verdict.FAIL, "it is not there")
PASSED = ProbeResult("declared", Verdict.PASS)


@pytest.fixture
def fleet(deploy):
    return deploy("kept", "replaced", "removed")


@pytest.fixture
def rewrite(client):
    """`rewrite(record)` puts it in the place of the one that has its name."""
    return lambda record: client("ssm").put_parameter(
        Name=record.parameter, Value=record.to_json(), Type="String", Overwrite=True
    )


def test_what_was_replaced_is_tried_again_under_its_new_id(clients, fleet, rewrite):
    old, kept = fleet.records["replaced"], fleet.records["kept"]
    new = replace(old, id="replaced__2-aaaaaaaaaa")
    rewrite(new)
    tried = []

    def run(records):
        tried.extend(records)
        return [Canary(one, (PASSED,)) for one in records]

    found = meanwhile.again(clients, [Canary(old, (FAILED,)), Canary(kept, (FAILED,))], run)

    assert tried == [new]
    assert [(one.record, one.verdict) for one in found] == [(new, Verdict.PASS), (kept, Verdict.FAIL)]


def test_what_was_removed_is_could_not_tell(clients, client, fleet):
    record = fleet.records["removed"]
    client("ssm").delete_parameter(Name=record.parameter)

    [found] = meanwhile.again(clients, [Canary(record, (FAILED,))], lambda _: [])

    client("ssm").put_parameter(Name=record.parameter, Value=record.to_json(), Type="String")
    assert found.verdict is Verdict.COULD_NOT_TELL
    assert "was deleted while the canary ran" in found.detail
    assert "found: it is not there" in found.detail


def test_nothing_is_asked_when_all_passed(fleet):
    passed = [Canary(fleet.records["kept"], (PASSED,))]

    assert meanwhile.again(None, passed, lambda _: []) == passed
