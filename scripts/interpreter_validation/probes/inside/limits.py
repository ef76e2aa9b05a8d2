"""Runs in a session: how much processor time, memory and disk there is."""

import os
import pathlib
import subprocess
import sys
import time
from typing import Any

_BUSY = (
    "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
)
_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def main(told: dict[str, Any]) -> dict[str, Any]:
    """→ `vcpus` that four busy processes got, `memory_gb`, `disk_gb`; None where it cannot be read."""
    disk = os.statvfs(".")
    return {
        "vcpus": _vcpus(),
        "memory_gb": _memory(told["memory_gb"]),
        "disk_gb": disk.f_blocks * disk.f_frsize / 1e9,
    }


def _vcpus() -> float:
    began = time.monotonic()
    running = [
        subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    used = sum(float(one.communicate()[0]) for one in running)
    return used / max(1.0, time.monotonic() - began)


def _memory(documented: float) -> float | None:
    """The limit that can be read; a machine with more and without one may have a limit that is hidden."""
    limits = [
        int(text) / 2**30
        for path in _MEMORY
        if pathlib.Path(path).exists() and (text := pathlib.Path(path).read_text().strip()).isdecimal()
    ]
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return min([*limits, machine]) if limits or machine <= 1.25 * documented else None
