"""scripts/validate.py on a fleet at the endpoint: what it finds, prints, writes and exits with."""

import json
import signal
import time
from xml.etree import ElementTree

import pytest


def test_a_fleet_that_works_exits_0(deploy, validate, open_sessions, tmp_path):
    fleet = deploy("one", "two")
    file, junit = tmp_path / "r.json", tmp_path / "r.xml"

    status, out, err = validate("all", "--fleet", fleet.name, "--json", file, "--junit", junit)

    assert status == 0, err
    assert "ok: 6 pass" in out
    report = json.loads(file.read_text())
    assert (report["schema"], report["command"], report["exit_code"]) == (2, "all", 0)
    for one, base in zip(report["interpreters"], ("one", "two"), strict=True):
        record = fleet.records[base]
        assert (one["interpreter"], one["id"], one["verdict"]) == (base, record.id, "pass")
        assert (one["network_mode"], one["role_arn"]) == ("SANDBOX", record.role_arn)
        assert set(one["milliseconds"]) == {"start", "invoke", "invoke again", "stop", "all"}
    suite = ElementTree.fromstring(junit.read_text()).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("6", "0", "0")
    assert open_sessions(fleet) == []


def test_the_tables_name_role_mode_prefix_and_latency(deploy, validate):
    fleet = deploy("one")

    _, out, _ = validate("canary", "--fleet", fleet.name)

    [row] = [line for line in out.splitlines() if line.strip().startswith("one ")]
    role = fleet.records["one"].role_arn.rpartition("/")[2]
    assert row.split()[:5] == ["one", "SANDBOX", role, "one/", "(read)"]
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
    ("change", "said"),
    [
        ({"network_mode": "PUBLIC"}, "network mode is SANDBOX, the record says PUBLIC"),
        (
            {"role_arn": "arn:aws:iam::123456789012:role/other"},
            "the record says arn:aws:iam::123456789012:role/other",
        ),
        ({"id": "gone-0123456789"}, "ResourceNotFoundException"),
    ],
)
def test_what_is_deployed_must_be_what_was_recorded(deploy, validate, change, said):
    fleet = deploy("one", **change)

    status, out, _ = validate("canary", "--fleet", fleet.name)

    assert status == 1
    assert said in out
    assert "FAILED: 1 fail" in out


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


@pytest.mark.parametrize(
    "arguments", [["canary", "--share", "2"], ["canary", "--concurrency", "0"], ["prove"]]
)
def test_wrong_usage_exits_2(validate, arguments):
    assert validate(*arguments)[0] == 2


def test_no_endpoint_is_could_not_run(validate):
    status, _, err = validate("canary", AWS_ENDPOINT_URL="https://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")

    assert status == 3
    assert "could not run" in err


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
    process = command("canary", "--fleet", fleet.name, "--concurrency", "4", "--share", "0.02")
    deadline = time.monotonic() + 30
    while not open_sessions(fleet):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_canary_leaves_no_session(deploy, command, open_sessions, number):
    fleet = deploy("one", "two", "three")
    process = running_canary(fleet, command, open_sessions)

    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "interrupted: " in out
    assert open_sessions(fleet) == []


def test_what_a_killed_canary_leaves_is_swept(deploy, command, open_sessions, validate):
    fleet = deploy("one", "two", "three")
    process = running_canary(fleet, command, open_sessions)
    process.kill()
    process.communicate(timeout=60)
    left = open_sessions(fleet)
    assert left

    status, out, _ = validate("sweep", "--fleet", fleet.name)

    assert status == 0
    assert f"{len(left)} removed" in out
    assert open_sessions(fleet) == []
    assert validate("canary", "--fleet", fleet.name)[0] == 0
