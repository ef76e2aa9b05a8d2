"""The name of a run, which its sessions carry: from it another run can tell whether it still lives.

`<place>-<process>-<random>`, all hexadecimal. The place is one boot of one machine's one process namespace:
only there does a process number mean the same process. What a run elsewhere left ends by its own timeout.
"""

import hashlib
import os
import re
import secrets
import uuid
from pathlib import Path

NAME_PREFIX = "ifleet-canary-"
_NAME = re.compile(re.escape(NAME_PREFIX) + r"([0-9a-f]{8})-([0-9a-f]{1,8})-[0-9a-f]{4}-")


def new() -> str:
    """A name for the run of this process."""
    return f"{_place()}-{os.getpid():x}-{secrets.token_hex(2)}"


def session_name(run: str, base: str) -> str:
    """What a session of a run is called: at most 100 characters (API model)."""
    return f"{NAME_PREFIX}{run}-{base}"[:100]


def is_canary(name: str | None) -> bool:
    """Whether a session's name is one of a canary's."""
    return (name or "").startswith(NAME_PREFIX)


def is_dead(name: str | None) -> bool | None:
    """Whether the run that a session's name tells of is over: a process of this place that is gone.

    None if that cannot be told from here.
    """
    match = _NAME.match(name or "")
    if match is None or match[1] != _place():
        return None
    process = int(match[2], 16)
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _place() -> str:
    parts = [_first_line("/proc/sys/kernel/random/boot_id") or f"{uuid.getnode():x}"]
    try:
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        # Not Linux: process numbers are those of the whole machine.
        parts.append("one")
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
