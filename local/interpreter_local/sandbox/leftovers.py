"""What an endpoint that was killed left behind. Its processes died with it; folders and groups did not."""

import contextlib
import os
from pathlib import Path

from . import cgroups
from .folders import group_name, hold, remove_folder


def sweep(home: Path) -> int:
    """Removes the session folders in `home` that no living endpoint holds, with their control groups.

    Returns how many sessions were removed.
    """
    sessions = home / "sessions"
    removed = 0
    for folder in sorted(sessions.iterdir()) if sessions.is_dir() else []:
        try:
            lock = hold(folder)
        except BlockingIOError:
            continue
        try:
            _remove_groups(group_name(home, folder.name))
            remove_folder(folder)
        finally:
            os.close(lock)
        removed += 1
    for probe in home.glob("probe-*"):
        with contextlib.suppress(OSError):
            remove_folder(probe)
    return removed


def _remove_groups(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        cgroups.remove([hierarchy.folder / name for hierarchy in cgroups.hierarchies()])
