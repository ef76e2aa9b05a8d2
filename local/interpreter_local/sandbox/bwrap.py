"""The bubblewrap command line of a session."""

from dataclasses import dataclass
from pathlib import Path

from . import layout

_SHM_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Sources:
    """What is bound into the sandbox, as the launching process sees it."""

    workspace: Path
    temporary: Path
    base: Path
    venv: Path
    inside: Path
    kernels: Path


def arguments(
    sources: Sources, *, base_at: Path, venv_at: Path, texts: dict[Path, int], seccomp: int | None
) -> list[str]:
    """bwrap's arguments up to the command.

    `base_at` and `venv_at` are the paths by which the environment's own files name each other; `texts` maps a
    file inside to the descriptor of its content.
    """
    args = [
        "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net",
        "--unshare-cgroup-try", "--disable-userns",
        "--uid", str(layout.UID), "--gid", str(layout.GID), "--hostname", "localhost",
        "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
        "--ro-bind", "/usr", "/usr",
    ]  # fmt: skip
    for name in ("bin", "sbin", "lib", "lib64"):
        args += ["--symlink", f"usr/{name}", f"/{name}"] if Path("/usr", name).exists() else []
    # Never the machine's /etc: these few are public and needed to load and link programs.
    args += ["--dir", "/etc"]
    for path in (
        "/etc/ld.so.cache",
        "/etc/alternatives",
        "/etc/ssl/certs",
        "/etc/pki/tls/certs",
        "/etc/fonts",
    ):
        args += ["--ro-bind-try", path, path]
    for file, descriptor in texts.items():
        args += ["--perms", "0644", "--ro-bind-data", str(descriptor), str(file)]
    args += ["--proc", "/proc", "--dev", "/dev", "--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"]  # noqa: S108
    args += ["--bind", str(sources.temporary), "/tmp"]  # noqa: S108
    if not base_at.is_relative_to("/usr"):
        args += ["--ro-bind", str(sources.base), str(base_at)]
    args += ["--ro-bind", str(sources.venv), str(layout.VENV), "--symlink", str(layout.VENV), str(venv_at)]
    args += ["--ro-bind", str(sources.inside), str(layout.AGENT / "inside")]
    args += ["--ro-bind", str(sources.kernels), str(layout.AGENT / "kernels")]
    args += ["--bind", str(sources.workspace), str(layout.WORKSPACE)]
    # Without these, / and /dev are writable memory that no disk limit counts.
    args += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(layout.WORKSPACE)]
    for name, value in layout.environment().items():
        args += ["--setenv", name, value]
    if seccomp is not None:
        args += ["--seccomp", str(seccomp)]
    return args
