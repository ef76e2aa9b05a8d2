"""Never more requests than the share of a quota, fewer after a throttle, and every attempt counted."""

import itertools

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st

from interpreter_validation.pace import Pace


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def paced(clock):
    """`paced({"Invoke": 30}, 0.5)` → a Pace on the clock, its jitter in the middle."""
    return lambda rates, share: Pace(rates, share, clock, clock.sleep, lambda: 0.5)


@given(
    st.floats(0.5, 50),
    st.floats(0.05, 1),
    st.lists(st.floats(0, 2), min_size=2, max_size=40),
)
def test_calls_keep_their_distance(rate, share, pauses):
    clock = Clock()
    calls = []
    pace = Pace({"Invoke": rate}, share, clock, clock.sleep)
    for pause in pauses:
        clock.sleep(pause)
        pace.wait("Invoke")
        calls.append(clock.now)

    distances = [later - earlier for earlier, later in itertools.pairwise(calls)]
    assert min(distances) >= 1 / (rate * share) - 1e-6


def test_a_thousand_interpreters_take_what_the_rates_demand(clock, paced):
    """Two invokes each at half of 30 a second: 133 s, and no operation waits for the turns of another."""
    pace = paced({"Start": 30, "Invoke": 30, "Stop": 30}, 0.5)
    for _ in range(1000):
        for operation in ("Start", "Invoke", "Invoke", "Stop"):
            pace.wait(operation)

    assert clock.now == pytest.approx(2000 / 15, rel=0.01)


def test_an_operation_without_a_quota_is_not_paced(paced):
    assert paced({"Invoke": 1}, 0.5).wait("Other") == 0


def test_a_throttle_halves_the_rate_after_a_pause_and_it_comes_back(clock, paced):
    pace = paced({"Invoke": 20}, 0.5)
    pace.wait("Invoke")
    pace.slow_down("Invoke")

    assert pace.wait("Invoke") == pytest.approx(1.0)
    assert pace.wait("Invoke") == pytest.approx(0.2, rel=0.2)
    clock.sleep(30)
    pace.wait("Invoke")
    assert pace.wait("Invoke") == pytest.approx(0.1)


def test_throttles_of_requests_that_were_under_way_together_are_one(paced):
    pace = paced({"Invoke": 20}, 0.5)
    for _ in range(8):
        pace.slow_down("Invoke")

    pace.wait("Invoke")
    assert pace.wait("Invoke") == pytest.approx(0.2, rel=0.2)
    assert pace.throttled == {"Invoke": 8}


def test_runs_that_are_throttled_together_do_not_come_back_together(clock):
    pauses = []
    for chance in (0.0, 1.0):
        pace = Pace({"Invoke": 20}, 0.5, clock, clock.sleep, lambda chance=chance: chance)
        pace.slow_down("Invoke")
        pauses.append(pace.wait("Invoke"))

    assert pauses == [pytest.approx(0.5), pytest.approx(1.5)]


def test_the_slowest_is_still_not_standing_still(clock, paced):
    pace = paced({"Invoke": 20}, 0.5)
    for _ in range(50):
        clock.sleep(1)
        pace.slow_down("Invoke")

    pace.wait("Invoke")
    assert pace.wait("Invoke") <= 1.6


def test_watched_clients_are_paced_and_counted_page_by_page(clients, clock, deploy, paced):
    fleet = deploy("one", "two", "three")
    pace = paced({"ListCodeInterpreters": 1}, 1)
    pace.watch(clients.control)

    pages = clients.control.get_paginator("list_code_interpreters").paginate(
        type="CUSTOM", PaginationConfig={"PageSize": 1}
    )
    asked = sum(1 for _ in pages)

    assert asked >= len(fleet.records)
    assert pace.calls == {"ListCodeInterpreters": asked}
    assert clock.now == pytest.approx(asked - 1, abs=0.01)


def test_a_turn_that_was_waited_for_is_not_waited_for_again(clients, clock, deploy, paced):
    record = deploy("one").records["one"]
    pace = paced({"GetCodeInterpreter": 1}, 1)
    pace.watch(clients.control)

    for _ in range(3):
        pace.wait("GetCodeInterpreter")
        clients.control.get_code_interpreter(codeInterpreterId=record.id)

    assert clock.now == pytest.approx(2, abs=0.01)
    assert pace.calls == {"GetCodeInterpreter": 3}


@pytest.mark.parametrize(("name", "operation"), [("data", "Start"), ("invoke", "Invoke")])
def test_repeats_after_a_throttle_are_counted_and_the_call_succeeds(
    clients, clock, deploy, name, operation, sessions
):
    """The reply of the first attempt is replaced by a throttle, as a busy account would send it."""
    record = deploy("one").records["one"]
    pace = Pace({}, 1, clock, clock.sleep)
    client = getattr(clients, name)
    pace.watch(client)
    thrown = []

    def throttle_once(request, **_):
        if not thrown:
            thrown.append(request.url)
            return AWSResponse(request.url, 429, {"x-amzn-errortype": "ThrottlingException"}, Body())
        return None

    with sessions.open(record.id, "one") as session:
        client.meta.events.register_first("before-send", throttle_once)
        if operation == "Invoke":
            reply = client.invoke_code_interpreter(
                **session.address, name="executeCode", arguments={"language": "python", "code": "1"}
            )
            assert len(list(reply["stream"])) == 1
        else:
            client.get_code_interpreter_session(**session.address)
        client.meta.events.unregister("before-send", throttle_once)

    assert max(pace.throttled.values()) == 1
    called = "InvokeCodeInterpreter" if operation == "Invoke" else "GetCodeInterpreterSession"
    assert pace.calls[called] == 2


class Body:
    """The raw body of a reply: what botocore reads of urllib3's."""

    def stream(self, *_, **__):
        yield b'{"message":"Rate exceeded"}'

    def read(self, *_):
        return b'{"message":"Rate exceeded"}'
