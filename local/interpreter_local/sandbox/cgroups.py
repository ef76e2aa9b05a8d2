"""Memory, CPU and process limits through control groups, version 1 or 2, where they are writable.

A session's group is a child of the endpoint's own group, or of the nearest one above that takes children.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from .limits import Limits

CONTROLLERS = ("memory", "cpu", "pids")
_CPU_PERIOD_US = 100_000
# Version 1 counts what waits in TCP's buffers apart, and only if it is limited; the machine's own bound on it
# (tcp_mem) is one for all. 256 MiB of 8 GiB.
_TCP_SHARE = 32


@dataclass(frozen=True)
class Hierarchy:
    """A folder in which session groups can be made, the controllers that count there, and the version."""

    folder: Path
    controllers: tuple[str, ...]
    version: int


def hierarchies(
    processes: str = "/proc/self/cgroup", mounts: str = "/proc/self/mountinfo"
) -> list[Hierarchy]:
    """The hierarchies that this process could make groups in, before anything was tried."""
    own = [line.split(":", 2) for line in Path(processes).read_text().splitlines()]
    found = []
    for line in Path(mounts).read_text().splitlines():
        left, _, right = line.partition(" - ")
        root, at = left.split()[3:5]
        kind, _, options = (*right.split(), "", "")[:3]
        if kind == "cgroup":
            names = tuple(name for name in CONTROLLERS if name in options.split(","))
            paths = [path for _, held, path in own if set(names) & set(held.split(","))]
            if names and paths:
                found.append(Hierarchy(_inside(at, root, paths[0]), names, 1))
        elif kind == "cgroup2":
            paths = [path for number, held, path in own if number == "0" and not held]
            found += _version_2(Path(at), _inside(at, root, paths[0])) if paths else []
    return found


def _inside(mount: str, root: str, path: str) -> Path:
    relative = os.path.relpath(path, root)
    return Path(mount) if relative.startswith("..") else Path(os.path.normpath(f"{mount}/{relative}"))


def _version_2(mount: Path, own: Path) -> list[Hierarchy]:
    """A group with processes of its own passes no controllers on, so the way goes up until one does."""
    for folder in (own, *own.parents):
        if not folder.is_relative_to(mount):
            break
        try:
            passed_on = (folder / "cgroup.subtree_control").read_text().split()
        except OSError:
            continue
        names = tuple(name for name in CONTROLLERS if name in passed_on)
        if names and os.access(folder, os.W_OK):
            return [Hierarchy(folder, names, 2)]
    return []


def usable(name: str, limits: Limits) -> list[Hierarchy]:
    """The hierarchies in which a group with these limits could really be made and removed."""
    works = []
    for hierarchy in hierarchies():
        try:
            remove([create(hierarchy, name, limits)])
        except OSError:
            continue
        works.append(hierarchy)
    return works


def create(hierarchy: Hierarchy, name: str, limits: Limits) -> Path:
    """Makes the group `name` with these limits; OSError when the machine does not let us."""
    group = hierarchy.folder / name
    group.mkdir()
    try:
        for file, value in _settings(hierarchy, limits):
            (group / file).write_text(str(value))
        for file, value in (
            ("memory.memsw.limit_in_bytes", limits.memory_bytes),
            ("memory.kmem.tcp.limit_in_bytes", limits.memory_bytes // _TCP_SHARE),
        ):
            if (group / file).exists():
                (group / file).write_text(str(value))
    except OSError:
        group.rmdir()
        raise
    return group


def _settings(hierarchy: Hierarchy, limits: Limits) -> list[tuple[str, str | int]]:
    quota = limits.vcpu * _CPU_PERIOD_US
    by_controller: dict[str, list[tuple[str, str | int]]] = {
        "pids": [("pids.max", limits.processes)],
        "memory": [("memory.limit_in_bytes", limits.memory_bytes)],
        "cpu": [("cpu.cfs_period_us", _CPU_PERIOD_US), ("cpu.cfs_quota_us", quota)],
    }
    if hierarchy.version == 2:
        by_controller["memory"] = [("memory.max", limits.memory_bytes), ("memory.swap.max", 0)]
        by_controller["cpu"] = [("cpu.max", f"{quota} {_CPU_PERIOD_US}")]
    return [setting for name in hierarchy.controllers for setting in by_controller[name]]


def remove(groups: list[Path], seconds: float = 5.0) -> None:
    """Removes groups whose processes are dying; OSError if some live on."""
    deadline = time.monotonic() + seconds
    for group in groups:
        while group.exists():
            try:
                group.rmdir()
            except OSError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
