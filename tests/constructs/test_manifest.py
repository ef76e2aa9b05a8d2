"""Given the value of a parameter: the record, or why it is none."""

import json

import pytest

from interpreter_fleet.manifest import Record, RecordError, parameter_name, parameter_path

PARAMETER = "/interpreter-fleet/demo/analytics"
RECORD = Record(
    fleet="demo",
    base="analytics",
    name="analytics__1a2b3c4d",
    id="analytics__1a2b3c4d-AbCdEfGhIj",
    arn="arn:aws:bedrock-agentcore:us-east-1:111122223333:code-interpreter-custom/analytics__1a2b3c4d-AbCdEfGhIj",
    role_arn="arn:aws:iam::111122223333:role/BedrockAgentCore/analytics",
    network_mode="SANDBOX",
    bucket="files",
    prefix="analytics/",
    access="read-write",
    stack="demo-interpreters-0",
)


def changed(**keys: object) -> str:
    return json.dumps({**RECORD.to_dict(), **keys})


def test_a_record_has_all_keys_of_the_contract():
    """docs/architecture.md: null where there is nothing, never a missing key."""
    assert list(RECORD.to_dict()) == [
        *("schema", "fleet", "base", "name", "id", "arn", "role_arn", "network_mode"),
        *("subnets", "security_groups", "bucket", "prefix", "access", "stack"),
        *("trust", "permissions_boundary", "tags", "probes", "reaches", "libraries"),
    ]


def test_a_record_of_before_the_later_keys_is_read():
    """Keys were added to schema 1: what wrote a record without them said nothing about trust or tags."""
    later = ("trust", "permissions_boundary", "tags", "probes", "reaches", "libraries")
    old = {key: value for key, value in RECORD.to_dict().items() if key not in later}

    record = Record.from_json(json.dumps(old), PARAMETER)

    assert (record.trust, record.tags, record.probes) == (None, {}, ())


def test_tags_are_an_object_of_texts():
    with pytest.raises(RecordError, match=r"tags: found \{'a': 1\}; allowed: an object of texts"):
        Record.from_json(changed(tags={"a": 1}), PARAMETER)


def test_a_record_survives_the_way_through_its_parameter():
    assert Record.from_json(RECORD.to_json(), PARAMETER) == RECORD


def test_a_record_lives_under_its_fleet():
    assert RECORD.parameter == parameter_name("demo", "analytics") == PARAMETER
    assert parameter_path("demo") == "/interpreter-fleet/demo"


def test_a_key_of_a_later_version_is_ignored():
    """Only a breaking change raises `schema`."""
    assert Record.from_json(changed(colour="red"), PARAMETER) == RECORD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "found a list; allowed: a JSON object"),
        ('"x"', "found text; allowed: a JSON object"),
        (
            changed(schema=2),
            "schema: found 2; allowed: 1; deploy the fleet with this version,"
            " or use the version that deployed it",
        ),
        (
            changed(network_mode="INTERNET"),
            "network_mode: found 'INTERNET'; allowed: SANDBOX, PUBLIC, VPC",
        ),
        (changed(subnets="x"), "subnets: found 'x'; allowed: a list of text"),
        (changed(id=None), "id: found None; allowed: text"),
        (changed(access="all"), "access: found 'all'; allowed: read, write, read-write or null"),
        (changed(bucket=None), "bucket, prefix and access are either all null or all given"),
        (changed(arn="junk"), "arn: found 'junk'; allowed: an ARN"),
        (changed(role_arn="role/x"), "role_arn: found 'role/x'; allowed: an ARN"),
        (changed(base="other"), "holds the record of /interpreter-fleet/demo/other"),
        (
            json.dumps({k: v for k, v in RECORD.to_dict().items() if k != "arn"}),
            "required key 'arn' is missing",
        ),
    ],
)
def test_anything_else_is_an_error_that_names_the_parameter(text: str, expected: str):
    with pytest.raises(RecordError) as raised:
        Record.from_json(text, PARAMETER)

    assert str(raised.value) == f"{PARAMETER}: {expected}"
