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
from interpreter_policies.iam.proof import counterexample

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


def test_one_symbol_is_one_value():
    """Two unknown values are never taken for different ones when a Deny would hide behind that."""
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "<Mine.Arn>"}
    deny = {"Effect": "Deny", "Action": "*", "NotResource": "<Other.Arn>"}

    shown = counterexample(parse(document(allow, deny)), ())

    assert shown is not None
    assert shown.resource == "<Mine.Arn>"


def test_a_limit_that_is_not_evaluated_does_not_count_as_one():
    limited = {"NumericLessThan": {"s3:max-keys": "10"}}
    allow = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "x", "Condition": limited}

    assert counterexample(parse(document(allow)), ()) == Request("s3:listbucket", "x", {})


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
