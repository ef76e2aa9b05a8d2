"""The identity probe: code acts as the declared role, and may do nothing beside."""

import json

import pytest

from interpreter_validation.verdict import Verdict

NO_STORAGE = {"bucket": None, "prefix": None, "access": None}


def test_the_declared_role_passes(deploy, probe):
    fleet = deploy("one")

    result = probe("identity", fleet, "one")

    assert result.verdict is Verdict.PASS, result
    assert result.detail.startswith(f"acts as {fleet.records['one'].role_arn.rpartition('/')[2]};")


def test_another_role_is_found(deploy, probe):
    """The record names one role, the interpreter was made with another."""
    fleet = deploy("one", role_arn="arn:aws:iam::123456789012:role/BedrockAgentCore/other")

    result = probe("identity", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert result.detail.endswith(", declared is other")


@pytest.mark.parametrize(
    ("action", "call"),
    [("s3:ListAllMyBuckets", "s3.list_buckets"), ("s3:GetBucketPolicy", "s3.get_bucket_policy")],
)
def test_an_action_that_is_not_declared_is_found(deploy, probe, client, action, call):
    fleet = deploy("one")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}
    name = fleet.records["one"].role_arn.rpartition("/")[2]
    client("iam").put_role_policy(RoleName=name, PolicyName="more", PolicyDocument=json.dumps(document))

    result = probe("identity", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert call in result.detail
