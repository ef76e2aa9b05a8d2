"""Given a fleet: its stacks, what is in which, and what they share."""

import aws_cdk as cdk
import pytest

from interpreter_fleet import FleetSpec, FleetTooLargeError, InterpreterFleet, InterpreterSpec
from interpreter_fleet.fleet import PER_STACK, shards_of

INTERPRETER = "AWS::BedrockAgentCore::CodeInterpreterCustom"


def names(resources) -> list[str]:
    return sorted(r["Properties"]["Name"].split("__")[0] for r in resources.values())


def test_stacks_files_and_bucket_are_named_after_the_fleet(app, fleet, resources):
    fleet("fleet: demo\ninterpreters:\n  a: {storage: {access: read}}\n")

    assert sorted(s.stack_name for s in app.synth().stacks) == ["demo-interpreters-0", "demo-storage"]
    assert sorted(s.template_file for s in app.synth().stacks) == [
        "demo-interpreters-0.template.json",
        "demo-storage.template.json",
    ]
    [bucket] = resources("AWS::S3::Bucket").values()
    assert bucket["Properties"]["BucketName"] == {
        "Fn::Join": ["", ["demo-interpreters-", {"Ref": "AWS::AccountId"}, "-", {"Ref": "AWS::Region"}]]
    }


def test_the_bucket_exists_before_the_interpreters(app, fleet):
    """And goes after them."""
    fleet("fleet: demo\nshards: 2\ninterpreters:\n  a: {storage: {access: read}}\n")

    for n in range(2):
        stack = app.synth().get_stack_by_name(f"demo-interpreters-{n}")
        assert "demo-storage" in [d.id for d in stack.dependencies]


def test_stacks_share_names_and_export_nothing(app, fleet):
    """An export cannot be changed while another stack uses it."""
    fleet("fleet: demo\nshards: 2\ninterpreters:\n  a: {storage: {access: read}}\n  b: {}\n  c: {}\n")

    for stack in app.synth().stacks:
        assert "Outputs" not in stack.template
        assert "Fn::ImportValue" not in str(stack.template)
        assert "Fn::GetStackOutput" not in str(stack.template)


def test_the_bucket_is_private_encrypted_versioned_and_answers_tls_only(fleet, resources):
    fleet("fleet: demo\ninterpreters:\n  a: {storage: {access: read}}\n")

    [bucket] = resources("AWS::S3::Bucket").values()
    [policy] = resources("AWS::S3::BucketPolicy").values()
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in properties
    denied = policy["Properties"]["PolicyDocument"]["Statement"]
    assert [s["Effect"] for s in denied] == ["Deny", "Deny"]
    assert denied[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied[1]["Condition"] == {"NumericLessThan": {"s3:TlsVersion": 1.2}}


@pytest.mark.parametrize(
    ("bucket", "deletion"), [("", "Retain"), ("retain: true", "Retain"), ("retain: false", "Delete")]
)
def test_the_bucket_stays_unless_said_otherwise(fleet, resources, bucket, deletion):
    fleet(f"fleet: demo\nbucket: {{{bucket}}}\ninterpreters:\n  a: {{storage: {{access: read}}}}\n")

    [found] = resources("AWS::S3::Bucket").values()
    assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == (deletion, deletion)


def test_an_existing_bucket_is_used_by_name(app, fleet, resources):
    fleet("fleet: demo\nbucket: {name: their-bucket}\ninterpreters:\n  a: {storage: {access: read}}\n")

    assert [s.stack_name for s in app.synth().stacks] == ["demo-interpreters-0"]
    [interpreter] = resources(INTERPRETER).values()
    assert interpreter["Metadata"]["InterpreterFleet"]["Storage"] == {
        "Bucket": "their-bucket",
        "Prefix": "a/",
        "Access": "read",
    }


def test_a_fleet_without_storage_makes_no_bucket(app, fleet):
    fleet("fleet: demo\ninterpreters:\n  a: {}\n")

    assert [s.stack_name for s in app.synth().stacks] == ["demo-interpreters-0"]


def test_what_the_fleet_says_holds_for_each_interpreter(fleet, resources):
    fleet(
        "fleet: demo\n"
        "tags: {team: x, stage: prod}\n"
        "trust: account\n"
        "permissions_boundary: boundary\n"
        "interpreters:\n"
        "  a: {tags: {stage: dev}}\n"
    )

    [role] = resources("AWS::IAM::Role").values()
    [interpreter] = resources(INTERPRETER).values()
    assert "PermissionsBoundary" in role["Properties"]
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1][-1] == ":*"
    assert interpreter["Properties"]["Tags"] == {
        "interpreter-base": "a",
        "interpreter-fleet": "demo",
        "stage": "dev",
        "team": "x",
    }


def test_a_fleet_in_one_account_and_region_is_literal(app, resources):
    env = cdk.Environment(account="111122223333", region="eu-west-1")
    spec = FleetSpec.model_validate({"fleet": "demo", "interpreters": {"a": {"storage": {"access": "read"}}}})
    InterpreterFleet(app, spec, env=env)

    [bucket] = resources("AWS::S3::Bucket").values()
    assert bucket["Properties"]["BucketName"] == "demo-interpreters-111122223333-eu-west-1"


def test_interpreters_live_in_the_shard_of_their_name_or_the_one_they_ask_for(fleet, resources):
    fleet("fleet: demo\nshards: 4\ninterpreters: {analytics: {}, reports: {}, other: {shard: 1}}\n")

    found = [names(resources(INTERPRETER, stack=f"demo-interpreters-{n}")) for n in range(4)]
    assert found == [[], ["other"], ["analytics"], ["reports"]]


def test_an_empty_shard_is_made_so_that_the_cli_removes_what_was_there(app, fleet):
    fleet("fleet: demo\nshards: 3\ninterpreters:\n  a: {shard: 0}\n")

    assert sorted(s.stack_name for s in app.synth().stacks) == [f"demo-interpreters-{n}" for n in range(3)]


def many(count: int, **fleet: object) -> FleetSpec:
    return FleetSpec(fleet="demo", interpreters={f"i{n}": InterpreterSpec() for n in range(count)}, **fleet)


def test_a_full_stack_is_within_the_limit_of_cloudformation(app, resources):
    """500 resources, one of them left for the CDK's own."""
    InterpreterFleet(app, many(PER_STACK))

    assert len(app.synth().stacks[0].template["Resources"]) == PER_STACK * 3 == 498


def test_a_fleet_that_does_not_fit_says_how_many_shards_would_do():
    with pytest.raises(FleetTooLargeError) as raised:
        shards_of(many(300))

    assert str(raised.value) == (
        "shards: found 1, which puts 300 interpreters into shard 0: 900 resources, and a CloudFormation stack"
        " takes 500; allowed: 2 or more"
    )
    assert max(list(shards_of(many(300, shards=2)).values()).count(n) for n in range(2)) <= PER_STACK


def test_explicit_shards_that_do_not_fit_are_not_blamed_on_the_count():
    spec = FleetSpec(
        fleet="demo", shards=2, interpreters={f"i{n}": InterpreterSpec(shard=0) for n in range(PER_STACK + 1)}
    )

    with pytest.raises(FleetTooLargeError, match="spread the interpreters with explicit 'shard:' keys"):
        shards_of(spec)
