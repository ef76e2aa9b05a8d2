"""The validation under faults of all kinds: never a false pass, never a session that is not told of."""

import pytest

from . import killed
from .run import runs
from .trial import run

# Each of these once ended in a lie: a traceback, a false alarm, a session that was READY and not reported.
ONCE_WRONG = (0, 3, 13, 14, 27, 30, 34, 48, 63, 70, 80, 90, 95, 96, 98, 99)
AND_SLOW = (19, 32, 49, 56, 61, 85, 101, 102, 109, 112, 113, 118, 130, 162, 163, 164, 167, 169, 170, 171)


@pytest.mark.parametrize(
    "seed", [*ONCE_WRONG, *(pytest.param(seed, marks=pytest.mark.slow) for seed in AND_SLOW)]
)
def test_what_once_was_untrue_is_true(ground, proxy, tmp_path, seed):
    assert run(ground, proxy, tmp_path, seed).wrong == []


@pytest.mark.slow
def test_nothing_is_untrue_about_many_runs(tmp_path):
    wrong, counted = runs(tmp_path, range(100_000, 100_150), workers=2)

    assert wrong == []
    assert counted["runs"] == 150
    # Faults came, and did not keep every run from its end.
    assert counted["faults"] > 150
    assert counted["exit 0"] > 15


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_run_that_is_ended_from_outside_leaves_nothing_for_good(ground, proxy, tmp_path, seed):
    assert killed.run(ground, proxy, tmp_path, seed) == []


@pytest.mark.slow
def test_runs_that_are_ended_at_any_moment_leave_nothing_for_good(ground, proxy, tmp_path):
    assert [one for seed in range(100, 140) for one in killed.run(ground, proxy, tmp_path, seed)] == []
