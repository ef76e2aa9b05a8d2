"""A fleet that was deployed, and then changed behind CloudFormation's back: each fault is found on the
interpreter that has it, in words, and every other interpreter passes.
"""

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from interpreter_fleet.manifest import Record

pytestmark = pytest.mark.slow

ACCOUNT = "123456789012"
BUCKET = f"planted-interpreters-{ACCOUNT}-us-east-1"
SIBLING = f"arn:aws:s3:::{BUCKET}/warehouse/*"


@dataclass
class World:
    """The account, as somebody with all rights sees it."""

    iam: object
    s3: object
    ssm: object
    control: object
    network: object

    def record(self, base):
        name = f"/interpreter-fleet/planted/{base}"
        return Record.from_json(self.ssm.get_parameter(Name=name)["Parameter"]["Value"], name)

    def role(self, base):
        return self.record(base).role_arn.rpartition("/")[2]

    def write(self, record):
        self.ssm.put_parameter(Name=record.parameter, Value=record.to_json(), Type="String", Overwrite=True)


@pytest.fixture(scope="module")
def world(client, deployed):
    names = ("iam", "s3", "ssm", "bedrock-agentcore-control")
    return World(*map(client, names), deployed)


@pytest.fixture
def canary(process_environment, tmp_path, root):
    """`canary()` → exit status, the report, what a person reads."""

    def run():
        file = tmp_path / "report.json"
        done = subprocess.run(
            [sys.executable, root / "scripts/validate.py", "canary", "--fleet", "planted", "--json", file],
            env=process_environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, json.loads(file.read_text()), done.stdout + done.stderr

    return run


@contextmanager
def statement(world, base, **what):
    """A role with one statement too many."""
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", **what}}
    world.iam.put_role_policy(
        RoleName=world.role(base), PolicyName="more", PolicyDocument=json.dumps(document)
    )
    yield
    world.iam.delete_role_policy(RoleName=world.role(base), PolicyName="more")


@contextmanager
def attached(world, base):
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    world.iam.attach_role_policy(RoleName=world.role(base), PolicyArn=arn)
    yield
    world.iam.detach_role_policy(RoleName=world.role(base), PolicyArn=arn)


@contextmanager
def trusted(world, base, principal):
    name = world.role(base)
    before = world.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    more = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    after = {**before, "Statement": [*before["Statement"], more]}
    world.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(after))
    yield
    world.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(before))


@contextmanager
def without_boundary(world, base):
    name = world.role(base)
    arn = world.iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    world.iam.delete_role_permissions_boundary(RoleName=name)
    yield
    world.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)


@contextmanager
def bucket_policy(world, base, **what):
    """The bucket's policy opens something to the role of `base`, or to another principal."""
    before = world.s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    document = json.loads(before)
    more = {
        "Effect": "Allow",
        "Principal": {"AWS": world.record(base).role_arn},
        "Action": "s3:GetObject",
        **what,
    }
    document["Statement"].append(more)
    world.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    yield
    world.s3.put_bucket_policy(Bucket=BUCKET, Policy=before)


@contextmanager
def untagged(world, base):
    arn = world.record(base).arn
    world.control.untag_resource(resourceArn=arn, tagKeys=["team"])
    yield
    world.control.tag_resource(resourceArn=arn, tags={"team": "ours"})


@contextmanager
def egress(world, _base, port):
    world.network.allow(port)
    yield
    world.network.take_back(port)


@contextmanager
def no_egress(world, _base):
    world.network.take_back(443)
    yield
    world.network.allow(443)


@contextmanager
def record_rewritten(world, base, **change):
    before = world.record(base)
    world.write(replace(before, **change))
    yield
    world.write(before)


@contextmanager
def record_deleted(world, base):
    before = world.record(base)
    world.ssm.delete_parameter(Name=before.parameter)
    yield
    world.write(before)


@contextmanager
def record_garbled(world, base):
    before = world.record(base)
    world.ssm.put_parameter(Name=before.parameter, Value="{", Type="String", Overwrite=True)
    yield
    world.write(before)


@contextmanager
def stranger(world, base, *, name="mine", tags=None, with_role=False):
    role = {"executionRoleArn": world.record(base).role_arn} if with_role else {}
    made = world.control.create_code_interpreter(
        name=name, networkConfiguration={"networkMode": "PUBLIC"}, tags=tags or {}, **role
    )
    yield
    world.control.delete_code_interpreter(codeInterpreterId=made["codeInterpreterId"])


# Fault, interpreter that has it, what is said of that by which probe; `record` and `stranger` are no probes.
FAULTS = [
    (statement, "analytics", {"Action": "s3:GetObject", "Resource": SIBLING},
     {"declared": "where warehouse keeps its files", "storage": "get s3://"}),
    (statement, "drafts", {"Action": "iam:*", "Resource": "*"}, {"declared": "allows iam:* on *"}),
    (statement, "web", {"NotAction": "iam:*", "Resource": "*"},
     {"declared": "allows everything but iam:*", "storage": "list all buckets", "identity": "list_buckets"}),
    (attached, "billing", {},
     {"declared": "AdministratorAccess", "storage": "warehouse", "identity": "list"}),
    (trusted, "claims", {"principal": {"AWS": "arn:aws:iam::999999999999:root"}},
     {"declared": "allows sts:AssumeRole to arn:aws:iam::999999999999:root, without a condition"}),
    (without_boundary, "web", {}, {"declared": "permissions boundary is none"}),
    (bucket_policy, "analytics", {"Resource": SIBLING},
     {"declared": "allows the role of analytics s3:GetObject", "storage": "warehouse"}),
    (bucket_policy, "drafts", {"Resource": f"arn:aws:s3:::{BUCKET}/claims/one.csv"},
     {"declared": "where claims keeps its files"}),
    (bucket_policy, "claims",
     {"Resource": f"arn:aws:s3:::{BUCKET}/claims/*", "Principal": {"AWS": "999999999999"}},
     {"declared": "opens the prefix of claims to 999999999999"}),
    (untagged, "drafts", {}, {"declared": "tag team is missing, declared is 'ours'"}),
    (egress, "warehouse", {"port": 80}, {"declared": "tcp port 80", "network": "outside.test:80"}),
    (egress, "warehouse", {"port": 22}, {"declared": "lets out tcp port 22 to 0.0.0.0/0"}),
    (no_egress, "warehouse", {},
     {"network": "outside.test:443", "storage": "S3 is not reached", "identity": "no AWS service answers"}),
    (record_rewritten, "claims", {"libraries": ("no_such_module",)},
     {"libraries": "no_such_module", "record": "the record of claims was rewritten"}),
    (record_deleted, "drafts", {}, {"record": "nothing looks at its interpreter drafts__"}),
    (record_garbled, "drafts", {}, {"record": "cannot be read"}),
    (stranger, "analytics", {"name": "analytics__11111111", "with_role": True},
     {"stranger": "uses the execution role of analytics"}),
    (stranger, "analytics", {"tags": {"interpreter-fleet": "planted"}},
     {"stranger": "interpreter-fleet=planted"}),
]  # fmt: skip


def test_the_fleet_as_it_was_deployed_passes(canary, deployed):
    status, report, printed = canary()

    assert status == 0, printed
    assert [one["verdict"] for one in report["interpreters"]] == ["pass"] * 6


@pytest.mark.parametrize(
    ("fault", "base", "how", "said"), FAULTS, ids=[f"{one[0].__name__} {one[1]} {one[2]}" for one in FAULTS]
)
def test_a_fault_is_found_where_it_is_and_nowhere_else(canary, world, fault, base, how, said):
    with fault(world, base, **how):
        status, report, printed = canary()

    assert status == 1, printed
    found = {
        (one["interpreter"], probe["probe"]): probe
        for one in report["interpreters"]
        for probe in one["probes"]
        if probe["verdict"] != "pass"
    }
    others = {one["kind"]: one for one in report["strangers"]}
    kinds = {"record": "record", "stranger": "interpreter"}
    assert set(found) == {(base, probe) for probe in said if probe not in kinds}, printed
    assert set(others) == {kind for name, kind in kinds.items() if name in said}, printed
    for name, text in said.items():
        one = others[kinds[name]] if name in kinds else found[base, name]
        assert text in one["detail"]
        assert one["todo"]


def test_all_at_once_and_for_good(canary, world):
    """What no deployment takes back by itself; a sandbox with egress stands under the old record."""
    gone, remade, roleless = (world.record(base) for base in ("claims", "drafts", "web"))
    world.control.delete_code_interpreter(codeInterpreterId=gone.id)
    world.control.delete_code_interpreter(codeInterpreterId=remade.id)
    made = world.control.create_code_interpreter(
        name=remade.name,
        networkConfiguration={"networkMode": "PUBLIC"},
        executionRoleArn=remade.role_arn,
        tags=dict(remade.tags),
    )
    world.write(replace(remade, id=made["codeInterpreterId"], arn=made["codeInterpreterArn"]))
    world.iam.delete_role_permissions_boundary(RoleName=world.role("web"))
    world.iam.delete_role(RoleName=roleless.role_arn.rpartition("/")[2])

    with statement(world, "analytics", Action="ssm:GetParameter", Resource="*"):
        status, report, printed = canary()

    assert status == 1, printed
    verdicts = {one["interpreter"]: one["verdict"] for one in report["interpreters"]}
    assert verdicts.pop("billing") == verdicts.pop("warehouse") == "pass", printed
    assert set(verdicts.values()) == {"fail"}
    details = {
        (one["interpreter"], probe["probe"]): probe["detail"]
        for one in report["interpreters"]
        for probe in one["probes"]
    }
    assert f"{gone.id} is not there" in details["claims", "declared"]
    assert "network mode is PUBLIC, declared is SANDBOX" in details["drafts", "declared"]
    assert "code gets out: TCP outside.test:443" in details["drafts", "network"]
    assert "execution role is not there" in details["web", "declared"]
    assert "allows ssm:GetParameter on *" in details["analytics", "declared"]
    [rewritten] = report["strangers"]
    assert f"id is {made['codeInterpreterId']}, deployed was {remade.id}" in rewritten["detail"]
    world.control.delete_code_interpreter(codeInterpreterId=made["codeInterpreterId"])
