"""Room for a fleet, and never more requests than the share of the quota."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreter_validation import quotas
from interpreter_validation.pace import Pace
from interpreter_validation.quotas import Limits
from interpreter_validation.verdict import Verdict


def test_the_account_tells_its_quotas(clients):
    limits = quotas.look_up(clients)

    assert limits.problem == ""
    assert limits.of(quotas.SESSIONS) == (1000, True)
    assert limits.per_second["InvokeCodeInterpreter"] == 30


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(1000, Verdict.PASS), (0, Verdict.FAIL)],
)
def test_a_fleet_needs_room_beside_what_is_there(deploy, clients, limit, verdict):
    deploy("one")
    told = dict.fromkeys(map(quotas.rate_name, Limits({}).per_second), 30.0)
    limits = Limits({**told, quotas.INTERPRETERS: limit, quotas.SESSIONS: 1000})

    rows = quotas.preflight(clients, limits, fleet=1, concurrency=4, share=0.5)

    row = next(row for row in rows if row.name == quotas.INTERPRETERS)
    assert row.verdict is verdict
    assert row.used >= 1
    assert {one.verdict for one in rows if one != row} == {Verdict.PASS}


def test_ready_sessions_count_on_every_page(clients, deploy, sessions):
    fleet = deploy("one")
    identifier = fleet.records["one"].id

    with sessions.open(identifier, "one"), sessions.open(identifier, "one"):
        assert len(quotas.ready_sessions(clients.data, identifier)) == 2


@given(
    st.floats(0.5, 50),
    st.floats(0.05, 1),
    st.lists(st.floats(0, 2), min_size=2, max_size=40),
)
def test_calls_keep_their_distance(rate, share, pauses):
    """A fake clock: no two calls are closer than the share of the rate allows."""
    now = 0.0
    calls = []

    def sleep(seconds):
        nonlocal now
        now += seconds

    pace = Pace({"Invoke": rate}, share, clock=lambda: now, sleep=sleep)
    for pause in pauses:
        now += pause
        pace.wait("Invoke")
        calls.append(now)

    distances = [later - earlier for earlier, later in itertools.pairwise(calls)]
    assert min(distances) >= 1 / (rate * share) - 1e-6


def test_an_operation_without_a_quota_is_not_paced():
    assert Pace({"Invoke": 1}, 0.5).wait("Other") == 0
