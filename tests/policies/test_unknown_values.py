"""What the deployment tells may turn out to be what a policy writes out; no proof relies on otherwise."""

import pytest

from interpreter_policies.iam.document import DocumentError, parse
from interpreter_policies.iam.evaluator import UnsupportedError
from interpreter_policies.iam.globs import glob, matches
from interpreter_policies.iam.meeting import may_meet
from interpreter_policies.iam.proof import counterexample, overlap

ACCOUNT, REGION = "<AWS::AccountId>", "<AWS::Region>"


def allow(resource="*", condition=None, effect="Allow", **more):
    found = {"Effect": effect, "Action": "s3:GetObject", "Resource": resource, **more}
    if "NotResource" in more:
        del found["Resource"]
    return found if condition is None else {**found, "Condition": condition}


def deny(resource="*", condition=None, **more):
    return allow(resource, condition, effect="Deny", **more)


def bucket(rest):
    return f"arn:aws:s3:::{rest}"


def policy(*statements):
    return parse({"Version": "2012-10-17", "Statement": list(statements)})


def answer(*policies, envelope, within=()):
    """pass, fail or unknown: does the policy stay within the envelope?"""
    try:
        return "pass" if counterexample(*policies, envelope, within=within) is None else "fail"
    except UnsupportedError:
        return "unknown"


OWN = policy(allow(bucket(f"d-{ACCOUNT}/own/*")))
ALL = policy(allow(bucket(f"d-{ACCOUNT}/*")))


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        (allow(bucket("e-123456789012/*")), "pass"),
        (allow(bucket("d-123456789012/*")), "unknown"),
        (allow(bucket("d-????????????/*")), "unknown"),
        (allow(bucket("d-1*/*")), "unknown"),
        (allow(bucket("d-*/other/*")), "fail"),
    ],
)
def test_a_boundary_may_mean_the_account_that_it_names(boundary, expected):
    assert answer(ALL, envelope=OWN, within=[policy(boundary)]) == expected


def test_a_boundary_with_wildcards_may_mean_a_resource_of_the_template():
    role = policy(allow("<Key.Arn>"))

    assert answer(role, envelope=OWN, within=[policy(allow("arn:aws:kms:*:*:key/*"))]) == "unknown"
    assert answer(role, envelope=OWN, within=[policy(allow("arn:aws:s3:::one/key"))]) == "pass"


@pytest.mark.parametrize(
    ("mine", "boundary", "expected"),
    [
        ({"StringEquals": {"k:v": ACCOUNT}}, {"StringEquals": {"k:v": "123456789012"}}, "unknown"),
        ({"StringEquals": {"k:v": REGION}}, {"StringLike": {"k:v": "eu-*"}}, "unknown"),
        ({"StringEquals": {"k:v": "us-east-1"}}, {"StringLike": {"k:v": "eu-*"}}, "pass"),
    ],
)
def test_so_does_its_condition(mine, boundary, expected):
    role = policy(allow(bucket("x/*"), mine))

    assert answer(role, envelope=OWN, within=[policy(allow("*", boundary))]) == expected


@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        (deny(NotResource=bucket(f"d-{ACCOUNT}/own/*")), "pass"),
        (deny(NotResource=bucket("d-123456789012/f*")), "unknown"),
        (deny(NotResource=bucket("d-????????????/f*")), "unknown"),
        (deny(bucket("d-?/*")), "fail"),
    ],
)
def test_a_deny_denies_what_it_denies_for_every_account(denied, expected):
    assert answer(policy(allow(bucket(f"d-{ACCOUNT}/*")), denied), envelope=OWN) == expected


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"k:v": "123456789012"}},
        {"StringNotLike": {"k:v": "1*"}},
    ],
)
def test_a_deny_of_all_but_a_value_may_spare_an_unknown_one(condition):
    role = policy(allow("*", {"StringEquals": {"k:v": ACCOUNT}}), deny("*", condition))

    assert answer(role, envelope=OWN) == "unknown"


@pytest.mark.parametrize(
    "envelope",
    [
        policy(allow("*", {"StringNotEquals": {"k:v": "eu-west-1"}})),
        policy(allow("*"), deny("*", {"StringEquals": {"k:v": "eu-west-1"}})),
        policy(allow("*"), deny(bucket("d-eu-west-1/*"))),
        policy(allow(NotResource=bucket("d-eu-west-1/*"))),
    ],
)
def test_an_envelope_may_leave_an_unknown_value_out(envelope):
    role = policy(allow(bucket(f"d-{REGION}/*"), {"StringEquals": {"k:v": REGION}}))

    assert answer(role, envelope=envelope) != "pass"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (allow(bucket("x-123456789012/*")), allow(bucket(f"x-{ACCOUNT}/*"))),
        (allow("*", {"StringEquals": {"k:v": ACCOUNT}}), allow("*", {"StringEquals": {"k:v": "1234"}})),
    ],
)
def test_two_roles_may_meet_in_the_account_that_one_of_them_names(one, other):
    with pytest.raises(UnsupportedError, match="cannot tell whether two allow"):
        overlap({"one": policy(one), "other": policy(other)})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (f"d-{ACCOUNT}/*", "*", False),
        (f"d-{ACCOUNT}/*", f"d-{ACCOUNT}/f", False),
        ("d-<Bucket>/*", "d-data/f", False),
        ("d-<Bucket>/*", "d-data*/f", True),
        ("d-<Bucket>/a", "d-x/y*/a", False),
        (f"*{REGION}*", "*eu*", True),
    ],
)
def test_patterns_meet_where_a_symbol_is_filled_with_what_the_other_writes(one, other, expected):
    assert may_meet(one, other) is expected
    assert may_meet(other, one) is expected


def test_a_question_mark_is_one_character_and_an_unknown_value_is_not():
    assert not matches(glob("d-?"), f"d-{ACCOUNT}")
    assert matches(glob("d-?*"), f"d-{ACCOUNT}")


def test_a_lone_angle_bracket_is_a_character_like_others():
    role = policy(allow(bucket("b/*")), deny(NotResource=[bucket("b/own/*"), bucket("b/<*")]))

    assert answer(role, envelope=policy(allow(bucket("b/own/*")))) == "fail"


def test_a_pattern_of_many_stars_is_decided():
    """Without going back on every star for every other: that would take longer than the universe has."""
    assert not matches(glob("*a" * 40 + "*c"), "a" * 400)


@pytest.mark.parametrize("name", ["Action", "NotAction", "Resource", "NotResource"])
def test_an_empty_list_is_not_read_as_nothing(name):
    other = {"Action": "Action", "NotAction": "Action"}.get(name, "Resource")
    statement = allow()
    del statement[other]

    with pytest.raises(DocumentError, match=f"{name} is an empty list"):
        policy({**statement, name: []})


def test_nor_is_one_of_condition_values():
    with pytest.raises(DocumentError, match="k:v is an empty list"):
        policy(deny("*", {"StringNotEquals": {"k:v": []}}))
