"""How many interpreters are tried at once."""

from interpreter_validation.width import Width


def after(width, seconds, *, busy=False, rounds=100):
    for _ in range(8):
        width.took(seconds)
    for _ in range(rounds):
        width.adapt(busy=busy)
    return width.now


def test_it_starts_at_sixteen_or_with_what_it_may():
    assert Width(64).now == 16
    assert Width(4).now == 4


def test_it_stays_until_the_first_have_told_how_long_they_take():
    width = Width(64)
    width.adapt(busy=False)

    assert width.now == 16


def test_it_grows_to_the_most_where_turns_go_unused():
    assert after(Width(64), 1.0) == 64


def test_it_does_not_grow_while_the_rate_is_used_up():
    assert after(Width(64), 1.0, busy=True) == 16


def test_it_stops_growing_when_all_become_slower():
    """A machine that is busy answers no more in a second, whoever asks."""
    width = Width(64)
    after(width, 1.0, rounds=4)

    assert after(width, 2.0) == 20
