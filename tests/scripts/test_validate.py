"""scripts/validate.py on a fleet at the endpoint: what it finds, prints, writes and exits with."""

import json
import signal
import time
from dataclasses import replace
from xml.etree import ElementTree

import pytest


def test_a_fleet_that_works_exits_0(deploy, validate, open_sessions, tmp_path):
    fleet = deploy("one", "two")
    file, junit = tmp_path / "r.json", tmp_path / "r.xml"

    status, out, err = validate("all", "--fleet", fleet.name, "--json", file, "--junit", junit)

    assert status == 0, err
    assert "ok: 12 pass" in out
    report = json.loads(file.read_text())
    assert (report["schema"], report["command"], report["exit_code"]) == (2, "all", 0)
    for one, base in zip(report["interpreters"], ("one", "two"), strict=True):
        record = fleet.records[base]
        assert (one["interpreter"], one["id"], one["verdict"]) == (base, record.id, "pass")
        assert (one["network_mode"], one["role_arn"]) == ("SANDBOX", record.role_arn)
        assert set(one["milliseconds"]) == {"start", "invoke", "invoke again", "stop", "all"}
    suite = ElementTree.fromstring(junit.read_text()).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("20", "0", "0")
    assert open_sessions(fleet) == []


def test_the_tables_name_role_mode_prefix_and_latency(deploy, validate):
    fleet = deploy("one")

    _, out, _ = validate("canary", "--fleet", fleet.name)

    [row] = [line for line in out.splitlines() if line.strip().startswith("one ")]
    role = fleet.records["one"].role_arn.rpartition("/")[2]
    assert row.split()[:5] == ["one", "SANDBOX", role, fleet.records["one"].prefix, "(read)"]
    assert row.split()[5] == "pass"
    assert row.strip().endswith(" ms")


def test_show_prints_a_report_again_with_its_exit_status(deploy, validate, tmp_path):
    fleet = deploy("one", network_mode="PUBLIC")
    status, out, _ = validate("canary", "--fleet", fleet.name, "--json", tmp_path / "r.json")

    assert status == 1
    assert validate("show", tmp_path / "r.json") == (1, out, "")


@pytest.mark.parametrize(
    ("content", "said"), [("{", "not JSON"), ("{}", "schema is None, expected 2"), (None, "No such file")]
)
def test_show_refuses_what_is_no_report(validate, tmp_path, content, said):
    file = tmp_path / "r.json"
    if content:
        file.write_text(content)

    status, _, err = validate("show", file)

    assert status == 3
    assert said in err


@pytest.mark.parametrize(
    ("change", "said", "failed"),
    [
        ({"network_mode": "PUBLIC"}, "network mode is SANDBOX, declared is PUBLIC", 1),
        (
            {"role_arn": "arn:aws:iam::123456789012:role/other"},
            "declared is arn:aws:iam::123456789012:role/other",
            1,
        ),
        # The one that is there is in no record then: a stranger.
        ({"id": "gone-0123456789"}, "ResourceNotFoundException", 2),
    ],
)
def test_what_is_deployed_must_be_what_was_recorded(deploy, validate, change, said, failed):
    fleet = deploy("one", **change)

    status, out, _ = validate("canary", "--fleet", fleet.name)

    assert status == 1
    assert said in out
    assert f"FAILED: {failed} fail" in out


def test_no_record_is_no_pass(validate):
    status, _, err = validate("canary", "--fleet", "nowhere")

    assert status == 3
    assert "no interpreter is recorded under /interpreter-fleet/nowhere in us-east-1" in err


def test_a_name_that_is_not_recorded_is_named_with_those_that_are(deploy, validate):
    fleet = deploy("one", "two")

    status, _, err = validate("canary", "--fleet", fleet.name, "--only", "three")

    assert status == 3
    assert "no interpreter 'three' is recorded; there are one, two" in err


def test_a_record_that_cannot_be_read_is_named(client, validate):
    client("ssm").put_parameter(Name="/interpreter-fleet/broken/one", Value="{", Type="String")

    status, _, err = validate("preflight", "--fleet", "broken")

    client("ssm").delete_parameter(Name="/interpreter-fleet/broken/one")
    assert status == 3
    assert "/interpreter-fleet/broken/one: not JSON" in err


@pytest.mark.parametrize("arguments", [(), ("--only", "one")])
def test_a_fleet_whose_only_record_cannot_be_read_is_a_finding(client, validate, arguments):
    """And not a fleet that is not deployed."""
    client("ssm").put_parameter(Name="/interpreter-fleet/broken/one", Value="{", Type="String")

    status, out, _ = validate("canary", "--fleet", "broken", *arguments)

    client("ssm").delete_parameter(Name="/interpreter-fleet/broken/one")
    assert status == 1
    assert "/interpreter-fleet/broken/one, record: the record cannot be read" in out


def test_two_records_of_one_interpreter_do_not_disturb_each_other(deploy, validate, client):
    """Each canary ends what is open on its interpreter: so they run one after the other."""
    fleet = deploy("one")
    twin = replace(fleet.records["one"], base="twin")
    client("ssm").put_parameter(Name=twin.parameter, Value=twin.to_json(), Type="String")

    status, out, _ = validate("canary", "--fleet", fleet.name, "--probe", "lifecycle", "--probe", "network")

    client("ssm").delete_parameter(Name=twin.parameter)
    assert (status, "ok: 2 pass" in out) == (0, True), out


def test_a_probe_that_is_not_known_here_is_no_pass(deploy, validate):
    """The record of a later version may choose one; what was chosen and not tried is not passed over."""
    fleet = deploy("one", probes=("lifecycle", "later"))

    status, out, _ = validate("canary", "--fleet", fleet.name)

    assert status == 3
    assert "one, later: the record chooses later, which this version does not know" in out


@pytest.mark.parametrize(
    "arguments", [["canary", "--share", "2"], ["canary", "--concurrency", "0"], ["prove"]]
)
def test_wrong_usage_exits_2(validate, arguments):
    assert validate(*arguments)[0] == 2


def test_no_endpoint_is_could_not_run(validate):
    status, _, err = validate("canary", AWS_ENDPOINT_URL="https://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")

    assert status == 3
    assert "could not run" in err


@pytest.mark.parametrize(
    ("arguments", "environment", "where"),
    [
        ((), {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ((), {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
        (("--region", "eu-north-1"), {"AWS_REGION": "eu-west-1"}, "eu-north-1"),
    ],
)
def test_it_looks_where_the_cdk_deploys(deploy, validate, arguments, environment, where):
    """By AWS_REGION before AWS_DEFAULT_REGION, which is the only one that botocore knows."""
    fleet = deploy("one")

    status, _, err = validate("canary", "--fleet", fleet.name, *arguments, **environment)

    assert status == 3
    assert f"no interpreter is recorded under /interpreter-fleet/{fleet.name} in {where}" in err


def test_who_may_not_start_could_not_tell(deploy, validate, role_of):
    fleet = deploy("one")
    read_only = role_of(
        {"Effect": "Allow", "Action": ["ssm:*", "servicequotas:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["bedrock-agentcore:Get*", "bedrock-agentcore:List*"], "Resource": "*"},
    )

    status, out, _ = validate(
        "canary",
        "--fleet",
        fleet.name,
        AWS_ACCESS_KEY_ID=read_only["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=read_only["SecretAccessKey"],
        AWS_SESSION_TOKEN=read_only["SessionToken"],
    )

    assert status == 3
    assert "could-not-tell" in out
    assert "StartCodeInterpreterSession: AccessDeniedException" in out


def test_quotas_that_are_not_told_are_defaults_and_marked(deploy, validate, role_of):
    fleet = deploy("one")
    without = role_of({"Effect": "Allow", "Action": ["ssm:*", "bedrock-agentcore:*"], "Resource": "*"})

    status, out, _ = validate(
        "preflight",
        "--fleet",
        fleet.name,
        AWS_ACCESS_KEY_ID=without["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=without["SecretAccessKey"],
        AWS_SESSION_TOKEN=without["SessionToken"],
    )

    assert status == 3
    assert "documented default, the account did not tell: ListServiceQuotas: AccessDenied" in out


def running_canary(fleet, command, open_sessions):
    """A canary that is slow because it is paced, caught while it has a session open."""
    process = command(
        "canary", "--fleet", fleet.name, "--concurrency", "4", "--share", "0.02", "--probe", "lifecycle"
    )
    deadline = time.monotonic() + 30
    while not open_sessions(fleet):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_canary_leaves_no_session(deploy, command, open_sessions, number):
    fleet = deploy("one", "two", "three")
    process = running_canary(fleet, command, open_sessions)

    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "interrupted: " in out
    assert open_sessions(fleet) == []


def killed_canary(fleet, command, open_sessions):
    """How many sessions a canary has left that was killed."""
    process = running_canary(fleet, command, open_sessions)
    process.kill()
    process.communicate(timeout=60)
    left = len(open_sessions(fleet))
    assert left
    return left


def test_what_a_killed_canary_leaves_the_next_one_stops(deploy, command, open_sessions, validate, tmp_path):
    fleet = deploy("one", "two", "three")
    left = killed_canary(fleet, command, open_sessions)

    status, out, _ = validate("canary", "--fleet", fleet.name, "--json", tmp_path / "r.json")

    assert status == 0
    assert out.count("removed: ") == left
    assert len(json.loads((tmp_path / "r.json").read_text())["swept"]) == left
    assert open_sessions(fleet) == []


def test_a_canary_leaves_the_sessions_of_one_that_runs_alone(deploy, command, open_sessions, validate):
    fleet = deploy("one", "two", "three")
    process = running_canary(fleet, command, open_sessions)

    status, out, _ = validate("canary", "--fleet", fleet.name, "--only", "one")
    swept = validate("sweep", "--fleet", fleet.name, "--yes")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert (status, "removed" in out) == (0, False)
    assert "0 left, 0 removed" in swept[1]
    assert process.returncode == 130


def test_a_sweep_lists_and_stops_only_when_told(deploy, command, open_sessions, validate):
    fleet = deploy("one", "two", "three")
    left = killed_canary(fleet, command, open_sessions)

    status, out, _ = validate("sweep", "--fleet", fleet.name)

    assert status == 1
    assert f"{left} left, 0 removed" in out
    assert out.count("its run was killed") == out.count("to do: sweep --yes removes it") == left
    assert len(open_sessions(fleet)) == left

    status, out, _ = validate("sweep", "--fleet", fleet.name, "--yes")

    assert status == 0
    assert f"0 left, {left} removed" in out
    assert open_sessions(fleet) == []


def test_only_what_failed_is_tried_again(deploy, validate, tmp_path, client):
    fleet = deploy("one", "two")
    record = fleet.records["two"]
    report, ssm = tmp_path / "r.json", client("ssm")
    ssm.put_parameter(
        Name=record.parameter, Value=replace(record, network_mode="PUBLIC").to_json(), Overwrite=True
    )
    assert validate("canary", "--fleet", fleet.name, "--json", report)[0] == 1
    ssm.put_parameter(Name=record.parameter, Value=record.to_json(), Overwrite=True)

    status, out, _ = validate("canary", "--fleet", fleet.name, "--since-failure", report, "--json", report)

    assert status == 0
    assert [one["interpreter"] for one in json.loads(report.read_text())["interpreters"]] == ["two"]
    assert "ok: 1 pass" in out


def test_since_failure_looks_again_for_what_was_found_beside_the_interpreters(
    deploy, validate, tmp_path, client
):
    """Else a run after one that found a stranger would try nothing, and pass."""
    fleet, report = deploy("one"), tmp_path / "r.json"
    made = client("bedrock-agentcore-control").create_code_interpreter(
        name="mine",
        networkConfiguration={"networkMode": "SANDBOX"},
        tags={"interpreter-fleet": fleet.name},
    )
    arguments = ("canary", "--fleet", fleet.name, "--json", report)
    assert validate(*arguments)[0] == 1

    status, out, _ = validate(*arguments, "--since-failure", report)
    client("bedrock-agentcore-control").delete_code_interpreter(codeInterpreterId=made["codeInterpreterId"])
    last, _, _ = validate(*arguments, "--since-failure", report)

    assert (status, "has the tag" in out) == (1, True)
    assert last == 0


def test_since_a_run_that_could_not_be_made_everything_is_tried(deploy, validate, tmp_path, report):
    fleet, file = deploy("one", "two"), tmp_path / "r.json"
    assert validate("canary", "--fleet", "nobodys", "--json", file)[0] == 3

    status, _, _ = validate("canary", "--fleet", fleet.name, "--since-failure", file, "--json", file)

    assert status == 0
    assert len(report(file.read_text())["interpreters"]) == 2


def test_since_failure_needs_a_report(deploy, validate, tmp_path):
    fleet = deploy("one")

    status, _, err = validate("canary", "--fleet", fleet.name, "--since-failure", tmp_path / "none.json")

    assert status == 3
    assert "none.json: No such file or directory" in err


def test_a_sample_is_that_many(deploy, validate):
    fleet = deploy("one", "two", "three")

    status, out, _ = validate("canary", "--fleet", fleet.name, "--sample", "2")

    assert (status, "ok: 2 pass" in out) == (0, True)


@pytest.mark.parametrize("probes", [(), ("lifecycle",), ("declared",), ("isolation", "libraries", "network")])
def test_the_report_counts_every_call_and_the_forecast_knows_them(deploy, validate, probes):
    fleet = deploy("one", "two")
    chosen = [word for one in probes for word in ("--probe", one)]

    _, out, _ = validate("all", "--fleet", fleet.name, "--format", "json", *chosen)

    report = json.loads(out)
    forecast, calls = report["preflight"]["forecast"], report["calls"]
    # Preflight itself asked each interpreter, and the built-in one, for its sessions.
    calls["ListCodeInterpreterSessions"] -= report["preflight"]["rows"][0]["used"] + 1
    expected = dict(forecast["canary_calls"])
    if "GetCodeInterpreter" in expected:
        # Strangers are looked for among all that the endpoint has, those of other tests as well.
        assert calls["GetCodeInterpreter"] >= expected.pop("GetCodeInterpreter")
    assert {name: calls[name] for name in expected} == expected
    assert report["throttled"] == {}
