"""What one session may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """A session's hardware: 2 vCPU, 8 GB, 10 GB of disk (AWS quotas); the bound on processes is ours."""

    vcpu: int = 2
    memory_bytes: int = 8 * 1024**3
    disk_bytes: int = 10 * 1000**3
    processes: int = 1024
