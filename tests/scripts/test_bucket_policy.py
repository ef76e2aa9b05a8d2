"""A bucket's policy, read for one interpreter: what it opens to its role, and of its prefix to others."""

import pytest

from interpreter_fleet.manifest import Record
from interpreter_validation.bucket_policy import grants

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/BedrockAgentCore/"
BUCKET = f"f-interpreters-{ACCOUNT}-us-east-1"
ELSEWHERE = f"arn:aws:s3:::{BUCKET}/two/*"


def record(base, bucket=BUCKET):
    return Record(
        fleet="f",
        base=base,
        name=f"{base}__00000000",
        id=f"{base}__00000000-aaaaaaaaaa",
        arn=f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter-custom/{base}",
        role_arn=ROLE + base,
        network_mode="SANDBOX",
        bucket=bucket,
        prefix=f"{base}/",
        access="read",
        stack="s",
    )


def said(statement, base="one", bucket=BUCKET):
    policy = {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", **statement}}
    others = [record(one, bucket) for one in ("one", "two") if one != base]
    return [text for text, _ in grants(record(base, bucket), policy, others)]


@pytest.mark.parametrize(
    "principal",
    [
        {"Principal": {"AWS": ROLE + "one"}},
        {"Principal": {"AWS": [ROLE + "other", ROLE + "one"]}},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"NotPrincipal": {"AWS": ROLE + "other"}},
        {"Principal": {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/one/session"}},
        {"Principal": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": ROLE + "o*"}}},
        {"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    ],
    ids=str,
)
def test_whatever_lets_its_role_to_a_siblings_prefix_is_found(principal):
    [text] = said({**principal, "Resource": ELSEWHERE})

    assert "allows the role of one s3:GetObject" in text
    assert text.endswith("where two keeps its files")


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": {"AWS": ROLE + "one"}, "Resource": ELSEWHERE, "Effect": "Deny"},
        {"Principal": {"AWS": ROLE + "two"}, "Resource": f"arn:aws:s3:::{BUCKET}/one/*"},
        {"Principal": {"AWS": ROLE + "one"}, "Resource": f"arn:aws:s3:::{BUCKET}/one/*"},
        {"Principal": {"AWS": ROLE + "other"}, "Resource": ELSEWHERE},
        {
            "Principal": "*",
            "Resource": ELSEWHERE,
            "Condition": {"StringEquals": {"aws:PrincipalArn": ROLE + "two"}},
        },
    ],
    ids=["a denial", "told of the other", "its own, declared", "not its prefix", "for the other only"],
)
def test_what_concerns_another_or_is_declared_is_not_told(statement):
    assert said(statement) == []


@pytest.mark.parametrize("resource", ["one/*", "one/a.csv", "*", "o*", "?ne/x"])
def test_a_prefix_opened_to_another_account_is_found(resource):
    principal = {"Principal": {"AWS": "999999999999"}}

    [text] = said({**principal, "Resource": f"arn:aws:s3:::{BUCKET}/{resource}"})

    assert text.startswith("opens the prefix of one to 999999999999")


def test_in_a_bucket_that_the_fleet_did_not_make_only_everybody_is_too_many():
    here = {"Resource": "arn:aws:s3:::ours/one/*"}

    assert said({"Principal": {"AWS": ROLE + "pipeline"}, **here}, bucket="ours") == []
    [text] = said({"NotPrincipal": {"AWS": ROLE + "one"}, **here}, bucket="ours")
    assert text.startswith("opens the prefix of one to everybody but")
