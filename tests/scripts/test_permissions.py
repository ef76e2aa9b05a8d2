"""Given the policy that `permissions` prints: the command runs under it, and under nothing less."""

import json

import pytest

from interpreter_validation.permissions import NEEDS, Scope, policy

ACCOUNT = "123456789012"
# Without these a command still runs: it falls back to the documented limits, and says so where it reports.
GOES_WITHOUT = {("canary", "servicequotas:ListServiceQuotas"), ("sweep", "servicequotas:ListServiceQuotas")}


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


@pytest.mark.parametrize("command_name", ["preflight", "canary", "sweep", "all"])
def test_a_command_runs_under_its_policy(validate, run_under, deploy, command_name):
    fleet = deploy("one", "two")
    document = printed(validate, command_name, "--fleet", fleet.name, "--account", ACCOUNT)

    status, output = run_under(document["Statement"], command_name, "--fleet", fleet.name)

    assert status == 0, output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command_name", "action"),
    [
        (name, action)
        for name in ("preflight", "canary", "sweep", "all")
        for need in NEEDS[name]
        for action in need.actions
        if (name, action) not in GOES_WITHOUT
    ],
)
def test_a_command_does_not_run_without_any_of_its_rights(
    run_under, deploy, leave_a_session, command_name, action
):
    """There is something to sweep, so that stopping it is needed."""
    fleet = deploy("one")
    statements = [
        {**one, "Action": [a for a in one["Action"] if a != action]}
        for one in policy(command_name, Scope(fleet=fleet.name))["Statement"]
    ]
    if command_name == "sweep":
        leave_a_session(fleet)

    status, output = run_under([s for s in statements if s["Action"]], command_name, "--fleet", fleet.name)

    assert status != 0, output


@pytest.fixture
def leave_a_session(client):
    """`leave_a_session(fleet)`: one of a canary that was killed."""
    data = client("bedrock-agentcore")
    return lambda fleet: data.start_code_interpreter_session(
        codeInterpreterIdentifier=fleet.records["one"].id, name="ifleet-canary-0000-one"
    )


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
    assert found == {
        "Records": f"arn:aws-cn:ssm:cn-north-1:{ACCOUNT}:parameter/interpreter-fleet/demo",
        "Limits": "*",
        "Canary": [f"{interpreter}/a__*", f"{interpreter}/b__*"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--account", "12"), "found the account '12'; allowed: 12 digits"),
        (("--only", "a*"), "found the interpreter 'a*'; allowed: the base name of one"),
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
