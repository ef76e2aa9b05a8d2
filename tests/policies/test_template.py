"""Given this template, this is what a value in it means: a text, a symbol, one of a few, or unknown."""

from pathlib import Path

import pytest

from interpreter_policies.engine import run
from interpreter_policies.files import TemplateError, parse_text, read
from interpreter_policies.identities import identities
from interpreter_policies.rules import all_rules
from interpreter_policies.template import Template, Undecided, UnresolvedError, together
from interpreter_policies.view import interpreters

RULES = {rule.id: rule for rule in all_rules()}
BODY = """
Parameters:
  Any: {Type: String, Default: x}
  Mode: {Type: String, AllowedValues: [SANDBOX, PUBLIC]}
  Subnet: {Type: AWS::EC2::Subnet::Id}
  Count: {Type: Number}
  Names: {Type: CommaDelimitedList}
Conditions:
  Always: !Equals [a, a]
  Never: !Not [!Condition Always]
  Public: !Equals [!Ref Mode, PUBLIC]
  InEurope: !Equals [!Ref AWS::Region, eu-central-1]
  Both: !And [!Condition Always, !Condition InEurope]
  Either: !Or [!Condition Always, !Condition InEurope]
  OnAny: !Equals [!Ref Any, a]
Mappings:
  Seconds: {dev: {Max: 3600}, prod: {Max: 7200}}
  ByRegion: {eu-central-1: {Ami: one}, us-east-1: {Ami: two}}
Resources:
  Role: {Type: AWS::IAM::Role}
  Bucket: {Type: AWS::S3::Bucket}
  Named: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "data-${AWS::Region}"}}
  Nested: {Type: AWS::CloudFormation::Stack}
"""


@pytest.fixture(scope="module")
def template():
    return parse_text(BODY, Path("t.yaml"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Fn::Select": [1, ["a", "b"]]}, "b"),
        ({"Fn::Select": ["0", {"Fn::Split": ["/", "a/b"]}]}, "a"),
        (
            {"Fn::Select": [1, {"Fn::Split": [":", {"Fn::Sub": "arn:${AWS::Partition}:s3"}]}]},
            "<AWS::Partition>",
        ),
        # A part of an unknown text is an unknown text: always the same one.
        ({"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::GetAtt": "Role.Arn"}]}]}, "<Role.Arn /1>"),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "<zones of AWS::Region 0>"),
        ({"Fn::FindInMap": ["Seconds", "dev", "Max"]}, "3600"),
        ({"Fn::If": ["Always", "a", "b"]}, "a"),
        ({"Fn::If": ["Never", "a", "b"]}, "b"),
        ({"Fn::If": ["Either", "a", "b"]}, "a"),
        ({"Fn::If": ["InEurope", "a", "a"]}, "a"),
        ({"Ref": "Subnet"}, "<Subnet>"),
        ({"Ref": "Count"}, "<Count>"),
        ({"Fn::GetAtt": ["Named", "Arn"]}, "arn:<AWS::Partition>:s3:::data-<AWS::Region>"),
        ({"Fn::Sub": ["${a}-${!a}-${Role}", {"a": {"Ref": "Bucket"}}]}, "<Bucket>-${a}-<Role>"),
    ],
)
def test_what_a_template_tells(template, value, text):
    assert template.text(value) == text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"Ref": "Any"}, "parameter Any may have any value, 'x' is only its default"),
        ({"Ref": "Names"}, "parameter Names may have any value"),
        ({"Ref": "Nobody"}, "'Nobody', which is not in the template"),
        ({"Fn::ImportValue": "theirs"}, "export 'theirs' is not in these templates"),
        ({"Fn::GetAtt": ["Nested", "Outputs.Arn"]}, "output Outputs.Arn of nested stack Nested may have any"),
        ({"Fn::Select": ["x", ["a"]]}, "index 'x', expected a number"),
        ({"Fn::Select": [2, ["a"]]}, "Fn::Select has an argument it does not take"),
        ({"Fn::Split": ["/", {"Fn::Sub": "x${Role.Arn}"}]}, "<Role.Arn> may hold '/'"),
        ({"Fn::FindInMap": ["Seconds", "test", "Max"]}, "mapping Seconds has no 'test'"),
        ({"Fn::If": ["Nowhere", "a", "b"]}, "condition 'Nowhere' is not in the template"),
        ({"Fn::Base64": "a"}, "Fn::Base64 cannot be resolved"),
    ],
)
def test_what_it_does_not_tell(template, value, why):
    with pytest.raises(UnresolvedError) as raised:
        template.text(value)

    assert why in str(raised.value)
    assert not isinstance(raised.value, Undecided)


@pytest.mark.parametrize(
    ("value", "key", "options", "texts"),
    [
        ({"Ref": "Mode"}, "Mode", ("SANDBOX", "PUBLIC"), ["SANDBOX", "PUBLIC"]),
        ({"Fn::If": ["Public", "a", "b"]}, "Mode", ("SANDBOX", "PUBLIC"), ["b", "a"]),
        ({"Fn::If": ["InEurope", "a", "b"]}, "condition InEurope", ("true", "false"), ["a", "b"]),
        ({"Fn::If": ["Both", "a", "b"]}, "condition InEurope", ("true", "false"), ["a", "b"]),
        ({"Fn::If": ["OnAny", "a", "b"]}, "condition OnAny", ("true", "false"), ["a", "b"]),
        (
            {"Fn::FindInMap": ["ByRegion", {"Ref": "AWS::Region"}, "Ami"]},
            "ByRegion[<AWS::Region>]",
            ("eu-central-1", "us-east-1"),
            ["one", "two"],
        ),
    ],
)
def test_what_may_be_one_of_a_few(template, value, key, options, texts):
    with pytest.raises(Undecided) as raised:
        template.text(value)

    assert (raised.value.key, raised.value.options) == (key, options)
    assert [template.choosing({key: option}).text(value) for option in options] == texts


def test_what_has_no_value_is_not_there(template):
    nothing = {"Ref": "AWS::NoValue"}

    assert template.plain({"a": nothing, "b": {"Fn::If": ["Always", nothing, "x"]}, "c": [nothing, 1]}) == {
        "c": [1]
    }
    assert template.listed({"Fn::If": ["Always", ["a", {"Fn::If": ["Never", "b", nothing]}], "c"]}) == ["a"]


INTERPRETER = """
Conditions: {InEurope: !Equals [!Ref AWS::Region, eu-central-1]}
Parameters: {Mode: {Type: String, AllowedValues: [SANDBOX, PUBLIC]}}
Resources:
  Interpreter:
    Type: AWS::BedrockAgentCore::CodeInterpreterCustom
    %s
    Properties: {Name: one, NetworkConfiguration: {NetworkMode: %s}}
"""


def verdict(text, rule="ACCI-001"):
    return next(
        (one.status, one.evidence) for one in run([parse_text(text, Path("t.yaml"))], [RULES[rule]]).results
    )


@pytest.mark.parametrize(
    ("condition", "mode", "status", "evidence"),
    [
        ("", "!Ref Mode", "fail", "with Mode=PUBLIC: NetworkMode is PUBLIC"),
        ("", "!If [InEurope, SANDBOX, VPC]", "pass", "NetworkMode is SANDBOX"),
        ("", "!If [InEurope, SANDBOX, !Ref Mode]", "fail", "with condition InEurope=false, Mode=PUBLIC"),
        (
            "",
            "!If [InEurope, !ImportValue x, SANDBOX]",
            "unknown",
            "with condition InEurope=true: export 'x'",
        ),
        ("Condition: InEurope", "SANDBOX", "pass", "NetworkMode is SANDBOX"),
        ("Condition: InEurope", "PUBLIC", "fail", "with condition InEurope=true: NetworkMode is PUBLIC"),
    ],
)
def test_every_possibility_is_judged_and_the_worst_counts(condition, mode, status, evidence):
    found = verdict(INTERPRETER % (condition, mode))

    assert found[0] == status
    assert evidence in found[1]


def test_too_many_possibilities_are_unknown():
    names = [f"P{number}" for number in range(7)]
    parameters = "".join(f", {name}: {{Type: String, AllowedValues: [a, b]}}" for name in names)
    text = INTERPRETER % ("", "!Join ['', [" + ", ".join(f"!Ref {name}" for name in names) + "]]")

    status, evidence = verdict(text.replace("PUBLIC]}", "PUBLIC]}" + parameters))

    assert status == "unknown"
    assert evidence.startswith("more than 64 combinations")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("Transform: My::Macro\n", "macro My::Macro may rewrite the template"),
        ("Transform: [AWS::Include]\n", "macro AWS::Include may rewrite"),
        (
            "Transform: AWS::LanguageExtensions\nOutputs: {'Fn::ForEach::X': [A, [b], {}]}\n",
            "Fn::ForEach::X rewrites",
        ),
        ("Outputs: {'Fn::ForEach::X': [A, [b], {}]}\n", "Fn::ForEach::X rewrites the template"),
    ],
)
def test_a_template_that_a_macro_rewrites_is_unknown(more, why):
    status, evidence = verdict(more + INTERPRETER % ("", "SANDBOX"))

    assert status == "unknown"
    assert why in evidence


def test_resources_of_the_same_name_in_two_stacks_are_two():
    one, two = together(
        [Template(Path(f"{name}.json"), {"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}) for name in "xy"]
    )

    assert (one.text({"Ref": "B"}), two.text({"Ref": "B"})) == ("<x/B>", "<y/B>")


@pytest.mark.parametrize(
    "reference",
    ["!ImportValue role", "!GetStackOutput {StackName: x, OutputName: Arn}"],
)
def test_an_output_of_another_stack_is_known_where_both_are_read(reference):
    there = """
Resources: {Role: {Type: AWS::IAM::Role}}
Outputs: {Arn: {Value: !GetAtt Role.Arn, Export: {Name: role}}}
"""
    here = INTERPRETER % ("", "SANDBOX") + f"      ExecutionRoleArn: {reference}\n"
    here = here.replace("    Properties: {Name: one,", "    Properties:\n      Name: one\n     ").replace(
        "      NetworkConfiguration: {NetworkMode: SANDBOX}}",
        "      NetworkConfiguration: {NetworkMode: SANDBOX}",
    )
    found = interpreters([parse_text(there, Path("x.yaml")), parse_text(here, Path("y.yaml"))])

    assert (found[0].role.template.path, found[0].role.logical_id) == (Path("x.yaml"), "Role")


ROLES = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {RoleName: mine, ManagedPolicyArns: [!Ref Managed], PermissionsBoundary: !Ref Boundary}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: &read {Statement: {Sid: R, Effect: Allow, Action: s3:Get*, Resource: "*"}}
  Boundary: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: *read}}
  ByName: {Type: AWS::IAM::RolePolicy, Properties: {RoleName: mine, PolicyDocument: *read}}
  Elsewhere: {Type: AWS::IAM::Policy, Properties: {Users: [ana], PolicyDocument: *read}}
  User:
    Type: AWS::IAM::User
    Properties: {Groups: [!Ref Group], ManagedPolicyArns: ["arn:aws:iam::aws:policy/X"]}
  Group: {Type: AWS::IAM::Group, Properties: {Policies: [{PolicyName: p, PolicyDocument: *read}]}}
"""


def test_who_is_allowed_something_in_a_template():
    found = {one.title: one for one in identities(together([parse_text(ROLES, Path("t.yaml"))]))}

    assert set(found) == {"role Role", "user User", "group Group", "policy Elsewhere"}
    assert len(found["role Role"].statements) == 2
    assert len(found["user User"].statements) == 1
    assert found["user User"].unread == ("arn:aws:iam::aws:policy/X",)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("Parameters:\n", "Parameters is nothing, expected an object"),
        ("Conditions: [a]\n", "Conditions is list, expected an object"),
        ("Outputs: {Bucket: data}\n", "Bucket in Outputs is str, expected an object"),
    ],
)
def test_a_section_that_is_no_object_is_refused(section, said):
    with pytest.raises(TemplateError, match=said):
        parse_text(section + "Resources: {}\n", Path("t.yaml"))


def test_a_list_parameter_is_given_as_a_list():
    text = "Parameters: {Zones: {Type: CommaDelimitedList}}\nResources: {}\n"

    chosen = parse_text(text, Path("t.yaml")).choosing({"Zones": "a, b"})

    assert chosen.plain({"Ref": "Zones"}) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources:\n  ? [a]\n  : {Type: x}\n", "found a key that is no text"),
        ('{"Resources":' + "[" * 100_000, "nested too deeply"),
        ("Resources: " + "[" * 5_000, "nested too deeply"),
    ],
    ids=["key", "json", "yaml"],
)
def test_what_cannot_be_read_is_refused(text, said):
    with pytest.raises(TemplateError, match=said):
        parse_text(text, Path("t"))


def test_a_byte_order_mark_is_not_a_part_of_the_template(tmp_path):
    file = tmp_path / "t.json"
    file.write_text('{"Resources": {}}', encoding="utf-8-sig")

    assert read(file).body == {"Resources": {}}


def test_an_export_is_that_of_the_same_stage():
    """Two stages of an app, each with a stack of one name."""
    kept = "Outputs: {O: {Value: %s, Export: {Name: e}}}\nResources: {}\n"
    used = "Resources: {}\n"
    texts = {
        f"{stage}/{name}": kept % stage if name == "data" else used
        for stage in ("dev", "prod")
        for name in ("data", "user")
    }

    read_together = together([parse_text(text, Path(path)) for path, text in texts.items()])

    users = [one for one in read_together if one.path.name == "user"]
    assert [one.plain({"Fn::ImportValue": "e"}) for one in users] == ["dev", "prod"]
