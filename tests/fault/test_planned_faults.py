"""One fault at a place where it once did harm, and what the run says of it."""

import pytest

from interpreter_validation import cli, session
from interpreter_validation.probes import PROBES

from .faults import INVOKE, STOP, Request, always, planned, seeded
from .trial import Choice, attempt

START, LIST, GET = "StartCodeInterpreterSession", "ListCodeInterpreterSessions", "GetCodeInterpreterSession"


@pytest.fixture
def canary(ground, proxy, tmp_path):
    """`canary(plan, "lifecycle")` → the Trial of one healthy interpreter; nothing about it is untrue.

    No request is repeated, so that each fault tells.
    """

    def run(plan, *probes, command="canary", fleet="healthy", only="one", attempts=1, orphan=False):
        choice = Choice(command, fleet, (only,), probes, 1, 5.0, attempts, orphan)
        trial = attempt(ground, proxy, tmp_path, choice, plan)
        assert trial.wrong == []
        return trial

    return run


def details(trial):
    return " ".join(one["detail"] for one in trial.report["interpreters"])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("cut", "the reply's event stream broke"),
        ("checksum", "the reply's event stream broke: ChecksumMismatch"),
        ("truncated", "the reply's event stream ended before a result"),
        ("empty", "the reply's event stream ended before a result"),
        ("event-throttle", "ThrottlingException"),
        ("event-internal", "InternalServerException"),
        ("gateway", "502"),
        ("refused", "ConnectionClosedError"),
    ],
)
def test_a_reply_to_code_that_is_not_whole_tells_nothing(canary, fault, said):
    """Twice, as a connection that was closed is tried again."""
    trial = canary(planned(**{INVOKE: [None, fault, None, fault]}), "lifecycle")

    assert trial.code == 3
    assert said in details(trial)


def test_one_connection_that_dies_silently_says_nothing_of_an_interpreter(ground, proxy, tmp_path):
    choice = Choice("canary", "healthy", ("one",), ("lifecycle",), 1, 1.0, 1, False)

    trial = attempt(ground, proxy, tmp_path, choice, planned(**{INVOKE: ["half-open"]}))

    assert (trial.code, trial.wrong) == (0, [])


@pytest.mark.parametrize(
    "faults", [{LIST: ["refused"], INVOKE: ["half-open"]}, {INVOKE: ["half-open", "refused"]}]
)
def test_a_closed_connection_is_no_silent_one(ground, proxy, tmp_path, faults):
    choice = Choice("canary", "healthy", ("one",), ("lifecycle",), 1, 1.0, 1, False)

    trial = attempt(ground, proxy, tmp_path, choice, planned(**faults))

    assert (trial.code, trial.wrong) == (0, [])


def test_code_that_is_never_answered_ends_with_the_timeout(ground, proxy, tmp_path):
    choice = Choice("canary", "healthy", ("one",), ("lifecycle",), 1, 1.0, 1, False)

    trial = attempt(ground, proxy, tmp_path, choice, planned(**{INVOKE: ["half-open", "half-open"]}))

    assert (trial.code, trial.wrong) == (1, [])
    assert "start and never answer: twice executeCode: no reply within 1 s" in details(trial)


@pytest.mark.parametrize(
    ("faults", "code", "said"),
    [
        (["half-open", None], 0, ""),
        (["internal", "half-open"], 3, "gave no answer in time"),
        (["half-open", "half-open"], 1, "was asked 2 times and gave no answer within 1 s"),
    ],
)
def test_a_start_is_silent_when_each_attempt_was(ground, proxy, tmp_path, faults, code, said):
    choice = Choice("canary", "healthy", ("one",), ("lifecycle",), 1, 1.0, 2, False)

    trial = attempt(ground, proxy, tmp_path, choice, planned(**{START: faults}))

    assert (trial.code, trial.wrong) == (code, [])
    assert said in details(trial)


@pytest.mark.parametrize(
    ("probe", "operation", "first"),
    [
        ("lifecycle", START, 0),
        pytest.param("lifecycle", INVOKE, 0, marks=pytest.mark.slow),
        pytest.param("lifecycle", INVOKE, 1, marks=pytest.mark.slow),
        pytest.param("isolation", START, 1, marks=pytest.mark.slow),
    ],
)
def test_where_nothing_is_answered_any_more_no_interpreter_is_blamed(
    ground, proxy, tmp_path, probe, operation, first
):
    """The network dies with the first or second start of a session, or run of code."""
    asked = []

    def plan(request):
        asked.append(request.operation)
        return "half-open" if asked.count(operation) > first else None

    choice = Choice("canary", "healthy", ("one",), (probe,), 1, 1.0, 2, False)

    trial = attempt(ground, proxy, tmp_path, choice, plan)

    assert (trial.code, trial.wrong) == (4, [])
    assert "could-not-tell" in {one["verdict"] for one in trial.report["interpreters"]}


@pytest.mark.parametrize("operation", [START, LIST, GET])
def test_a_body_that_ends_in_the_middle_is_no_empty_one(canary, operation):
    """botocore reads half an object as one without members: no session, an empty list."""
    trial = canary(planned(**{operation: ["garbled"]}), "lifecycle")

    assert trial.code == 3
    assert f"ReplyError: the reply of {operation} cannot be read: its body is not JSON" in details(trial)


def test_half_a_reply_of_the_records_is_could_not_run(canary):
    trial = canary(planned(GetParametersByPath=["garbled"]), "lifecycle")

    assert (trial.code, trial.report["interpreters"]) == (3, [])
    assert "the reply of GetParametersByPath cannot be read" in trial.said


def test_what_no_verdict_hangs_on_may_fail(canary):
    trial = canary(planned(ListServiceQuotas=["garbled"], GetCallerIdentity=["garbled"]), "lifecycle")

    assert trial.code == 0
    assert trial.report["account"] == ""


@pytest.mark.parametrize("fault", ["throttle", "internal", "garbled", "expired", "skewed", "lost"])
def test_an_answer_of_iam_that_is_none_is_no_drift(canary, fault):
    trial = canary(planned(ListRolePolicies=[fault]), "declared")

    assert trial.code == 3
    assert "declared: " in details(trial)


@pytest.mark.parametrize("operation", [START, "GetCodeInterpreter"])
def test_an_outage_is_no_finding_on_an_interpreter(canary, operation):
    trial = canary(always(**{operation: "internal"}), "declared", "lifecycle")

    assert trial.code == 3
    assert "InternalServerException" in details(trial)


def test_clients_with_a_wrong_clock_can_tell_nothing(canary):
    trial = canary(always(**{START: "skewed"}), "lifecycle")

    assert trial.code == 3
    assert "InvalidSignatureException" in details(trial)


def test_a_start_whose_reply_is_lost_is_found_by_its_name(canary):
    """The first of two: a connection that was closed is tried again."""
    trial = canary(planned(**{START: ["lost"]}), "lifecycle")
    again = canary(planned(**{START: ["lost", "lost"]}), "lifecycle")

    assert (trial.code, trial.report["leaked"]) == (0, [])
    assert (again.code, again.report["leaked"]) == (3, [])


def test_a_start_that_was_refused_has_started_nothing(canary):
    """So that nobody is told of a session that is perhaps there when nothing can be listed either."""
    trial = canary(always(**{START: "expired", LIST: "internal"}), "lifecycle")
    refused = canary(planned(**{START: ["expired"], LIST: [None, *["internal"] * 9]}), "lifecycle")

    assert (trial.code, refused.code, refused.report["leaked"]) == (3, 3, [])


def test_a_list_that_lags_behind_is_no_session(ground, canary, monkeypatch):
    """The service said itself that the session had been over when it was stopped again."""
    lagging, real = [], session.ready_sessions

    def ready(data, interpreter):
        found = real(data, interpreter)
        for one in ground.sessions(ground.healthy["one"], "TERMINATED")[:1]:
            lagging.append(one)
            found = [*found, one]
        return found

    monkeypatch.setattr(session, "ready_sessions", ready)
    trial = canary(always(), "libraries")

    assert lagging
    assert (trial.code, trial.report["leaked"]) == (0, [])


def test_a_start_that_is_repeated_after_a_lost_reply_gets_the_same_session(canary, ground):
    before = len(ground.sessions(ground.healthy["one"], "TERMINATED"))

    trial = canary(planned(**{START: ["lost"]}), "lifecycle", attempts=2)

    assert trial.code == 0
    assert len(ground.sessions(ground.healthy["one"], "TERMINATED")) == before + 1


def test_a_stop_whose_reply_is_lost_has_stopped(canary):
    trial = canary(planned(**{STOP: ["lost"]}), "lifecycle")

    assert (trial.code, trial.report["leaked"]) == (0, [])


def test_all_replies_to_stops_lost_and_the_session_is_seen_to_be_over(canary):
    """The fifth stop goes unheard too; only the list tells that the first one did its work."""
    trial = canary(planned(**{STOP: ["lost", *["internal"] * 4]}), "libraries")

    assert (trial.code, trial.report["leaked"]) == (0, [])


def test_a_stop_that_stops_nothing_is_a_finding_and_is_mended(canary):
    trial = canary(planned(**{STOP: ["lying-stop"]}), "lifecycle")

    assert (trial.code, trial.report["leaked"]) == (1, [])
    assert "is READY after stop" in details(trial)


def test_a_stop_that_stops_nothing_is_mended_where_no_probe_looks(canary):
    """That nothing is READY when the exit status is 0 is among what `canary` asserts."""
    assert canary(planned(**{STOP: ["lying-stop"]}), "libraries").code == 0


def test_stops_that_never_stop_anything_leave_a_session_that_is_named(canary):
    trial = canary(always(**{STOP: "lying-stop"}), "libraries")

    assert trial.code == 4
    assert "READY after it was stopped" in trial.report["leaked"][0]
    assert trial.report["leaked"][0].split()[0] in trial.said


def test_without_a_list_nobody_can_say_that_nothing_is_left(canary):
    # One list before the first session; the others are the look after the last, and the one at the end.
    trial = canary(planned(**{LIST: [None, *["internal"] * 9]}), "libraries")

    assert trial.code == 4
    assert trial.report["leaked"][0].startswith("perhaps one of ")


def test_credentials_that_expire_during_a_run_leave_a_session_that_is_named(canary):
    seen = []

    def plan(request):
        seen.append(request.operation)
        return "expired" if INVOKE in seen[:-1] else None

    trial = canary(plan, "lifecycle")

    assert trial.code == 4
    assert "ExpiredTokenException" in trial.report["leaked"][0]


def test_a_wrong_answer_is_a_finding(canary):
    trial = canary(planned(**{INVOKE: [None, "wrong-hash"]}), "lifecycle")

    assert trial.code == 1
    assert "hash of the nonce: expected" in details(trial)


def test_a_sweep_believes_the_list_and_no_stop(canary):
    trial = canary(always(**{STOP: "lying-stop"}), command="sweep", orphan=True)

    assert trial.code == 4
    assert "it is READY after it was stopped" in trial.report["leaked"][0]


def test_what_a_killed_run_left_is_stopped_again_after_a_stop_that_stopped_nothing(canary):
    trial = canary(planned(**{STOP: ["lying-stop"]}), "libraries", orphan=True)

    assert (trial.code, len(trial.report["swept"]), trial.report["leaked"]) == (0, 1, [])


def test_what_a_killed_run_left_is_removed_only_when_it_is_gone(canary):
    trial = canary(always(**{STOP: "lying-stop"}), "libraries", orphan=True)

    assert (trial.code, trial.report["swept"]) == (4, [])
    assert all("READY after it was stopped" in one for one in trial.report["leaked"])


def test_what_a_killed_run_left_is_looked_for_again_after_a_fault(canary):
    """The first look fails; the probes that come after look again."""
    trial = canary(planned(**{LIST: ["internal"]}), "storage", "libraries", orphan=True)

    assert trial.code == 3
    assert len(trial.report["swept"]) == 1


@pytest.mark.parametrize("probe", ["declared", "storage"])
def test_a_role_with_a_statement_too_many_fails_under_faults_as_well(canary, probe):
    plan = planned(**{START: ["throttle"], LIST: ["internal"], "GetCodeInterpreter": ["lost"]})

    trial = canary(plan, probe, fleet="broken", only="loose", attempts=3)

    assert trial.code == 1


def test_a_probe_that_breaks_does_not_end_the_run(canary, monkeypatch):
    monkeypatch.setitem(PROBES, "libraries", lambda *given: {}["what an interpreter did not send"])

    trial = canary(planned(GetCallerIdentity=["garbled"]), "lifecycle", "libraries")

    assert trial.code == 3
    assert "libraries: the probe broke: KeyError" in details(trial)


def test_a_bug_has_not_the_exit_status_of_a_finding(canary, monkeypatch):
    def broken(clients):
        raise ZeroDivisionError

    monkeypatch.setattr(cli.quotas, "look_up", broken)

    with pytest.raises(AssertionError, match="could not run without any fault"):
        canary(always(), "lifecycle")
    assert cli.main(["canary", "--endpoint-url", "https://127.0.0.1:9", "--region", "us-east-1"]) == 3


@pytest.mark.parametrize("seed", [3, 13, 63])
def test_a_seed_gives_the_same_faults_whatever_the_order_of_threads(seed):
    one, two = (Request(INVOKE, "bedrock-agentcore", f"{base}__0a1b-x") for base in ("one", "two"))

    def faults(*order):
        plan = seeded(seed)
        found = [(request, plan(request)) for request in order]
        return [fault for about in (one, two) for request, fault in found if request is about]

    assert faults(*[one] * 40, *[two] * 40) == faults(*[one, two] * 40)
    assert any(faults(*[one] * 40))
