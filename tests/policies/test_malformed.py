"""Whatever is wrong in a template, the check ends with a verdict or names the file: it never crashes."""

import copy
import json
import random
from pathlib import Path

import pytest

from interpreter_policies.engine import run
from interpreter_policies.files import TemplateError, parse_text
from interpreter_policies.rules import all_rules

RULES = Path(__file__).parent / "rules"
TEMPLATES = [
    json.loads((RULES / name).read_text())
    for name in (
        "ACCI-020/pass_read_write.json",
        "ACCI-041/fail_gateway_by_its_id.json",
        "ACCI-061/pass_boundary_of_the_caller.json",
        "ACCI-062/pass_compliant.json",
    )
]
VALUES = (
    *(None, 0, True, "x", "", "*", "<x>", [], {}, [[]], [{}], {"a": 1}, "{{resolve:ssm:x}}", "\u00b2"),
    *({"Ref": one} for one in ("Nowhere", 1, ["a"], "AWS::NoValue")),
    *({"Fn::If": one} for one in ("x", ["C"], ["C", 1, 2], [{"a": 1}, 1, 2])),
    *({"Fn::GetAtt": one} for one in ("A", [], {}, ["Role"])),
    *({"Fn::Sub": one} for one in (1, [], ["${A}", 1], "${Nowhere}")),
    {"Fn::Join": ["", {}]},
    {"Fn::Select": ["a", []]},
    {"Fn::Split": []},
    {"Fn::FindInMap": ["M", "a"]},
    {"Fn::ImportValue": []},
)
EDITS = 60  # of each template


def places(value, path=()):
    """The path of every member of a template."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


def edited(body, path, value):
    body = copy.deepcopy(body)
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return body


def judge(body):
    """Runs every rule on a template that is not refused as such."""
    try:
        templates = [parse_text(json.dumps(body), Path("t.json"))]
    except TemplateError:
        return
    if templates[0].ids_of_type("AWS::BedrockAgentCore::CodeInterpreterCustom"):
        assert run(templates, all_rules()).results


@pytest.mark.parametrize("body", TEMPLATES, ids=lambda body: f"{len(body['Resources'])} resources")
def test_a_wrong_value_anywhere_is_judged(body):
    draw = random.Random(len(body["Resources"]))
    for _ in range(EDITS):
        judge(edited(body, draw.choice(list(places(body))), draw.choice(VALUES)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Role/Properties/Policies", ["x"]),
        ("Role/Properties/AssumeRolePolicyDocument/Statement/0/Principal", {"Service": None}),
        ("Interpreter/Properties/ExecutionRoleArn", {"Fn::If": ["C"]}),
        ("Interpreter/Properties/ExecutionRoleArn", {"Fn::If": [{"a": 1}, 1, 2]}),
        ("Interpreter/Properties/ExecutionRoleArn", {"Fn::GetAtt": []}),
        ("Interpreter/Properties/Tags", "x"),
        ("Interpreter/Properties/Tags", ["x"]),
        ("Bucket/Properties/BucketEncryption", "x"),
    ],
)
def test_these_once_crashed(path, value):
    keys = [int(part) if part.isdigit() else part for part in path.split("/")]

    judge(edited(TEMPLATES[0], ("Resources", *keys), value))
