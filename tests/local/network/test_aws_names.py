"""Host names of AWS endpoints, taken apart."""

import pytest

from interpreter_local.network.attachment import Attachment, public_reach, sandbox_reach
from interpreter_local.network.aws_names import parse

SESSION = Attachment("123456789012", "us-east-1", "01M", "i", "arn:i", "SANDBOX")


@pytest.mark.parametrize(
    ("host", "region", "bucket"),
    [
        ("s3.amazonaws.com", None, None),
        ("s3.us-east-1.amazonaws.com", "us-east-1", None),
        ("S3.US-EAST-1.AMAZONAWS.COM.", "us-east-1", None),
        ("s3-eu-west-1.amazonaws.com", "eu-west-1", None),
        ("s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1", None),
        ("my-bucket.s3.amazonaws.com", None, "my-bucket"),
        ("my-bucket.s3.us-gov-west-1.amazonaws.com", "us-gov-west-1", "my-bucket"),
        ("my.dotted.bucket.s3.us-east-1.amazonaws.com", "us-east-1", "my.dotted.bucket"),
        ("ends-in.s3.s3.us-east-1.amazonaws.com", "us-east-1", "ends-in.s3"),
        ("my-bucket.s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1", "my-bucket"),
    ],
)
def test_every_form_of_an_s3_name_says_its_region_and_bucket(host, region, bucket):
    found = parse(host)
    assert (found.service, found.region, found.bucket) == ("s3", region, bucket)


@pytest.mark.parametrize(
    ("host", "service", "region"),
    [
        ("sts.amazonaws.com", "sts", None),
        ("sts.us-east-1.amazonaws.com", "sts", "us-east-1"),
        ("api.ecr.us-east-1.amazonaws.com", "api.ecr", "us-east-1"),
        ("s3-control.us-east-1.amazonaws.com", "s3-control", "us-east-1"),
        ("abc.execute-api.us-east-1.amazonaws.com", "abc.execute-api", "us-east-1"),
    ],
)
def test_other_endpoints_have_a_service_and_a_region(host, service, region):
    found = parse(host)
    assert (found.service, found.region) == (service, region)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "amazonaws.com",
        "example.com",
        "s3.amazonaws.com.example.com",
        "xamazonaws.com",
        "a..amazonaws.com",
        "s3 .amazonaws.com",
        "-.amazonaws.com",
        "127.0.0.1",
        "[::1]",
        "ä.amazonaws.com",
        "x" * 64 + ".amazonaws.com",
    ],
)
def test_other_names_are_none_of_aws(host):
    assert parse(host) is None


def test_china_has_its_own_suffix():
    assert parse("s3.cn-north-1.amazonaws.com.cn", "aws-cn").region == "cn-north-1"
    assert parse("s3.cn-north-1.amazonaws.com.cn", "aws") is None


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("s3.us-east-1.amazonaws.com", True),
        ("bucket.s3.us-east-1.amazonaws.com", True),
        ("s3.amazonaws.com", True),
        ("s3.eu-west-1.amazonaws.com", False),
        ("bucket.s3.eu-west-1.amazonaws.com", False),
        ("sts.us-east-1.amazonaws.com", False),
        ("s3-control.us-east-1.amazonaws.com", False),
    ],
)
def test_sandbox_reaches_s3_of_its_own_region_only(host, reached):
    assert (sandbox_reach(SESSION)(parse(host)) is not None) == reached


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("sts.eu-west-1.amazonaws.com", True),
        ("iam.amazonaws.com", True),
        ("streams.dynamodb.us-east-1.amazonaws.com", True),
        ("lambda.us-east-1.amazonaws.com", False),
        ("cloudformation.us-east-1.amazonaws.com", False),
        ("sns.us-east-1.amazonaws.com", False),
        ("abc.execute-api.us-east-1.amazonaws.com", False),
    ],
)
def test_public_reaches_services_but_none_that_would_act_outside_for_it(host, reached):
    assert (public_reach(parse(host)) is not None) == reached
