"""What a deployment would create, replace and delete, from two templates."""

import json
import re

import pytest

from interpreter_validation.assembly import INTERPRETER, ROLE, AssemblyError, change, read, text


def template(**interpreters):
    """One interpreter and its role for each `name={properties}`."""
    resources = {}
    for name, properties in interpreters.items():
        role = f"{name}Role"
        resources[role] = {"Type": ROLE, "Properties": {"Path": properties.pop("path", "/a/")}}
        given = {"Name": name, "ExecutionRoleArn": {"Fn::GetAtt": [role, "Arn"]}, **properties}
        resources[name] = {"Type": INTERPRETER, "Properties": given}
    return {"Resources": resources}


def test_a_new_stack_creates_everything():
    assert change(template(one={}, two={}), None)[INTERPRETER].creates == ("one", "two")


def test_tags_replace_nothing_and_all_else_does():
    old = template(kept={"Tags": {"a": "1"}}, new={"Description": "x"}, gone={})
    new = template(kept={"Tags": {"a": "2"}}, new={"Description": "y"}, added={})

    found = change(new, old)[INTERPRETER]

    assert found.keeps == ("kept",)
    assert (found.creates, found.replaces, found.deletes) == (("added",), ("new",), ("gone",))


def test_an_interpreter_whose_role_is_replaced_is_replaced():
    found = change(template(one={"path": "/b/"}), template(one={}))

    assert (found[ROLE].replaces, found[INTERPRETER].replaces) == (("oneRole",), ("one",))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}]]}, "a-eu"),
        ({"Fn::Sub": "a-${AWS::Region}"}, "a-eu"),
        ({"Fn::Sub": "a-${Other}"}, None),
        ({"Fn::Join": ["", ["a", {"Fn::GetAtt": ["B", "Arn"]}]]}, None),
        (None, None),
    ],
)
def test_text_is_resolved_or_not_told(value, expected):
    assert text(value, {"AWS::Region": "eu"}) == expected


def test_stacks_of_stages_are_read_too(tmp_path):
    inner = tmp_path / "assembly-prod"
    inner.mkdir()
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": inner.name}}
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://123456789012/unknown-region",
        "properties": {"templateFile": "t.json", "stackName": "s", "requiresBootstrapStackVersion": 6},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"prod": stage}}))
    (inner / "manifest.json").write_text(json.dumps({"artifacts": {"S": stack}}))
    (inner / "t.json").write_text("{}")

    [found] = read(tmp_path)

    assert (found.name, found.account, found.region, found.bootstrap_version) == (
        "s",
        "123456789012",
        None,
        6,
    )


def test_a_folder_without_an_assembly_is_named(tmp_path):
    with pytest.raises(AssemblyError, match=r"no cloud assembly: .*manifest\.json: No such file"):
        read(tmp_path)


STACK = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "t.json"}}


@pytest.mark.parametrize(
    ("manifest", "template", "said"),
    [
        ({}, {}, "found no stack"),
        ({"artifacts": None}, {}, "artifacts is None, expected an object of objects"),
        ({"artifacts": {"S": {**STACK, "properties": {}}}}, {}, "artifact S has no templateFile"),
        ({"artifacts": {"S": STACK}}, {"Resources": [1]}, "Resources is [1], expected"),
        ({"artifacts": {"S": STACK}}, {"Resources": {"A": "x"}}, "Resources is {'A': 'x'}, expected"),
        ({"artifacts": {"S": STACK}}, {"Resources": {"A": {"Properties": [1]}}}, "Properties of A is [1]"),
    ],
)
def test_what_has_another_shape_is_named_and_is_no_pass(tmp_path, manifest, template, said):
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "t.json").write_text(json.dumps(template))

    with pytest.raises(AssemblyError, match=re.escape(said)):
        read(tmp_path)
