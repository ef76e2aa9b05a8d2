"""Statements of policies in words."""

import json
from types import SimpleNamespace

import pytest

from interpreter_validation.statements import in_words

ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:code-interpreter-custom/x"
RECORDS = [
    SimpleNamespace(base=base, bucket="b", prefix=f"{base}/", arn=ARN)
    for base in ("data", "data2", "c", "d", "e", "f")
]


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("arn:aws:s3:::b/data/*", "where data keeps its files"),
        ("arn:aws:s3:::b/data2/one.csv", "where data2 keeps its files"),
        ("arn:aws:s3:::b/data*", "where data, data2 keep their files"),
        ("arn:aws:s3:::b/*/secret", "where data, data2, c, d, e and 1 more keep their files"),
    ],
)
def test_whose_files_a_statement_opens_is_told(resource, said):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": [resource]}

    assert in_words(json.dumps(statement), RECORDS) == f"allows s3:GetObject on {resource}, {said}"


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:s3:::*", "arn:aws:s3:::b", "arn:aws:s3:::b/dat", "arn:aws:s3:::other/*"]
)
def test_what_is_nobodys_or_everybodys_names_nobody(resource):
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": resource}

    assert in_words(json.dumps(statement), RECORDS) == f"allows s3:* on {resource}"


def test_statements_that_differ_in_their_conditions_differ_in_words():
    """A trust policy that was widened says the same as the declared one, but for whom it is."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "s"}}
    condition = {"ArnLike": {"aws:SourceArn": ["a", "b"]}, "StringEquals": {"aws:SourceAccount": "1"}}

    assert in_words(json.dumps(trust), ()) == "allows sts:AssumeRole to s, without a condition"
    assert in_words(json.dumps({**trust, "Condition": condition}), ()) == (
        "allows sts:AssumeRole to s, if aws:SourceArn ArnLike a or b and aws:SourceAccount StringEquals 1"
    )
