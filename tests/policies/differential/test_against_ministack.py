"""Ten thousand random decisions, beside an evaluator that shares no code with ours: MiniStack's.

Where the two differ, the difference is known, named, and has the page that says who is right.
"""

import random
from dataclasses import dataclass

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from interpreter_policies.iam.document import parse
from interpreter_policies.iam.evaluator import Policies, Principal, Request, UnsupportedError, decide

from .generator import KEYS, policy, request

DECISIONS = 10_000
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
# Keys that every request has there.
ALWAYS = {"aws:sourceip": ("10.0.0.1",), "aws:securetransport": ("true",)}
LANGUAGE = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
)


def ours(documents, action, resource, context):
    """The decision by our evaluator; `documents` are the identity policy, then what limits it."""
    identity, *limits = [parse(one) for one in documents]
    names = ("boundary", "session")
    policies = Policies(identity, **dict(zip(names, limits[:2], strict=False)), scps=tuple(limits[2:]))
    who = Principal(arn=ROLE, session=f"{ROLE}/s", account=ACCOUNT)
    return decide(policies, Request(action, resource, context, who)).allowed


def theirs(documents, action, resource, context):
    """MiniStack's."""
    keys = {key: values[0] if len(values) == 1 else list(values) for key, values in context.items()}
    asked = EvalContext(ROLE, "AssumedRole", ACCOUNT, action, resource, "us-east-1", service_context=keys)
    asked.source_ip, asked.secure_transport = keys["aws:sourceip"], keys["aws:securetransport"] == "true"
    identity, *limits = [[parse_policy_document(one)] for one in documents]
    return evaluate(asked, identity, *limits).decision == "Allow"


@dataclass(frozen=True)
class Difference:
    """One known difference: what it is, where it shows, a case that shows it, and the page that decides."""

    name: str
    page: str
    document: dict
    asked: tuple
    ours: bool | None  # None: it refuses to decide


def allow(condition, resource="*"):
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": resource, "Condition": condition}],
    }


KNOWN = [
    Difference(
        "a wildcard of ArnLike crosses the parts of an ARN there",
        LANGUAGE,
        allow({"ArnLike": {"aws:sourcearn": "arn:aws:s*:a"}}),
        ("s3:get", "a", {"aws:sourcearn": ("arn:aws:sns:us-east-1:1:a",)}),
        None,
    ),
    Difference(
        "there are no policy variables there",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html",
        allow({"StringEquals": {"s3:prefix": "${aws:username}"}}),
        ("s3:get", "a", {"s3:prefix": ("ana",), "aws:username": ("ana",)}),
        True,
    ),
    Difference(
        "an empty text is a value of a set there",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html",
        allow({"ForAllValues:StringEquals": {"s3:prefix": "a"}}),
        ("s3:get", "a", {"s3:prefix": ("",)}),
        True,
    ),
    Difference(
        "a Deny by an operator that IAM does not have is passed over there",
        LANGUAGE,
        {
            "Version": "2012-10-17",
            "Statement": [
                *allow({})["Statement"],
                {
                    "Effect": "Deny",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {"StringAlmostEquals": {"s3:prefix": "a"}},
                },
            ],
        },
        ("s3:get", "a", {"s3:prefix": ("a",)}),
        None,
    ),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_a_known_difference_is_still_one(known):
    action, resource, context = known.asked
    context = ALWAYS | context
    assert known.page.startswith("https://docs.aws.amazon.com/")
    if known.ours is None:
        # Ours refuses, rather than to read it as narrower or wider.
        with pytest.raises(UnsupportedError):
            ours([known.document], action, resource, context)
        assert theirs([known.document], action, resource, context)
        return

    assert ours([known.document], action, resource, context) is known.ours
    assert theirs([known.document], action, resource, context) is not known.ours


@pytest.mark.parametrize("layers", [1, 2, 3, 4], ids=["identity", "boundary", "session", "control"])
def test_random_requests_are_decided_alike(layers):
    """The identity policy alone, then with a boundary, a session policy and a control policy as well."""
    draw = random.Random(layers)
    keys = list(KEYS)
    allowed = 0
    for number in range(DECISIONS // 4):
        documents = [policy(draw, keys, most=4) for _ in range(layers)]
        for limit in documents[1:]:
            if draw.random() < 0.7:
                limit["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        action, resource, context = request(draw)
        asked = (action, resource, ALWAYS | context)
        mine = ours(documents, *asked)
        allowed += mine
        assert mine == theirs(documents, *asked), (number, documents, asked)
    # Neither outcome is rare, or nothing would have been compared.
    assert DECISIONS // 4 // 200 < allowed < DECISIONS // 4
