"""Given the policy that `permissions` prints: the command runs under it, and under nothing less."""

import json
import uuid

import pytest

from interpreter_validation.assembly import INTERPRETER
from interpreter_validation.permissions import NEEDS, Scope, needs, policy

ACCOUNT = "123456789012"
COMMANDS = (
    ("preflight",),
    ("preflight", "--assembly"),
    ("canary",),
    ("sweep",),
    ("sweep", "--yes"),
    ("all",),
    ("all", "--assembly"),
)
LIMITS = "servicequotas:ListServiceQuotas"
# Without these a command still runs: it falls back to documented limits, or counts everything as new, and
# says so where it reports.
GOES_WITHOUT = {
    ("canary", LIMITS),
    ("sweep", LIMITS),
    *((one[0], f"cloudformation:{what}") for one in COMMANDS for what in ("DescribeStacks", "GetTemplate")),
    # Their buckets keep no versions, and no killed canary has left an object in one.
    *((name, "s3:DeleteObjectVersion") for name in ("canary", "all", "sweep")),
    *((name, "s3:ListBucketVersions") for name in ("canary", "all")),
    ("sweep", "s3:DeleteObject"),
    # The fleets of these tests have no interpreter in VPC mode.
    *(
        (name, f"ec2:Describe{what}")
        for name in ("canary", "all")
        for what in ("SecurityGroups", "Subnets", "RouteTables")
    ),
}


@pytest.fixture
def run_under(role_of, command):
    """`run_under(statements, "canary", …)` → exit status and output, with a role of exactly these rights."""

    def run(statements, *arguments):
        credentials = role_of(*statements)
        process = command(
            *arguments,
            AWS_ACCESS_KEY_ID=credentials["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=credentials["SecretAccessKey"],
            AWS_SESSION_TOKEN=credentials["SessionToken"],
        )
        out, err = process.communicate(timeout=120)
        return process.returncode, out + err

    return run


def printed(validate, *arguments):
    status, out, err = validate("permissions", *arguments)
    assert status == 0, err
    return json.loads(out)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_runs_under_its_policy(validate, run_under, deploy, assembly, arguments):
    fleet = deploy("one", "two")
    document = printed(validate, *arguments, "--fleet", fleet.name, "--account", ACCOUNT)

    status, output = run_under(
        document["Statement"], *with_values(arguments, assembly(fleet)), "--fleet", fleet.name
    )

    assert status == 0, output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (arguments, action)
        for arguments in COMMANDS
        for action in dict.fromkeys(a for need in needs(arguments[0], arguments[1:]) for a in need.actions)
        if (arguments[0], action) not in GOES_WITHOUT
    ],
    ids=lambda one: one if isinstance(one, str) else " ".join(one),
)
def test_a_command_does_not_run_without_any_of_its_rights(
    run_under, deploy, assembly, leave, arguments, action
):
    """There is something to sweep, so that looking at it and removing it is needed."""
    fleet = deploy("one")
    statements = [
        {**one, "Action": [a for a in one["Action"] if a != action]}
        for one in policy(arguments[0], Scope(fleet=fleet.name), arguments[1:])["Statement"]
    ]
    if arguments[0] == "sweep":
        leave(fleet)

    status, output = run_under(
        [s for s in statements if s["Action"]],
        *with_values(arguments, assembly(fleet)),
        "--fleet",
        fleet.name,
        *(("--older-than", "0") if arguments[0] == "sweep" else ()),
    )

    assert status in (1, 3, 4), output
    assert action.partition(":")[2] in output


def with_values(arguments, folder):
    """`--assembly` with its folder."""
    return [part for one in arguments for part in ((one, folder) if one == "--assembly" else (one,))]


@pytest.fixture
def assembly(client, tmp_path, bucket):
    """`assembly(fleet)` → a cloud assembly that needs every look at the account: VPC, bucket, given role."""
    ec2, ssm = client("ec2"), client("ssm")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])
    parameter = f"/cdk-bootstrap/{uuid.uuid4().hex[:8]}/version"
    ssm.put_parameter(Name=parameter, Value="21", Type="String")

    def write(fleet):
        record = fleet.records["one"]
        interpreter = {
            "Type": INTERPRETER,
            "Properties": {
                "Name": "one__0123abcd",
                "ExecutionRoleArn": record.role_arn,
                "NetworkConfiguration": {
                    "NetworkMode": "VPC",
                    "VpcConfig": {
                        "Subnets": [subnet["SubnetId"]],
                        "SecurityGroups": [group["SecurityGroups"][0]["GroupId"]],
                    },
                },
            },
            "Metadata": {"InterpreterFleet": {"Base": "one", "Storage": {"Bucket": bucket}}},
        }
        stack = {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://{ACCOUNT}/us-east-1",
            "properties": {
                "templateFile": "t.json",
                "requiresBootstrapStackVersion": 6,
                "bootstrapStackVersionSsmParameter": parameter,
            },
        }
        (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"never-deployed": stack}}))
        (tmp_path / "t.json").write_text(json.dumps({"Resources": {"C": interpreter}}))
        return tmp_path

    yield write
    ssm.delete_parameter(Name=parameter)


@pytest.fixture
def leave(client):
    """`leave(fleet)`: a session of a canary that was killed, and two interpreters that nobody has."""
    control, data, made = client("bedrock-agentcore-control"), client("bedrock-agentcore"), []

    def put(fleet):
        record = fleet.records["one"]
        data.start_code_interpreter_session(
            codeInterpreterIdentifier=record.id, name="ifleet-canary-0000-one"
        )
        # By its tag; by a recorded name and role.
        for name, more in (
            ("stray", {"tags": dict(record.tags)}),
            ("one", {"executionRoleArn": record.role_arn}),
        ):
            got = control.create_code_interpreter(
                name=f"{name}__{uuid.uuid4().hex[:8]}",
                networkConfiguration={"networkMode": "SANDBOX"},
                **more,
            )
            made.append(got["codeInterpreterId"])

    yield put
    there = [
        one["codeInterpreterId"]
        for one in control.list_code_interpreters(type="CUSTOM", maxResults=100)["codeInterpreterSummaries"]
    ]
    for identifier in set(there) & set(made):
        control.delete_code_interpreter(codeInterpreterId=identifier)


def test_the_policy_for_one_interpreter_does_not_reach_another(validate, run_under, deploy):
    fleet = deploy("one", "two")
    document = printed(validate, "canary", "--fleet", fleet.name, "--only", "one")

    alone, output = run_under(document["Statement"], "canary", "--fleet", fleet.name, "--only", "one")
    both, _ = run_under(document["Statement"], "canary", "--fleet", fleet.name)

    assert alone == 0, output
    assert both == 3


def test_resources_are_the_fleets_own():
    found = {
        s["Sid"]: s["Resource"]
        for s in policy("canary", Scope("aws-cn", "cn-north-1", ACCOUNT, "demo", ("a", "b")))["Statement"]
    }

    interpreter = f"arn:aws-cn:bedrock-agentcore:cn-north-1:{ACCOUNT}:code-interpreter-custom"
    records = f"arn:aws-cn:ssm:cn-north-1:{ACCOUNT}:parameter/interpreter-fleet"
    assert found == {
        "Records": [records, f"{records}/demo"],
        "Limits": "*",
        "Canary": [f"{interpreter}/a__*", f"{interpreter}/b__*"],
        "Strangers": f"{interpreter}/*",
        "StrangersList": "*",
        "Roles": f"arn:aws-cn:iam::{ACCOUNT}:role/BedrockAgentCore/*",
        "PlantedObjects": "arn:aws-cn:s3:::*/*interpreter-fleet-canary-*",
        "BucketPolicies": "arn:aws-cn:s3:::*",
        "RecordsDeployed": f"arn:aws-cn:cloudformation:cn-north-1:{ACCOUNT}:stack/*",
        "Egress": "*",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--account", "12"), "found the account '12'; allowed: 12 digits"),
        (("--only", "a*"), "found the interpreter 'a*'; allowed: the base name of one"),
        (("--yes",), "found --yes, but canary takes none of these options"),
    ],
)
def test_a_wrong_scope_is_an_error(validate, arguments, message):
    """An asterisk in a name would widen the policy silently."""
    status, out, err = validate("permissions", "canary", *arguments)

    assert (status, out) == (2, "")
    assert message in err


def test_the_gates_function_has_the_rights_that_are_printed():
    """The construct says them a second time: neither wing imports the other."""
    from interpreter_fleet.canary_function import ACTIONS

    [need] = NEEDS["gate"]
    assert set(need.actions) == set(ACTIONS)
