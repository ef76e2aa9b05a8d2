"""What this machine can hold a session to, found out by doing each thing once."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Literal

from . import cgroups, disk, seccomp, zygote
from .inside import frames
from .limits import Limits
from .python_env import PythonEnv, find

NAMESPACES = "namespaces"
SYSTEM_CALLS = "system call filter"
HOST_USER = "host user per session"
DISK = "disk (ext4 image)"
SOCKETS = "network namespace with own sockets"
PACKAGES = "packages of a session's own (overlayfs)"
DEVICE = "network device (tun)"
WARM = "warm start"
_PROBE_UID = 0x3FFFFFFF
CGROUPS = {name: f"{name} (cgroup)" for name in cgroups.CONTROLLERS}
RLIMITS = {"memory": "memory (rlimit, per process)", "pids": "pids (rlimit)"}
# Not there in any tier yet.
NOT_YET = ("AWS services that would act outside of the sandbox (Lambda, CloudFormation, SNS …)",)
# What needs the sockets of a session's network namespace.
INSIDE = ("S3 from inside a session", "execution role credentials inside a session")


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
    missing = (NAMESPACES, SYSTEM_CALLS, HOST_USER, "memory", "cpu", "pids", "disk", *INSIDE, *NOT_YET)
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
    with _trial(home, python) as attempt:
        problem = _disk_problem(home, attempt) if root else "only root can mount an image"
        can_install = attempt if problem else partial(_disk_problem, home, attempt)
        if problem is None:
            enforced.append(DISK)
        else:
            missing.append(f"disk: {problem}")
        enforced += [SOCKETS, WARM]
        problem = can_install(packages=True)
        if problem is None:
            enforced.append(PACKAGES)
        else:
            missing.append(f"pip install in sessions: {problem}")
        problem = attempt(address="100.64.0.1")
        if problem is None:
            enforced.append(DEVICE)
        else:
            missing.append(f"{DEVICE}: {problem}")
    full = root and held == set(cgroups.CONTROLLERS)
    return Capabilities("full" if full else "rootless", tuple(enforced), (*missing, *NOT_YET), python.python)


def _isolation_problem(home: Path, python: PythonEnv) -> str | None:
    try:
        with _trial(home, python) as attempt:
            return attempt()
    except OSError as error:
        return str(error)


def _disk_problem(home: Path, attempt: Callable[..., str | None], **options: Any) -> str | None:
    try:
        mount = disk.new(home, Limits().disk_bytes, _PROBE_UID)
    except CalledProcessError as error:
        return str(error.stderr.decode(errors="replace").strip())
    except OSError as error:
        return str(error)
    try:
        return attempt(disk=mount, **options)
    finally:
        os.close(mount)


@contextmanager
def _trial(home: Path, python: PythonEnv) -> Iterator[Callable[..., str | None]]:
    """A template without libraries, and a function that shuts a session in and says what went wrong.

    The function takes what the session is forked with (see `zygote.Plan`).
    """
    uid = _PROBE_UID if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="probe-", dir=home) as place:
        session = Path(place, "sessions/probe")
        session.mkdir(parents=True, mode=0o700)
        disk.folder(session / "disk", uid)
        log = os.open(session / "log", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            template = zygote.boot(Path(place), python, ())
        except OSError:
            os.close(log)
            raise
        try:
            yield lambda **options: _first_word(template, zygote.Plan("probe", log, uid, **options))
        finally:
            template.close()
            os.close(log)


def _first_word(template: zygote.Template, plan: zygote.Plan) -> str | None:
    """Waits for a session's agent; what it or the template said instead, or None."""
    try:
        forked = template.fork(plan)
    except OSError as error:
        return str(error)
    try:
        forked.socket.settimeout(30)
        ready = frames.receive(forked.socket)
    except (OSError, frames.FrameError) as error:
        return str(error)
    finally:
        forked.refuse_network()
        forked.close()
    said = os.pread(plan.log, 4096, 0).decode(errors="replace").strip()
    return None if ready else said or "the sandbox ended at once"
