"""What one session may use."""

from dataclasses import dataclass
from pathlib import Path

# At least and at most. Unrecorded: how many the live service allows.
_FILES = (1024, 65536)


@dataclass(frozen=True)
class Limits:
    """A session's hardware: 2 vCPU, 8 GB, 10 GB of disk (AWS quotas); the bound on processes is ours."""

    vcpu: int = 2
    memory_bytes: int = 8 * 1024**3
    disk_bytes: int = 10 * 1000**3
    processes: int = 1024


def open_files(limits: Limits, file_max: str = "/proc/sys/fs/file-max") -> int:
    """How many files a process of a session may have open.

    So many that all of its processes together leave half of the machine's to others.
    """
    try:
        most = int(Path(file_max).read_text())
    except FileNotFoundError:
        return _FILES[1]
    return max(_FILES[0], min(_FILES[1], most // 2 // limits.processes))
