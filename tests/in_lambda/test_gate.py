"""The gate's function against a service on a socket: what passes, what fails, and no session left open."""

import time

import pytest


def told(status, error):
    return lambda: (status, error)


def test_every_interpreter_that_works_lets_the_stack_stand(service, gate):
    reply = gate("one", "two")

    assert (reply["Status"], reply["Reason"]) == ("SUCCESS", "every interpreter passed")
    assert sorted(service.calls) == sorted(["start", "invoke", "invoke", "stop", "get"] * 2)
    assert service.ready == []


def test_a_slow_start_does_not_fail_it(service, gate):
    service.before["start"] = [lambda: time.sleep(1.5)]

    assert gate("one")["Status"] == "SUCCESS"


@pytest.mark.parametrize("error", [(429, "ThrottlingException"), (503, "ServiceUnavailableException")])
def test_what_passes_by_itself_is_asked_again(service, gate, error):
    for operation in ("start", "invoke", "stop"):
        service.before[operation] = [told(*error)]

    assert gate("one")["Status"] == "SUCCESS"
    assert service.ready == []


def test_a_lost_reply_finds_the_same_session_again(service, gate):
    service.before["start"] = [lambda: "lost"]

    assert gate("one")["Status"] == "SUCCESS"
    assert service.calls.count("start") == 2
    assert list(service.sessions.values()) == ["TERMINATED"]


def test_rights_that_have_not_spread_yet_are_waited_for(service, gate):
    service.before["start"] = [told(403, "AccessDeniedException"), told(400, "ValidationException")]

    assert gate("one")["Status"] == "SUCCESS"


def test_an_interpreter_that_is_not_ready_yet_is_waited_for(service, gate):
    """Longer than rights may take to spread: in VPC mode it takes minutes."""
    service.before["start"] = [told(409, "ConflictException")] * 3

    assert gate("one")["Status"] == "SUCCESS"


def test_rights_that_never_come_are_no_pass(service, gate):
    service.before["start"] = [told(403, "AccessDeniedException")] * 100
    reply = gate("one")

    assert reply["Status"] == "FAILED"
    assert reply["Reason"] == (
        "canary gate: 1 of 1 interpreters did not pass: one: could-not-tell:"
        " StartCodeInterpreterSession: AccessDeniedException: as told"
    )


def test_a_failure_names_the_interpreter_and_stops_its_session(service, gate):
    service.before["invoke"] = [told(404, "ResourceNotFoundException")]
    reply = gate("one")

    assert reply["Status"] == "FAILED"
    assert "one: fail: InvokeCodeInterpreter: ResourceNotFoundException: as told" in reply["Reason"]
    assert list(service.sessions.values()) == ["TERMINATED"]


def test_at_the_functions_time_limit_every_session_is_stopped_and_the_answer_sent(service, gate):
    """30 seconds before the end work is over: here after one, in the middle of a call."""
    service.before["invoke"] = [lambda: time.sleep(4)] * 2
    reply = gate("one", "two", seconds=31)

    assert reply["Status"] == "FAILED"
    assert "2 of 2 interpreters did not pass" in reply["Reason"]
    assert "could-not-tell: InvokeCodeInterpreter: no answer" in reply["Reason"]
    assert list(service.sessions.values()) == ["TERMINATED", "TERMINATED"]


def test_a_start_that_comes_after_the_time_limit_is_stopped_too(service, gate):
    """Nobody heard its id: the same token gives it again."""
    service.before["start"] = [lambda: time.sleep(2.5)]
    reply = gate("one", seconds=31)
    time.sleep(2)

    assert "could-not-tell: StartCodeInterpreterSession: no answer" in reply["Reason"]
    assert list(service.sessions.values()) == ["TERMINATED"]


def test_a_session_that_will_not_stop_is_a_failure_with_its_id(service, gate):
    service.before["stop"] = [told(403, "AccessDeniedException")] * 100
    reply = gate("one")

    assert reply["Status"] == "FAILED"
    assert "one: fail: session s0 could not be stopped: StopCodeInterpreterSession" in reply["Reason"]


def test_the_way_back_is_not_held_up(service, gate):
    """CloudFormation asks for what had passed before, under the id that it got for it."""
    passed = gate("one")["PhysicalResourceId"]
    service.before["start"] = [told(404, "ResourceNotFoundException")] * 100
    failed = gate("one", kind="Update", before=passed, declared="changed")
    back = gate("one", kind="Update", before=passed)

    assert (failed["Status"], failed["PhysicalResourceId"]) == ("FAILED", passed)
    assert (back["Status"], back["PhysicalResourceId"]) == ("SUCCESS", passed)


def test_the_way_back_from_what_passed_is_not_held_up(service, gate):
    """Another resource failed after the gate had passed: asked for is what had passed before that."""
    first = gate("one")["PhysicalResourceId"]
    second = gate("one", kind="Update", before=first, declared="changed")["PhysicalResourceId"]
    service.before["start"] = [told(404, "ResourceNotFoundException")] * 100
    back = gate("one", kind="Update", before=second)

    assert (back["Status"], back["PhysicalResourceId"]) == ("SUCCESS", first)


def test_what_has_failed_or_passed_long_ago_is_tried_again(service, gate):
    first = gate("one")["PhysicalResourceId"]
    second = gate("one", kind="Update", before=first, declared="second")["PhysicalResourceId"]
    third = gate("one", kind="Update", before=second, declared="third")["PhysicalResourceId"]
    service.before["start"] = [told(404, "ResourceNotFoundException")] * 100
    created = gate("one")

    assert created["Status"] == "FAILED"
    assert gate("one", kind="Update", before=created["PhysicalResourceId"])["Status"] == "FAILED"
    assert gate("one", kind="Update", before=third)["Status"] == "FAILED"


def test_removal_is_let_through_without_a_canary(service, gate):
    reply = gate("one", kind="Delete", before="canary-gate-0")

    assert (reply["Status"], reply["PhysicalResourceId"]) == ("SUCCESS", "canary-gate-0")
    assert service.calls == []


def test_a_reason_of_many_failures_stays_short(service, gate):
    """CloudFormation takes 4,096 bytes."""
    service.before["start"] = [told(404, "ResourceNotFoundException")] * 100
    reason = gate(*(f"interpreter_{n}" for n in range(30)))["Reason"]

    assert reason.startswith("canary gate: 30 of 30 interpreters did not pass: interpreter_0: fail: ")
    assert reason.endswith("; and 20 more")
    assert len(reason) <= 1500
