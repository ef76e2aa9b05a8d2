"""Turns a fresh fork of the template into process 1 of a session, shut in for good.

The order matters: limits first, then namespaces, then what needs privileges (mounts, network), then the user,
then no privileges, then the system call filter. Works the same under real root (the tier `full`) and under
root of bubblewrap's user namespace (`rootless`). The mounts belong to the user namespace outside of the
session's own, so nothing in the session can have rights over them.
"""

import os
import resource
import socket
from pathlib import Path
from typing import Any

from . import linux, network

# The template's private corner, gone in a session: folders and devices that sessions are made from.
CORNER = "/mnt"
# In the folder of a session's disk, beside `var` and `tmp`: what it installs, and what overlayfs needs.
PACKAGES, WORK = "packages", "work"
SESSIONS, DISK, TUN = f"{CORNER}/sessions", f"{CORNER}/disk", f"{CORNER}/tun"
_SHM_BYTES = 64 * 1024**2
# The machine has 3,072 pseudo-terminals for all mounts of devpts together, and every command takes one.
_TERMINALS = 256
# What the kernel kills first when the machine's memory is used up: sessions, and not the endpoint. Nobody
# in a session can go below it where it was set with privileges (the tier `full`).
_OOM_SCORE = 300
# Where bubblewrap's own --proc is read-only; no user of a session could write there in the tier `full`.
# Everybody could have the kernel watch the whole machine through /proc/pressure.
_PROC_SHUT = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/pressure")


def confine(
    settings: dict[str, Any], disk: int | None, groups: list[int], log: int, program: bytes | None
) -> tuple[dict[str, socket.socket], int | None]:
    """Shuts this process in; gives the listening sockets and the network device of its network namespace.

    `settings`: `session` (its folder's name), `workspace`, `uid` (the session's own on this machine, or null
    for the endpoint's), `inside` (user and group in the session), `hostname`, `address` (of the network
    device, or null for none), `rlimits`, `kept` (mounts in /tmp that the session's own /tmp must not hide).
    `venv` is the environment that the session is to install packages in, or null. `disk` is a mount from
    `linux.new_mount`, `groups` are open `cgroup.procs`.
    """
    for group in groups:
        os.write(group, b"0")
    _offer_to_oom_killer()
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDONLY)
    for descriptor, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, standard)
    linux.unshare(
        linux.CLONE_NEWNS
        | linux.CLONE_NEWNET
        | linux.CLONE_NEWIPC
        | linux.CLONE_NEWUTS
        | linux.CLONE_NEWCGROUP
    )
    socket.sethostname(settings["hostname"])
    sockets = network.listeners()
    device = network.tun(TUN, settings["address"]) if settings["address"] else None
    _mount(settings, disk)
    _become(settings["uid"], settings["inside"])
    _limit(settings["rlimits"])
    os.umask(0o022)
    os.chdir(settings["workspace"])
    linux.prctl(linux.PR_SET_NAME, b"session")
    linux.drop_capabilities()
    if program is not None:
        linux.install_filter(program)
    # Its memory and descriptors are nobody's in the session; kernels are told otherwise.
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    return sockets, device


def _offer_to_oom_killer() -> None:
    with open("/proc/self/oom_score_adj", "r+") as file:
        score = max(int(file.read()), _OOM_SCORE)
        file.seek(0)
        file.write(str(score))


def _mount(settings: dict[str, Any], disk: int | None) -> None:
    kept = settings["kept"]
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    careful = linux.MS_NOSUID | linux.MS_NODEV
    if disk is None:
        place = f"{SESSIONS}/{settings['session']}/disk"
    else:
        place = DISK
        linux.attach_mount(disk, place)
    if venv := settings["venv"]:
        _lay_over(venv, place, as_root=settings["uid"] is not None)
    for number, path in enumerate(kept):
        os.makedirs(f"{CORNER}/{number}", exist_ok=True)
        linux.mount(path, f"{CORNER}/{number}", None, linux.MS_BIND)
    for source, target in ((f"{place}/var", settings["workspace"]), (f"{place}/tmp", "/tmp")):  # noqa: S108
        linux.mount(source, target, None, linux.MS_BIND)
        if disk is None:
            linux.mount(None, target, None, linux.MS_REMOUNT | linux.MS_BIND | careful)
    for number, path in enumerate(kept):
        os.makedirs(path, exist_ok=True)
        linux.mount(f"{CORNER}/{number}", path, None, linux.MS_BIND)
    linux.mount("tmpfs", "/dev/shm", "tmpfs", careful, f"mode=1777,size={_SHM_BYTES}")  # noqa: S108
    linux.mount(
        "devpts",
        "/dev/pts",
        "devpts",
        linux.MS_NOSUID | linux.MS_NOEXEC,
        f"newinstance,ptmxmode=0666,mode=620,max={_TERMINALS}",
    )
    linux.mount("proc", "/proc", "proc", careful | linux.MS_NOEXEC)
    for path in _PROC_SHUT:
        if os.path.exists(path):
            linux.mount(path, path, None, linux.MS_BIND | linux.MS_REC)
            shut = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOEXEC
            linux.mount(None, path, None, shut | careful)
    linux.unmount(CORNER)


def _lay_over(venv: str, place: str, *, as_root: bool) -> None:
    """What the session installs into this environment goes to its own disk; nobody else sees it.

    Linux, filesystems/overlayfs: without `redirect_dir` only the owner could replace a package that is there;
    without real root it may not be used, and marks are kept where a user may put them.
    """
    layers = f"lowerdir={venv},upperdir={place}/{PACKAGES},workdir={place}/{WORK}"
    marks = "redirect_dir=on" if as_root else "userxattr"
    linux.mount("overlay", venv, "overlay", linux.MS_NOSUID | linux.MS_NODEV, f"{layers},{marks}")


def _become(uid: int | None, inside: int) -> None:
    """Becomes the session's user, and `inside` to itself, in a user namespace where nobody else exists."""
    if uid is not None:
        # Kept over the change of the user only because some machines let nobody else make user namespaces.
        linux.prctl(linux.PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        linux.raise_capabilities()
        linux.prctl(linux.PR_SET_KEEPCAPS, 0)
    user, group = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER)
    # The change of the user closed this process's files in /proc to itself.
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {user} 1"),
        ("gid_map", f"{inside} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)


def _limit(limits: dict[str, int]) -> None:
    """Resource limits by name ("DATA", "NOFILE"), or what is allowed already if that is less."""
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(number)[1]
        bounded = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(number, (bounded, bounded))
