"""What belongs to a fleet and is not in it: listed, and removed only when it is surely nobody's."""

import json
import subprocess
import sys
import uuid
from datetime import timedelta

import pytest

from interpreter_fleet.naming import FLEET_TAG as TAG_OF_CONSTRUCTS
from interpreter_validation import runs, sweep
from interpreter_validation.probes import storage
from interpreter_validation.runner import examine
from interpreter_validation.settings import Settings
from interpreter_validation.verdict import Verdict

AT_ONCE = timedelta(0)


@pytest.fixture
def make(client, execution_role):
    """`make(name, tags)` → the id of an interpreter without a record; removed after the test."""
    control, made = client("bedrock-agentcore-control"), []

    def create(name, tags, role=None):
        got = control.create_code_interpreter(
            name=name,
            networkConfiguration={"networkMode": "SANDBOX"},
            executionRoleArn=role
            or execution_role("arn:aws:bedrock-agentcore:*:*:code-interpreter-custom/*"),
            tags=tags,
        )
        made.append(got["codeInterpreterId"])
        return got["codeInterpreterId"]

    yield create
    there = {
        one["codeInterpreterId"]
        for one in control.list_code_interpreters(type="CUSTOM", maxResults=100)["codeInterpreterSummaries"]
    }
    for identifier in there.intersection(made):
        control.delete_code_interpreter(codeInterpreterId=identifier)


def name():
    return f"stray__{uuid.uuid4().hex[:8]}"


def ids(found):
    return [one.id for one in found.left if one.kind == "interpreter"]


def test_the_tag_is_the_one_that_deployments_set():
    assert sweep.FLEET_TAG == TAG_OF_CONSTRUCTS


def test_a_tagged_interpreter_that_nobody_has_goes_with_its_sessions(clients, deploy, make, sessions):
    fleet = deploy("one")
    stray = make(name(), {sweep.FLEET_TAG: fleet.name})
    clients.data.start_code_interpreter_session(codeInterpreterIdentifier=stray, name="an agent's")

    found = sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)
    assert [one.kind for one in found.left] == ["session", "interpreter"]
    assert (ids(found), found.problems) == ([stray], [])
    gone, kept = sweep.remove(clients, sessions, found)

    assert (len(gone), kept, sessions.leaked) == (2, [], [])
    assert ids(sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)) == []


@pytest.mark.parametrize("tags", [{}, {sweep.FLEET_TAG: "another"}, {"team": "x"}])
def test_what_does_not_belong_to_the_fleet_is_not_listed(clients, deploy, make, tags):
    fleet = deploy("one")
    make(name(), tags)

    assert ids(sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)) == []


def test_an_untagged_one_belongs_by_a_recorded_name_and_role(clients, deploy, make):
    fleet = deploy("one")
    record = fleet.records["one"]
    twin = make(f"one__{uuid.uuid4().hex[:8]}", {}, record.role_arn)
    make(f"one__{uuid.uuid4().hex[:8]}", {})

    assert ids(sweep.find(clients, [record], fleet.name, AT_ONCE)) == [twin]


def test_a_young_one_is_left_alone(clients, deploy, make):
    fleet = deploy("one")
    make(name(), {sweep.FLEET_TAG: fleet.name})

    assert ids(sweep.find(clients, list(fleet.records.values()), fleet.name, timedelta(hours=1))) == []


def test_one_that_a_stack_has_is_in_the_fleet(clients, client, deploy):
    fleet = deploy("one")
    cloudformation, stack = client("cloudformation"), f"s{uuid.uuid4().hex[:8]}"
    resource = {
        "Type": "AWS::BedrockAgentCore::CodeInterpreterCustom",
        "Properties": {
            "Name": name(),
            "NetworkConfiguration": {"NetworkMode": "SANDBOX"},
            "Tags": {sweep.FLEET_TAG: fleet.name},
        },
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": {"C": resource}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    found = sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)

    cloudformation.delete_stack(StackName=stack)
    assert (ids(found), found.problems) == ([], [])


@pytest.mark.parametrize(
    ("run", "older_than", "found"),
    [
        ("00000000-1-0000", timedelta(hours=1), []),
        ("00000000-1-0000", AT_ONCE, ["a canary's, started elsewhere"]),
        ("lambda-00000000", timedelta(hours=1), []),
        ("gate-00000000", timedelta(hours=1), []),
    ],
)
def test_a_young_session_of_a_run_elsewhere_is_left_alone(clients, deploy, run, older_than, found):
    """It may be a canary on another machine, in a deployment or on a schedule, which would then fail."""
    record = deploy("one").records["one"]
    clients.data.start_code_interpreter_session(
        codeInterpreterIdentifier=record.id, name=runs.session_name(run, "one")
    )

    left = sweep.find(clients, [record], record.fleet, older_than).left

    assert [one.why.partition(" (")[0] for one in left if one.kind == "session"] == found


@pytest.fixture(params=[False, True], ids=["plain", "with versions"])
def any_bucket(client, request):
    """The name of an empty bucket; that it can be deleted shows that nothing was left in it."""
    s3, bucket = client("s3"), f"sweep-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    if request.param:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield bucket
    assert not s3.list_object_versions(Bucket=bucket).keys() & {"Versions", "DeleteMarkers"}
    s3.delete_bucket(Bucket=bucket)


def test_objects_of_a_killed_canary_are_removed_and_no_others(
    clients, deploy, client, sessions, any_bucket, dead_run
):
    fleet, s3 = deploy("one", declare={"bucket": any_bucket, "prefix": "one/"}), client("s3")
    mine = [f"{place}{storage.MARK}{dead_run}-00" for place in ("", "one/", f"one-{storage.MARK}not/")]
    alive = f"one/{storage.MARK}{runs.new()}-00"
    for key in (*mine, alive, "one/data.csv"):
        s3.put_object(Bucket=any_bucket, Key=key, Body=b"")
    s3.delete_object(Bucket=any_bucket, Key=mine[0])

    found = sweep.find(clients, list(fleet.records.values()), fleet.name, AT_ONCE)
    gone, kept = sweep.remove(clients, sessions, found)

    listed = [one["Key"] for one in s3.list_objects_v2(Bucket=any_bucket)["Contents"]]
    assert (sorted(listed), kept, found.problems) == (sorted([alive, "one/data.csv"]), [], [])
    assert {one.kind for one in found.left} == {"object"}
    assert all("its run was killed" in one for one in gone)
    for key, version, _ in list(storage.versions(s3, any_bucket, "one/")):
        s3.delete_object(Bucket=any_bucket, Key=key, **({"VersionId": version} if version else {}))


@pytest.fixture
def dead_run():
    """The name of a run whose process is over."""
    program = "from interpreter_validation import runs; print(runs.new())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_storage_probe_leaves_nothing_in_a_bucket_with_versions(deploy, probe_storage, any_bucket):
    """Neither old versions nor delete markers: else the bucket could not be deleted with its fleet."""
    fleet = deploy("one", "two", declare={"bucket": any_bucket, "access": "read-write"})

    assert probe_storage(fleet, "one").verdict is Verdict.PASS


@pytest.fixture
def probe_storage(sessions):
    def run(fleet, base):
        records = tuple(fleet.records.values())
        [result] = examine(sessions, fleet.records[base], ["storage"], Settings((), records)).results
        return result

    return run
