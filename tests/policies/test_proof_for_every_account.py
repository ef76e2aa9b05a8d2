"""The law of unknown values: what is proven of a pseudo parameter holds whatever it turns out to be."""

import itertools
import json
import random

import pytest

from interpreter_policies.iam.document import parse
from interpreter_policies.iam.evaluator import Request, UnsupportedError, allowed
from interpreter_policies.iam.proof import counterexample

UNKNOWN = "<AWS::AccountId>"
VALUES = ["a", "ab", "b", "aa"]
RESOURCES = ["".join(letters) for size in range(4) for letters in itertools.product("ab/", repeat=size)]
KEYS = [None, "a", "b", "ab", "aa"]
REQUESTS = [
    Request("s3:a", resource, {} if key is None else {"k:v": (key,)})
    for resource in RESOURCES
    for key in KEYS
]
OPERATORS = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringLikeIfExists",
    "ForAllValues:StringLike",
]


def pattern(draw):
    return "".join(draw.choice(["a", "b", "/", "*", "?", UNKNOWN]) for _ in range(draw.randint(1, 4)))


def statement(draw):
    resource = draw.choice(["Resource", "Resource", "NotResource"])
    found = {
        "Effect": draw.choice(["Allow", "Allow", "Deny"]),
        "Action": "s3:a",
        resource: [pattern(draw) for _ in range(draw.randint(1, 2))],
    }
    if draw.random() < 0.5:
        values = [draw.choice(["a", "b", "a*", "?", "*", UNKNOWN]) for _ in range(draw.randint(1, 2))]
        found["Condition"] = {draw.choice(OPERATORS): {"k:v": values}}
    return found


def policy(draw):
    return {"Version": "2012-10-17", "Statement": [statement(draw) for _ in range(draw.randint(1, 2))]}


def known(document, value):
    return parse(json.loads(json.dumps(document).replace(UNKNOWN, value)))


def proofs(seed, most):
    """How many of so many random questions were proven, each of them right for every value."""
    draw = random.Random(seed)
    proven = 0
    for _ in range(most):
        subject, envelope = policy(draw), policy(draw)
        limits = [policy(draw)] if draw.random() < 0.5 else []
        try:
            if counterexample(parse(subject), parse(envelope), within=map(parse, limits)) is not None:
                continue
        except UnsupportedError:
            continue
        proven += 1
        for value in VALUES:
            layers = [known(one, value) for one in (subject, *limits)]
            inside = known(envelope, value)
            for request in REQUESTS:
                within = not all(allowed(one, request) for one in layers) or allowed(inside, request)
                assert within, (value, request, subject, envelope, limits)
    return proven


def test_what_is_proven_holds_for_every_value():
    assert proofs(seed=1, most=400) > 100


@pytest.mark.slow
def test_many_proofs_hold_for_every_value():
    assert proofs(seed=2, most=30_000) > 10_000
