"""The folder of a session on this machine: who holds it, and its removal."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

from .inside.confine import WORK


def session_folder(home: Path, session_id: str) -> Path:
    """Where a session's disk and log lie."""
    return Path(os.path.abspath(home)) / "sessions" / session_id


def group_name(home: Path, session_id: str) -> str:
    """The control group of a session; the folder's inode tells the endpoints of a machine apart."""
    return f"interpreter-local-{os.stat(home).st_ino:x}-{session_id}"


def hold(folder: Path) -> int:
    """Locks a session's folder while this process lives; BlockingIOError if another one has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def remove_folder(folder: Path, seconds: float = 5.0) -> None:
    """Removes a session's folder, also what it made unreadable; waits for processes that are dying."""
    deadline = time.monotonic() + seconds
    # Overlayfs leaves it without permissions.
    with contextlib.suppress(OSError):
        os.rmdir(folder / "disk" / WORK / "work")
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except (OSError, RecursionError):
            if time.monotonic() >= deadline:
                raise
            _force(folder)


def _force(folder: Path) -> None:
    """Removes what Python cannot: folders without permissions, and deeper ones than a path can name."""
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        # What fails now is tried again by the caller, who also knows when to give up.
        argv = [*command, "--", str(folder)]
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    time.sleep(0.02)
