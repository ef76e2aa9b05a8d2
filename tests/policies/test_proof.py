"""The law of the proof: what it does not refute, no request refutes; what it shows, an evaluator confirms.

The judge is another implementation of IAM's evaluation: MiniStack's, which shares no code with ours.
"""

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from interpreter_policies.iam.document import DocumentError, parse
from interpreter_policies.iam.evaluator import Request, UnsupportedError, allowed
from interpreter_policies.iam.proof import counterexample, overlap

LETTERS = "ab/"
TEXTS = ["".join(letters) for size in range(4) for letters in itertools.product(LETTERS, repeat=size)]
ACTIONS = ["s3:a", "s3:ab", "s3:b", "iam:a"]
PREFIXES = [None, "a", "b", "a/", "ab", "a/b"]

patterns = st.lists(st.sampled_from("ab/*?"), max_size=4).map("".join)
action_patterns = st.sampled_from(["s3:a", "s3:*", "s3:a*", "*", "s3:?", "iam:a", "*:a"])
operators = st.sampled_from(
    [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringLikeIfExists",
        "StringNotLikeIfExists",
        "ForAllValues:StringLike",
        "ForAnyValue:StringLike",
        "ForAnyValue:StringNotLike",
    ]
)
conditions = st.one_of(
    st.just({}),
    st.tuples(operators, st.lists(patterns, min_size=1, max_size=2)).map(
        lambda c: {c[0]: {"s3:prefix": c[1]}}
    ),
    st.booleans().map(lambda absent: {"Null": {"s3:prefix": str(absent).lower()}}),
)


@st.composite
def statements(draw, effects=("Allow", "Deny")):
    return {
        "Effect": draw(st.sampled_from(effects)),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(action_patterns),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(
            st.lists(patterns, min_size=1, max_size=2)
        ),
        "Condition": draw(conditions),
    }


def document(*parts):
    return {"Version": "2012-10-17", "Statement": list(parts)}


def judged(policy, action, resource, context):
    """MiniStack's decision."""
    keys = {key: values[0] if len(values) == 1 else list(values) for key, values in context.items()}
    request = EvalContext("", "User", "", action, resource, "us-east-1", service_context=keys)
    return evaluate(request, [parse_policy_document(policy)]).decision == "Allow"


@settings(max_examples=150, deadline=None)
@given(st.lists(statements(), min_size=1, max_size=3), st.lists(statements(("Allow",)), max_size=2))
def test_a_policy_that_is_proven_reaches_nothing_beyond_its_envelope(policy, envelope):
    policy, envelope = document(*policy), document(*envelope)

    shown = counterexample(parse(policy), parse(envelope))

    if shown is not None:
        # MiniStack takes an empty value for an absent key, and reads sets of values in its own way.
        assume(all(len(values) == 1 and values[0] for values in shown.context.values()))
        assert judged(policy, shown.action, shown.resource, shown.context)
        assert not judged(envelope, shown.action, shown.resource, shown.context)
        return
    for action, resource, prefix in itertools.product(ACTIONS, TEXTS, PREFIXES):
        context = {} if prefix is None else {"s3:prefix": (prefix,)}
        if judged(policy, action, resource, context):
            assert judged(envelope, action, resource, context), (action, resource, context)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(statements(), min_size=1, max_size=3),
    st.sampled_from(ACTIONS),
    st.sampled_from(TEXTS),
    st.sampled_from(PREFIXES),
)
def test_one_request_is_decided_as_by_another_engine(policy, action, resource, prefix):
    context = {} if prefix is None else {"s3:prefix": (prefix,)}

    ours = allowed(parse(document(*policy)), Request(action, resource, context))

    assert ours == judged(document(*policy), action, resource, context)


@given(st.lists(statements(("Allow",)), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_a_policy_is_within_itself(policy):
    assert counterexample(parse(document(*policy)), parse(document(*policy))) is None


def refuted(*statements, envelope=(), within=()):
    """The counterexample for a policy of these statements."""
    return counterexample(
        parse(document(*statements)),
        parse(document(*envelope)),
        [parse(document(*limit)) for limit in within],
    )


def test_one_symbol_is_one_value():
    """Two unknown values are never taken for different ones when a Deny would hide behind that."""
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "<Mine.Arn>"}
    deny = {"Effect": "Deny", "Action": "*", "NotResource": "<Other.Arn>"}

    with pytest.raises(UnsupportedError, match=r"cannot tell whether .* on <Mine.Arn> is allowed"):
        refuted(allow, deny)
    assert refuted(allow, {**deny, "NotResource": "b"}, envelope=[allow]) is None


def test_the_own_account_may_be_the_one_that_is_written_out():
    """A Deny of other accounts than `<AWS::AccountId>` says nothing of an account that is named by number."""
    grant = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    foreign = {"StringEquals": {"aws:ResourceAccount": "111122223333"}}
    own = {"StringNotEquals": {"aws:ResourceAccount": "<AWS::AccountId>"}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": own}

    with pytest.raises(UnsupportedError, match="cannot tell"):
        refuted({**grant, "Condition": foreign}, deny)
    assert refuted(grant, deny).context == {"aws:resourceaccount": ("<AWS::AccountId>",)}


@pytest.mark.parametrize(
    ("operator", "key", "value", "envelope", "shown"),
    [
        ("NumericLessThan", "s3:max-keys", "10", "9", "9"),
        ("NumericLessThanEquals", "s3:max-keys", "10", "20", None),
        ("NumericEquals", "s3:max-keys", "10", "9", "10"),
        ("DateLessThan", "aws:currenttime", "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z", None),
        (
            "DateLessThan",
            "aws:currenttime",
            "2030-01-03T00:00:00Z",
            "2030-01-01T00:00:00Z",
            "2030-01-01T00:00:00Z",
        ),
        ("IpAddress", "aws:sourceip", "10.1.0.0/16", "10.0.0.0/8", None),
        ("IpAddress", "aws:sourceip", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0"),
        ("StringEqualsIgnoreCase", "s3:prefix", "Ab", "aB", None),
        ("ArnLike", "aws:sourcearn", "arn:aws:s3:::a*", "arn:aws:s3:::*", None),
        ("ArnLike", "aws:sourcearn", "arn:aws:s3:*:*:a", "arn:aws:s3:::a", "arn:aws:s3:x::a"),
    ],
)
def test_values_are_compared_as_their_operator_compares_them(operator, key, value, envelope, shown):
    grant = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    bound = operator if operator != "NumericEquals" else "NumericLessThanEquals"

    found = refuted(
        {**grant, "Condition": {operator: {key: value}}},
        envelope=[{**grant, "Condition": {bound: {key: envelope}}}],
    )

    assert (found and found.context) == (shown and {key: (shown,)})


def test_a_policy_variable_is_any_text_until_it_is_known():
    """What it would have to be is a part of the counterexample."""
    own = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "b/${aws:PrincipalTag/team}/*"}

    found = refuted(own, envelope=[{**own, "Resource": "b/team-?*/*"}])

    assert found.resource.startswith("b/")
    assert set(found.context) == {"aws:principaltag/team"}
    assert refuted(own, envelope=[{**own, "Resource": "b/*"}]) is None
    # Before version 2012-10-17 there are no variables: the text stands for itself.
    old = parse({"Statement": own})
    assert counterexample(old, parse({"Statement": {**own, "Resource": "b/${aws:PrincipalTag/team}/?*"}}))
    assert counterexample(old, old) is None


def test_a_variable_in_the_envelope_is_no_permission_of_it():
    own = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "b/a"}

    with pytest.raises(UnsupportedError, match="cannot tell"):
        refuted(
            {**own, "Condition": {"StringEquals": {"aws:username": "${aws:userid}"}}},
            envelope=[{**own, "Condition": {"StringEquals": {"aws:username": "${aws:userid, 'x'}"}}}],
        )


def test_a_boundary_narrows_what_is_proven():
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    objects = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "b/*"}
    envelope = [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "b/*"}]

    assert refuted(everything, envelope=envelope, within=[[objects]]) is None
    assert refuted(everything, envelope=envelope, within=[[everything]]) == Request("s3:getobject", "", {})


def test_two_unknown_values_in_policy_and_boundary_may_be_one():
    mine = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "<Mine>/*"}
    boundary = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "<Given>/*"}

    with pytest.raises(UnsupportedError, match="cannot tell"):
        refuted(mine, within=[[boundary]])


def test_of_all_counterexamples_the_one_with_the_fewest_keys_is_shown():
    listed = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "b"}
    bound = {**listed, "Condition": {"StringLike": {"s3:prefix": "b*"}}}
    odd = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "a-very-long-name"}

    assert refuted(bound, odd) == Request("kms:decrypt", "a-very-long-name", {})


def test_two_policies_that_allow_one_request_overlap():
    def reach(prefix):
        objects = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::b/{prefix}*"}
        listing = {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::b",
            "Condition": {"StringLike": {"s3:prefix": f"{prefix}*"}},
        }
        return parse(document(objects, listing))

    fleet = {name: reach(f"{name}/") for name in ("a", "b", "c")}

    assert overlap(fleet) is None
    assert overlap({**fleet, "d": reach("b/x/")}) == (
        "b",
        "d",
        Request("s3:getobject", "arn:aws:s3:::b/b/x/", {}),
    )


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ({"Effect": "allow", "Action": "*", "Resource": "*"}, "Effect is 'allow', expected Allow or Deny"),
        ({"Effect": "Allow", "Resource": "*"}, "needs either Action or NotAction"),
        ({"Effect": "Allow", "Action": "*", "Ressource": "*"}, "unknown element Ressource"),
        ({"Effect": "Allow", "Action": {"Ref": "X"}, "Resource": "*"}, "Action holds dict, expected text"),
    ],
)
def test_a_document_that_is_not_understood_is_an_error(statement, error):
    with pytest.raises(DocumentError, match=error):
        parse(document(statement))


def test_an_unknown_operator_is_an_error():
    condition = {"StringResembles": {"s3:prefix": "a"}}
    policy = parse(document({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}))

    with pytest.raises(UnsupportedError, match="StringResembles is unknown"):
        counterexample(policy, ())
