"""Ctrl-C, SIGTERM and a terminal that closes: one KeyboardInterrupt a run, none while it puts things away."""

import contextlib
import os
import signal
from collections.abc import Iterator

# SIGHUP is not everywhere.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_SAID = b"validate.py: interrupted; every session is stopped first, which takes some seconds\n"


@contextlib.contextmanager
def once() -> Iterator[None]:
    """In this block the first signal raises KeyboardInterrupt in the main thread; later ones do nothing.

    A second Ctrl-C would cut the closing of sessions short. What is ignored stays so, as under nohup.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
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
    # The terminal may be what has gone.
    with contextlib.suppress(OSError):
        os.write(2, _SAID)
    raise KeyboardInterrupt
