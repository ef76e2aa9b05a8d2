"""Laws of the evaluation: which policies can only narrow, and how a decision explains itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpreter_policies.iam.document import DocumentError, parse
from interpreter_policies.iam.evaluator import Policies, Principal, Request, UnsupportedError, decide

ROLE = Principal(
    arn="arn:aws:iam::111122223333:role/analytics",
    session="arn:aws:sts::111122223333:assumed-role/analytics/one",
    account="111122223333",
)
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
READ = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}
GET = Request("s3:getobject", "arn:aws:s3:::data/a", {}, ROLE)

statements = st.lists(
    st.builds(
        lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
        st.sampled_from(["Allow", "Deny"]),
        st.sampled_from(["s3:GetObject", "s3:*", "*", "iam:PassRole"]),
        st.sampled_from(["*", "arn:aws:s3:::data/*", "arn:aws:s3:::other/*"]),
    ),
    min_size=1,
    max_size=3,
)
requests = st.builds(
    lambda action, resource: Request(action, resource, {}, ROLE),
    st.sampled_from(["s3:getobject", "s3:putobject", "iam:passrole"]),
    st.sampled_from(["arn:aws:s3:::data/a", "arn:aws:s3:::other/a"]),
)


def policy(*parts, version="2012-10-17"):
    return parse({"Version": version, "Statement": list(parts)})


@given(statements, statements, statements, requests)
@settings(max_examples=200, deadline=None)
def test_a_boundary_a_session_policy_and_a_control_policy_only_narrow(identity, limit, other, request):
    plain = decide(Policies(policy(*identity)), request)

    for limited in (
        Policies(policy(*identity), boundary=policy(*limit)),
        Policies(policy(*identity), session=policy(*limit)),
        Policies(policy(*identity), scps=(policy(*limit),)),
        Policies(policy(*identity), boundary=policy(*limit), scps=(policy(*other),)),
    ):
        assert plain.allowed or not decide(limited, request).allowed


@given(statements, statements, requests)
@settings(max_examples=200, deadline=None)
def test_one_deny_in_any_policy_decides(identity, limit, request):
    deny = policy({"Effect": "Deny", "Action": request.action, "Resource": request.resource})
    identity, limit = policy(*identity), policy(*limit)

    for policies in (
        Policies((*identity, *deny)),
        Policies(identity, boundary=(*limit, *deny)),
        Policies(identity, session=(*limit, *deny)),
        Policies(identity, scps=((*limit, *deny),)),
        Policies(identity, rcps=((*limit, *deny),)),
    ):
        decision = decide(policies, request)
        assert not decision.allowed


@given(statements, st.permutations(range(3)), requests)
@settings(max_examples=100, deadline=None)
def test_the_order_of_statements_decides_nothing(identity, order, request):
    whole = policy(*identity, EVERYTHING, READ)
    shuffled = (*(whole[number] for number in order), *whole[3:])

    assert decide(Policies(whole), request).allowed == decide(Policies(shuffled), request).allowed


@pytest.mark.parametrize(
    ("policies", "allowed", "reason"),
    [
        (Policies(), False, "no statement of the identity policy allows it"),
        (Policies(policy(READ)), True, "the identity policy allows it"),
        (Policies(policy(READ), boundary=()), False, "no statement of the permissions boundary allows it"),
        (
            Policies(policy(READ), scps=(policy(EVERYTHING), ())),
            False,
            "no statement of the service control policy of level 2 allows it",
        ),
        (
            Policies(resource=policy({**READ, "Principal": {"AWS": ROLE.session}}), boundary=()),
            True,
            "the resource policy allows it to the principal itself",
        ),
        (
            Policies(resource=policy({**READ, "Principal": {"AWS": ROLE.arn}}), boundary=()),
            False,
            "no statement of the permissions boundary allows it",
        ),
    ],
)
def test_a_decision_says_which_policy_made_it(policies, allowed, reason):
    decision = decide(policies, GET)

    assert (decision.allowed, decision.reason) == (allowed, reason)


def test_the_statement_that_decided_is_named():
    assert decide(Policies(policy(READ)), GET).statement.sid == "Read"


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        (READ, "has no Principal"),
        ({**READ, "NotPrincipal": {"AWS": "111122223333"}}, "NotPrincipal with Allow is not evaluated"),
        ({**READ, "Principal": {"AWS": "arn:aws:iam::1:role/*"}}, "has a wildcard"),
        ({**READ, "Principal": "me"}, "Principal is 'me', expected"),
    ],
)
def test_a_principal_that_is_not_understood_is_an_error(resource, error):
    with pytest.raises((DocumentError, UnsupportedError), match=error):
        decide(Policies(resource=policy(resource)), GET)
