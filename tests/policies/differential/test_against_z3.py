"""Ten thousand random pairs of policy and envelope, beside z3: both say the same, wherever z3 decides."""

import random

import pytest

from interpreter_policies.iam.document import parse
from interpreter_policies.iam.evaluator import allowed
from interpreter_policies.iam.proof import counterexample

from . import z3_oracle
from .generator import KEYS, policy

MILLISECONDS = 500
SHARDS, OF_EACH = 20, 510  # a few are not decided; 10,000 are to be left


def compared(seed: int, pairs: int) -> tuple[int, int]:
    """How many pairs z3 decided, and how many of those go beyond their envelope; none may disagree."""
    draw = random.Random(seed)
    decided = beyond = 0
    while decided < pairs:
        keys = draw.sample(list(KEYS), 2)
        subject, envelope = (
            policy(draw, keys),
            policy(draw, keys, effects=("Allow", "Allow", "Allow", "Deny")),
        )
        theirs = z3_oracle.asked(subject, envelope, MILLISECONDS)
        if theirs is None:
            continue
        ours = counterexample(parse(subject), parse(envelope))
        assert (ours is not None) == theirs, (subject, envelope, ours)
        if ours is not None:
            assert allowed(parse(subject), ours)
            assert not allowed(parse(envelope), ours)
        decided, beyond = decided + 1, beyond + theirs
    return decided, beyond


def test_a_proof_and_a_counterexample_are_those_of_another_judge():
    decided, beyond = compared(seed=0, pairs=150)

    assert 0 < beyond < decided


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_ten_thousand_pairs(shard):
    decided, beyond = compared(seed=1000 + shard, pairs=OF_EACH)

    assert 0 < beyond < decided
