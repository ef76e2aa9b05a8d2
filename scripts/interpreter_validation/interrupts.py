"""Ctrl-C and SIGTERM: one KeyboardInterrupt a run, and none while it puts things away."""

import contextlib
import signal
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def once() -> Iterator[None]:
    """In this block the first signal raises KeyboardInterrupt in the main thread; later ones do nothing.

    A second Ctrl-C would cut the closing of sessions short.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore() -> None:
    """From here to the end of the block of `once` no signal does anything."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: object) -> None:
    ignore()
    raise KeyboardInterrupt
