"""Given a fleet with a canary gate: what the templates hold, and what the gate's function may do."""

import json

import aws_cdk as cdk
import pytest

from interpreter_fleet import CanaryGate, CodeInterpreter, FleetTooLargeError
from interpreter_fleet.fleet import PER_GATED_STACK
from interpreter_fleet.naming import MAX_BASE

GATE = "Custom::InterpreterCanaryGate"
FLEET = "fleet: demo\ncanary_gate: true\ninterpreters:\n"
TWO = FLEET + "  one: {}\n  two: {}\n"


def text(value) -> str:
    return json.dumps(value, sort_keys=True)


def joined(value, known):
    """A document with every Fn::Join made text."""
    if isinstance(value, list):
        return [joined(one, known) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        return "".join(joined(one, known) for one in value["Fn::Join"][1])
    if "Ref" in value:
        return known.get(value["Ref"].removeprefix("AWS::"), value["Ref"])
    if "Fn::GetAtt" in value:
        return "x" * 100
    return {key: joined(one, known) for key, one in value.items()}


def test_a_fleet_has_no_gate_unless_it_says_so(fleet, resources):
    fleet("fleet: demo\ninterpreters: {one: {}}\n")

    assert resources(GATE) == {}
    assert resources("AWS::Lambda::Function") == {}


def test_each_stack_with_interpreters_has_a_gate_of_its_own(fleet, resources):
    """An empty shard has nothing to try."""
    fleet(FLEET + "  one: {shard: 0}\n  two: {shard: 1}\nshards: 3\n")

    for shard, bases in enumerate((["one"], ["two"], [])):
        gates = resources(GATE, stack=f"demo-interpreters-{shard}").values()
        assert [t["Base"] for g in gates for t in g["Properties"]["Interpreters"]] == bases


def test_gates_of_stacks_deployed_side_by_side_keep_to_one_share(fleet, resources):
    fleet(FLEET + "  one: {shard: 0}\n  two: {shard: 1}\nshards: 2\n")

    for shard in range(2):
        [gate] = resources(GATE, stack=f"demo-interpreters-{shard}").values()
        assert float(gate["Properties"]["Settings"]["PerSecond"]) == 7.5


def test_the_gate_runs_after_the_interpreters_and_their_rights(fleet, resources):
    fleet(TWO)

    [gate] = resources(GATE).values()
    before = set(gate["DependsOn"])
    assert set(resources("AWS::BedrockAgentCore::CodeInterpreterCustom")) < before
    assert set(resources("AWS::IAM::ManagedPolicy")) < before


def test_the_function_may_run_sessions_on_these_interpreters_and_write_its_log(fleet, resources):
    fleet(TWO)

    [own] = resources("AWS::IAM::Policy").values()
    [log] = own["Properties"]["PolicyDocument"]["Statement"]
    [managed] = resources("AWS::IAM::ManagedPolicy").values()
    [canary] = managed["Properties"]["PolicyDocument"]["Statement"]
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert set(text(log["Resource"]).split('"')) & set(resources("AWS::Logs::LogGroup"))
    assert set(canary["Action"]) == {
        "bedrock-agentcore:StartCodeInterpreterSession",
        "bedrock-agentcore:InvokeCodeInterpreter",
        "bedrock-agentcore:StopCodeInterpreterSession",
        "bedrock-agentcore:GetCodeInterpreterSession",
    }
    endings = [one["Fn::Join"][1][-1] for one in canary["Resource"]]
    assert endings == [":code-interpreter-custom/one__*", ":code-interpreter-custom/two__*"]
    roles = resources("AWS::IAM::Role").values()
    assert all("ManagedPolicyArns" not in role["Properties"] for role in roles)


def test_a_change_that_replaces_nothing_is_tried_too(app, tmp_path):
    """A role's policy is updated in place: id and name stay, so CloudFormation is given a hash of it."""

    def declared(change):
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "gate.out")), "mine")
        one = CodeInterpreter(stack, "One", base="one")
        gate = CanaryGate(stack, "Gate", interpreters=[one])
        # After the gate was made: what counts is the template in the end.
        change(one)
        template = stack.node.root.synth().stacks[0].template
        return template["Resources"][stack.get_logical_id(gate.resource.node.default_child)]["Properties"][
            "Declared"
        ]

    def trust_nobody(one):
        one.role.assume_role_policy_document = {"Version": "2012-10-17", "Statement": []}

    assert declared(lambda one: None) == declared(lambda one: None)
    assert declared(lambda one: None) != declared(trust_nobody)


def test_a_full_stack_with_a_gate_is_within_the_limit(fleet, app):
    """With the longest names: IAM takes 10,240 characters of inline and 6,144 of a managed policy."""
    bases = [f"i{n:03}{'x' * (MAX_BASE - 4)}" for n in range(PER_GATED_STACK)]
    fleet(FLEET + "".join(f"  {base}: {{}}\n" for base in bases))

    [artifact] = app.synth().stacks
    assert len(artifact.template["Resources"]) <= 500
    known = {"Partition": "aws-us-gov", "Region": "us-gov-west-1", "AccountId": "1" * 12}
    limits = {"AWS::IAM::Policy": 10_240, "AWS::IAM::ManagedPolicy": 6_144}
    assert all(
        len(r["Properties"].get("Roles", [])) == 1
        for r in artifact.template["Resources"].values()
        if r["Type"] in limits
    )
    sizes = [
        (r["Type"], len(json.dumps(joined(r["Properties"]["PolicyDocument"], known), separators=(",", ":"))))
        for r in artifact.template["Resources"].values()
        if r["Type"] in limits
    ]
    assert [size for kind, size in sizes if size > limits[kind]] == []
    # One for the log; a role takes ten managed policies.
    assert 1 < len(sizes) <= 11


def test_one_interpreter_more_is_refused_with_the_shards_that_would_do(fleet):
    with pytest.raises(FleetTooLargeError, match="10 of them for the canary gate; allowed: 2 or more"):
        fleet(FLEET + "".join(f"  i{n}: {{}}\n" for n in range(PER_GATED_STACK + 1)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"interpreters": []}, "found no interpreters; allowed: one or more"),
        ({"per_second": 0}, "per_second: found 0; allowed: more than 0"),
        ({"concurrency": 33}, "concurrency: found 33; allowed: 1 to 32"),
    ],
)
def test_a_wrong_value_is_an_error_at_once(stack, given, message):
    one = CodeInterpreter(stack, "One", base="one")

    with pytest.raises(ValueError, match="allowed:") as raised:
        CanaryGate(stack, "Gate", **{"interpreters": [one], **given})

    assert str(raised.value) == message


def test_an_interpreter_of_another_stack_is_refused(app, stack):
    """It could not roll that stack back."""
    other = CodeInterpreter(cdk.Stack(app, "other"), "One", base="one")

    with pytest.raises(ValueError, match="found 'one' of another stack"):
        CanaryGate(stack, "Gate", interpreters=[other])
