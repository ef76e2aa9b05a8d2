"""Which processes belong to something that a session started, and their end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def marked(name: str, value: str) -> set[int]:
    """Live processes that started with this environment variable, whatever session or parent they have now.

    Linux only; elsewhere nothing is found.
    """
    if sys.platform != "linux":
        return set()
    wanted = f"{name}={value}".encode()
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if wanted in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                    found.add(int(entry))
    return found


def descendants(pid: int) -> set[int]:
    """The children of a process, their children, and so on, as `ps` tells."""
    with subprocess.Popen(["ps", "-axo", "pid=,ppid="], stdout=subprocess.PIPE, text=True) as ps:
        table = ps.communicate()[0]
    parents = {int(child): int(parent) for child, parent in (line.split() for line in table.splitlines())}
    found: set[int] = set()
    generation = {pid}
    while generation:
        generation = {child for child, parent in parents.items() if parent in generation} - found
        found |= generation
    # It may be a child of the process that was asked about.
    return found - {ps.pid}


def end(alive: Callable[[], set[int]], grace_seconds: float) -> bool:
    """Asks these processes to end, kills them after the grace; True once none is alive."""
    for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        while pids := alive():
            if time.monotonic() >= deadline:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            time.sleep(0.02)
        else:
            return True
    return False


def prefer_as_oom_victim() -> None:
    """Has the kernel kill this process before the agent when the session's memory is used up."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("800")
