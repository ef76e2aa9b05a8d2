"""What the account may have: quotas by name, what is used, what was asked for."""

import dataclasses

import pytest

from interpreter_validation import quotas
from interpreter_validation.quotas import Limits, Quota
from interpreter_validation.verdict import Verdict


def test_the_account_tells_its_quotas(clients):
    limits = quotas.look_up(clients)

    assert limits.problem == ""
    assert limits.of(quotas.SESSIONS) == (1000, True)
    assert limits.told[quotas.SESSIONS].adjustable
    assert limits.per_second["InvokeCodeInterpreter"] == 30
    assert limits.per_second["CreateCodeInterpreter"] == 5


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Total concurrent active code interpreter sessions per account", "L-1"),
        ("Total number of concurrent active code interpreter sessions per account", "L-1"),
        ("Some later name", "L-CAF6F552"),
    ],
)
def test_the_sessions_quota_is_known_by_both_names_and_by_its_code(clients, name, code):
    class Told:
        def get_paginator(self, _):
            return self

        def paginate(self, **_):
            return [{"Quotas": [{"QuotaName": name, "QuotaCode": code, "Value": 7.0, "Adjustable": True}]}]

    limits = quotas.look_up(dataclasses.replace(clients, quotas=Told()))

    assert limits.of(quotas.SESSIONS) == (7, True)


@pytest.mark.parametrize(
    ("used", "planned", "verdict", "headroom"),
    [(990, 10, Verdict.PASS, 0), (990, 11, Verdict.FAIL, -1), (None, 1, Verdict.COULD_NOT_TELL, None)],
)
def test_a_count_needs_room(used, planned, verdict, headroom):
    limits = Limits({quotas.INTERPRETERS: Quota(1000, "L-1", True)})

    row = quotas.count_row(limits, quotas.INTERPRETERS, used=used, planned=planned, detail="why")

    assert (row.verdict, row.headroom, row.source) == (verdict, headroom, "Service Quotas")


def test_a_default_is_never_a_pass():
    row = quotas.count_row(Limits({}, "refused"), quotas.SESSIONS, used=0, planned=1, detail="d")

    assert row.verdict is Verdict.COULD_NOT_TELL
    assert row.source == "documented default"
    assert row.detail == "d; documented default, the account did not tell: refused"


def test_ready_sessions_count_on_every_page(clients, deploy, sessions):
    identifier = deploy("one").records["one"].id

    with sessions.open(identifier, "one"), sessions.open(identifier, "one"):
        assert len(quotas.ready_sessions(clients.data, identifier)) == 2
        assert quotas.count_sessions(clients, [identifier, "gone-0123456789"], 2) == 2
