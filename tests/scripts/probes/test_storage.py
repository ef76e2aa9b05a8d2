"""The storage probe: a role that reaches its prefix and nothing else passes; each way beyond it is found."""

import json
from dataclasses import replace

import pytest

from interpreter_validation.verdict import Verdict


@pytest.mark.parametrize("access", ["read", "write", "read-write"])
def test_storage_as_declared_passes_and_leaves_no_object(deploy, probe, client, access):
    fleet = deploy("one", "two", declare={"access": access})
    bucket = fleet.records["one"].bucket
    before = keys(client, bucket)

    result = probe("storage", fleet, "one")

    assert result.verdict is Verdict.PASS, result
    assert keys(client, bucket) == before


def test_an_interpreter_without_storage_reaches_none(deploy, probe):
    fleet = deploy("one", declare=NONE)
    fleet.records |= deploy("two").records

    result = probe("storage", fleet, "one")

    assert result.verdict is Verdict.PASS
    assert result.detail.startswith("no storage declared: 0 requests worked")


NONE = {"bucket": None, "prefix": None, "access": None}


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject"])
def test_without_storage_of_its_own_it_is_tried_on_that_of_its_fleet(deploy, probe, client, bucket, action):
    """Something lies there to be refused: who may not list is answered alike for what is not there."""
    fleet = deploy("one", declare=NONE)
    one = fleet.records["one"]
    two = replace(one, base="two", bucket=bucket, prefix=f"{fleet.name}-two/", access="read")
    fleet.records["two"] = two
    before = keys(client, bucket)
    allow(client, one, action, f"arn:aws:s3:::{bucket}/{two.prefix}*")

    result = probe("storage", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert f"{'get' if action == 's3:GetObject' else 'put'} s3://{bucket}/{two.prefix}" in result.detail
    assert keys(client, bucket) == before


def test_a_role_with_one_statement_too_many_is_found(deploy, probe, client):
    """It may read the prefix of the other interpreter: got, signed and listed apart."""
    fleet = deploy("one", "two")
    one, two = fleet.records["one"], fleet.records["two"]
    allow(client, one, "s3:GetObject", f"arn:aws:s3:::{one.bucket}/{two.prefix}*")

    result = probe("storage", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert f"get s3://{one.bucket}/{two.prefix}" in result.detail
    assert "by a presigned URL" in result.detail
    assert one.role_arn in result.todo


def test_a_bucket_policy_that_opens_the_prefix_of_a_sibling_is_found(deploy, probe, client):
    fleet = deploy("one", "two")
    one, two = fleet.records["one"], fleet.records["two"]
    s3 = client("s3")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": one.role_arn},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{one.bucket}/{two.prefix}*",
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=one.bucket, Policy=json.dumps(document))
    try:
        result = probe("storage", fleet, "one")
    finally:
        s3.delete_bucket_policy(Bucket=one.bucket)

    assert result.verdict is Verdict.FAIL
    assert f"get s3://{one.bucket}/{two.prefix}" in result.detail


@pytest.mark.parametrize(
    ("action", "resource", "found"),
    [
        ("s3:ListBucket", "", "list s3://{bucket}/"),
        ("s3:PutObject", "/*", "put s3://{bucket}/"),
        ("s3:DeleteObject", "/*", "delete s3://{bucket}/"),
        ("s3:ListAllMyBuckets", None, "list all buckets"),
    ],
)
def test_each_action_too_many_is_found(deploy, probe, client, action, resource, found):
    fleet = deploy("one")
    one = fleet.records["one"]
    allow(client, one, action, "*" if resource is None else f"arn:aws:s3:::{one.bucket}{resource}")

    result = probe("storage", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert found.format(bucket=one.bucket) in result.detail


def test_storage_that_is_declared_and_refused_is_found(deploy, probe, client):
    fleet = deploy("one")
    name = fleet.records["one"].role_arn.rpartition("/")[2]
    client("iam").delete_role_policy(RoleName=name, PolicyName="storage")

    result = probe("storage", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert result.detail.startswith("declared and refused: list ")
    assert "AccessDenied" in result.seen


def test_without_objects_to_refuse_a_read_proves_nothing(deploy, probe, settings):
    """Whoever runs it may not write to the bucket: what was refused is said, and it is no pass."""
    fleet = deploy("one")

    result = probe("storage", fleet, "one", told=replace(settings, plant=False))

    assert result.verdict is Verdict.COULD_NOT_TELL
    assert "s3:PutObject" in result.todo


def test_a_bucket_that_is_gone_is_found(deploy, probe):
    fleet = deploy("one", bucket="a-bucket-that-is-gone")

    result = probe("storage", fleet, "one")

    assert result.verdict is Verdict.FAIL
    assert "a-bucket-that-is-gone of the record is not there" in result.detail


def allow(client, record, action, resource):
    """One statement more on the execution role."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    }
    name = record.role_arn.rpartition("/")[2]
    client("iam").put_role_policy(RoleName=name, PolicyName="more", PolicyDocument=json.dumps(document))


def keys(client, bucket):
    """All keys of the bucket."""
    listed = client("s3").list_objects_v2(Bucket=bucket)
    return [one["Key"] for one in listed.get("Contents", [])]
