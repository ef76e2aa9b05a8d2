"""What is left of hundreds of sessions that were used, killed and abandoned at random: nothing."""

import sys

import pytest

from .churn import churn


@pytest.mark.slow
def test_nothing_stays_of_sessions_that_end_in_all_ways(tmp_path, capabilities):
    if sys.platform != "linux" or capabilities.tier == "process":
        pytest.skip("sessions have no processes of their own to count")
    said = []

    wrong = churn(tmp_path, seconds=60, workers=4, seed=4711, say=said.append)

    assert wrong == [], "\n".join(said)
