"""What this machine can hold a session to, found out by doing each thing once."""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError
from typing import Literal

from . import cgroups, disk, seccomp
from .inside import frames
from .launch import Plan, start
from .limits import Limits
from .python_env import PythonEnv, find

NAMESPACES = "namespaces"
SYSTEM_CALLS = "system call filter"
HOST_USER = "host user per session"
DISK = "disk (ext4 image)"
CGROUPS = {name: f"{name} (cgroup)" for name in cgroups.CONTROLLERS}
RLIMITS = {"memory": "memory (rlimit, per process)", "pids": "pids (rlimit)"}
# Not there in any tier yet.
NOT_YET = (
    "network egress in PUBLIC and VPC mode",
    "S3 from inside a session",
    "execution role credentials inside a session",
    "javascript and typescript",
)


class SandboxUnavailable(RuntimeError):  # noqa: N818
    """Sessions cannot run here; the message says what is missing."""


@dataclass(frozen=True)
class Capabilities:
    """The tier, what is enforced on sessions, what is not, and the Python that sessions run.

    `full`: started by root, each session under a host user of its own, with cgroup limits. `rootless`: the
    same isolation under the endpoint's user, or with lesser limits. `process`: no isolation.
    """

    tier: Literal["full", "rootless", "process"]
    enforced: tuple[str, ...]
    missing: tuple[str, ...]
    sandbox_python: Path


def probe(home: Path) -> Capabilities:
    """Tries namespaces, filter, control groups and disk image; raises SandboxUnavailable with the reason.

    Without isolation only if the environment says ALLOW_UNSANDBOXED=1.
    """
    try:
        python = find()
    except (OSError, ValueError) as error:
        raise SandboxUnavailable(f"no Python environment for sessions ({error}): run `make setup`") from error
    if not python.python.exists():
        raise SandboxUnavailable(f"{python.python} leads nowhere: remove {python.venv} and run `make setup`")
    if not any(python.venv.glob("lib/python*/site-packages/IPython")):
        raise SandboxUnavailable(f"{python.venv} has no IPython, which sessions need: run `make setup`")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    reason = _isolation_problem(home, python) if sys.platform == "linux" else f"no sandbox for {sys.platform}"
    if reason is None:
        return _isolated(home, python)
    if os.environ.get("ALLOW_UNSANDBOXED") != "1":
        raise SandboxUnavailable(
            f"sessions cannot be isolated here ({reason}); "
            "ALLOW_UNSANDBOXED=1 runs their code without isolation"
        )
    missing = (NAMESPACES, SYSTEM_CALLS, HOST_USER, "memory", "cpu", "pids", "disk", *NOT_YET)
    return Capabilities("process", (), missing, python.python)


def plan_limits(
    capabilities: Capabilities, limits: Limits
) -> tuple[list[cgroups.Hierarchy], tuple[tuple[str, int], ...]]:
    """The control group hierarchies and the resource limits that hold a session to its limits."""
    if not any(label in capabilities.enforced for label in CGROUPS.values()):
        rlimits = []
        if RLIMITS["memory"] in capabilities.enforced:
            rlimits.append(("DATA", limits.memory_bytes))
        if RLIMITS["pids"] in capabilities.enforced:
            rlimits.append(("NPROC", limits.processes))
        return [], tuple(rlimits)
    wanted = [name for name, label in CGROUPS.items() if label in capabilities.enforced]
    found = [hierarchy for hierarchy in cgroups.hierarchies() if set(hierarchy.controllers) & set(wanted)]
    rest = []
    if CGROUPS["memory"] not in capabilities.enforced:
        rest.append(("DATA", limits.memory_bytes))
    if CGROUPS["pids"] not in capabilities.enforced:
        rest.append(("NPROC", limits.processes))
    return found, tuple(rest)


def _isolated(home: Path, python: PythonEnv) -> Capabilities:
    enforced: list[str] = [NAMESPACES]
    missing: list[str] = []
    (enforced if seccomp.supported() else missing).append(SYSTEM_CALLS)
    root = os.geteuid() == 0
    (enforced if root else missing).append(HOST_USER)
    hierarchies = cgroups.usable(f"interpreter-local-probe-{os.getpid()}", Limits()) if root else []
    held = {name for hierarchy in hierarchies for name in hierarchy.controllers}
    for name in cgroups.CONTROLLERS:
        if name in held:
            enforced.append(CGROUPS[name])
        elif name in RLIMITS:
            enforced.append(RLIMITS[name])
        else:
            missing.append(f"{name}: no writable control group")
    problem = _disk_problem(home, python) if root else "only root can mount an image"
    if problem is None:
        enforced.append(DISK)
    else:
        missing.append(f"disk: {problem}")
    full = root and held == set(cgroups.CONTROLLERS)
    return Capabilities("full" if full else "rootless", tuple(enforced), (*missing, *NOT_YET), python.python)


def _isolation_problem(home: Path, python: PythonEnv) -> str | None:
    with tempfile.TemporaryDirectory(prefix="probe-", dir=home) as folder:
        used = Path(folder, "disk")
        used.mkdir(mode=0o711)
        return _try(python, used, Path(folder, "log"))


def _disk_problem(home: Path, python: PythonEnv) -> str | None:
    with tempfile.TemporaryDirectory(prefix="probe-", dir=home) as folder:
        image = Path(folder, "disk")
        try:
            disk.copy(disk.template(home, Limits().disk_bytes), image)
        except CalledProcessError as error:
            return str(error.stderr.decode(errors="replace").strip())
        except OSError as error:
            return str(error)
        return _try(python, image, Path(folder, "log"))


def _try(python: PythonEnv, used: Path, log: Path) -> str | None:
    """Starts an agent in a sandbox and waits for its first word; what it said instead, or None."""
    try:
        launched = start(Plan(True, os.geteuid() == 0, python, used, log))
    except OSError as error:
        return str(error)
    try:
        launched.socket.settimeout(30)
        ready = frames.receive(launched.socket)
    except (OSError, frames.FrameError) as error:
        return str(error)
    finally:
        launched.socket.close()
        launched.process.kill()
        launched.process.wait()
    return None if ready else log.read_text(errors="replace").strip() or "the sandbox ended at once"
