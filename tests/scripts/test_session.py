"""Every session that is opened is closed: on an error, on a throttle, after a lost reply."""

import dataclasses
import threading

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from interpreter_validation import session as session_module
from interpreter_validation.pace import Pace
from interpreter_validation.probes import lifecycle
from interpreter_validation.result import ProbeError, UntoldError
from interpreter_validation.runner import examine
from interpreter_validation.session import CanceledError, Sessions
from interpreter_validation.settings import Settings
from interpreter_validation.verdict import Verdict


class Meddled:
    """A client whose calls go through functions of the test first: `stop_…=lambda call: …`."""

    def __init__(self, client, **calls):
        self._client = client
        self._calls = calls

    def __getattr__(self, name):
        real = getattr(self._client, name)
        meddle = self._calls.get(name)
        return real if meddle is None else lambda **arguments: meddle(lambda: real(**arguments))


def throttled(operation):
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)


@pytest.fixture
def meddled(clients):
    """Sessions whose data plane is meddled with."""

    def make(**calls):
        changed = dataclasses.replace(clients, data=Meddled(clients.data, **calls))
        return Sessions(changed, Pace({}, 1), "test", threading.Event())

    return make


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch):
    monkeypatch.setattr(session_module.time, "sleep", lambda seconds: None)


def test_an_error_in_the_block_closes_the_session(deploy, sessions, open_sessions):
    fleet = deploy("one")

    def use():
        with sessions.open(fleet.records["one"].id, "one"):
            assert len(open_sessions(fleet)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()

    assert open_sessions(fleet) == []
    assert sessions.leaked == []


def test_a_throttled_stop_is_tried_again(deploy, meddled, open_sessions):
    fleet = deploy("one")
    attempts = []

    def stop(call):
        attempts.append(1)
        if len(attempts) < 3:
            raise throttled("StopCodeInterpreterSession")
        return call()

    sessions = meddled(stop_code_interpreter_session=stop)
    with sessions.open(fleet.records["one"].id, "one"):
        pass

    assert len(attempts) == 3
    assert sessions.leaked == []
    assert open_sessions(fleet) == []


def test_a_session_that_will_not_stop_is_reported(deploy, meddled):
    fleet = deploy("one")

    def stop(call):
        raise throttled("StopCodeInterpreterSession")

    sessions = meddled(stop_code_interpreter_session=stop)
    with sessions.open(fleet.records["one"].id, "one") as one:
        pass

    assert len(sessions.leaked) == 1
    assert one.id in sessions.leaked[0]
    assert "ThrottlingException: slow down" in sessions.leaked[0]


def test_a_start_whose_reply_is_lost_leaves_no_session(deploy, meddled, open_sessions):
    fleet = deploy("one")

    def start(call):
        call()
        raise ReadTimeoutError(endpoint_url="here")

    sessions = meddled(start_code_interpreter_session=start)
    one = fleet.records["one"]
    with pytest.raises(UntoldError, match="gave no answer in time"), sessions.open(one.id, "one"):
        pytest.fail("no session was given")

    assert open_sessions(fleet) == []
    assert sessions.leaked == []


def test_after_an_interrupt_no_session_begins(deploy, sessions, open_sessions):
    fleet = deploy("one")
    identifier = fleet.records["one"].id

    with sessions.open(identifier, "one"):
        sessions.cancel()
        assert open_sessions(fleet) == []

    with pytest.raises(CanceledError), sessions.open(identifier, "one"):
        pytest.fail("no session was given")


def test_an_interrupt_during_a_start_stops_what_was_started(deploy, meddled, open_sessions):
    fleet = deploy("one")

    def start(call):
        started = call()
        sessions.canceled.set()
        return started

    sessions = meddled(start_code_interpreter_session=start)
    with pytest.raises(CanceledError), sessions.open(fleet.records["one"].id, "one"):
        pytest.fail("no session was given")

    assert open_sessions(fleet) == []


def test_a_wrong_answer_is_a_finding(deploy, sessions, monkeypatch):
    """An interpreter that returns something else than the code computes."""
    fleet = deploy("one")
    monkeypatch.setattr(lifecycle.hashlib, "sha256", lambda data: lifecycle.hashlib.md5(data))

    with pytest.raises(ProbeError, match="hash of the nonce: expected"):
        lifecycle.run(sessions, fleet.records["one"], Settings(()))


def test_a_session_that_is_still_ready_after_stop_is_a_finding(deploy, meddled):
    fleet = deploy("one")
    sessions = meddled(stop_code_interpreter_session=lambda call: {})

    with pytest.raises(ProbeError, match="is READY after stop, expected TERMINATED"):
        lifecycle.run(sessions, fleet.records["one"], Settings(()))


def test_probes_share_a_session_until_one_fails(deploy, sessions, open_sessions):
    fleet = deploy("one")
    identifier = fleet.records["one"].id

    with sessions.shared(identifier, "one") as first:
        pass
    with sessions.shared(identifier, "one") as again:
        assert again is first
    with pytest.raises(ZeroDivisionError), sessions.shared(identifier, "one"):
        raise ZeroDivisionError
    with sessions.shared(identifier, "one") as second:
        assert second is not first
    assert len(open_sessions(fleet)) == 1
    sessions.close_shared(identifier)

    assert open_sessions(fleet) == []


@pytest.mark.parametrize(("silent", "verdict"), [(1, Verdict.PASS), (2, Verdict.FAIL)])
def test_one_silent_connection_says_nothing_and_two_silent_sessions_do(
    deploy, sessions, clients, open_sessions, silent, verdict
):
    fleet, calls = deploy("one"), []

    class Invoke:
        meta = clients.invoke.meta

        def invoke_code_interpreter(self, **arguments):
            calls.append(arguments["sessionId"])
            if len(calls) <= silent:
                raise ReadTimeoutError(endpoint_url="here")
            return clients.invoke.invoke_code_interpreter(**arguments)

    sessions.clients = dataclasses.replace(clients, invoke=Invoke())
    [result] = examine(sessions, fleet.records["one"], ["lifecycle"], Settings(())).results

    assert result.verdict is verdict
    assert open_sessions(fleet) == []
    if verdict is Verdict.FAIL:
        assert "start and never answer" in result.detail
        assert "replace this interpreter" in result.todo
