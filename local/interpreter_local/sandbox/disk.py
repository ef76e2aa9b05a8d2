"""The disk of a session: a sparse ext4 image, mounted in the session's own mount namespace only.

So a full disk is the session's affair. The image has no name: it, its loop device and its mount go away
with the session's last process, also when the endpoint is killed. Structures: Linux, uapi/linux/loop.h.
"""

import errno
import fcntl
import os
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .inside import confine, linux

# What ext4 needs for itself with the options below: inodes (256 bytes for each 16 KiB), and a little.
_OVERHEAD, _LEAST, _BLOCK = 1 / 50, 1024**2, 4096
# No journal: the disk never outlives a crash. No room to grow, few groups: a small image, which mounts fast.
_OPTIONS = (
    *("-q", "-b", str(_BLOCK), "-m", "0", "-O", "^has_journal,^resize_inode", "-G", "128"),
    *("-E", "lazy_itable_init=1,nodiscard"),
)
_LOOP_CONFIGURE, _LOOP_CTL_GET_FREE, _LO_FLAGS_AUTOCLEAR = 0x4C0A, 0x4C82, 4


def template(home: Path, usable_bytes: int) -> Path:
    """An empty file system of this size, made once; OSError or CalledProcessError where it cannot be made."""
    image = home / "disks" / f"{usable_bytes}.ext4"
    if image.exists():
        return image
    image.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = image.with_suffix(f".{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            file.truncate((int(usable_bytes * (1 + _OVERHEAD)) + _LEAST) // _BLOCK * _BLOCK)
        subprocess.run(
            ["mkfs.ext4", *_OPTIONS, str(fresh)],
            check=True,
            capture_output=True,
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
        )
        fresh.replace(image)
    finally:
        fresh.unlink(missing_ok=True)
    return image


def new(home: Path, usable_bytes: int, uid: int, packages: Sequence[str] = ()) -> int:
    """A disk with folders of this user: a mount, which lasts while it is held or in use.

    The folders are `var`, `tmp`, and those of `packages` (paths, each behind its parent) for what the session
    installs. OSError or CalledProcessError when the machine does not let us.
    """
    source = template(home, usable_bytes)
    image = os.open(source.parent, os.O_RDWR | os.O_TMPFILE, 0o600)
    try:
        _copy(source, image)
        loop, device = _attach(image)
    finally:
        os.close(image)
    try:
        # Zeroing the tables of inodes in the background would fill the image.
        attributes = linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV | linux.MOUNT_ATTR_NOATIME
        # And nothing need be safe from a crash, for which ext4 flushes files when they are closed.
        options = ("noinit_itable", "noauto_da_alloc")
        mount = linux.new_mount("ext4", device, options, attributes)
    finally:
        os.close(loop)
    try:
        _make_folders(mount, uid, packages)
    except BaseException:
        os.close(mount)
        raise
    return mount


def folder(at: Path, uid: int | None, packages: Sequence[str] = ()) -> None:
    """The same folders without a limit, where images cannot be mounted."""
    at.mkdir(mode=0o711)
    parent = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _make_folders(parent, os.geteuid() if uid is None else uid, packages)
    finally:
        os.close(parent)


def _make_folders(parent: int, uid: int, packages: Sequence[str]) -> None:
    modes = {"var": 0o700, "tmp": 0o700, confine.WORK: 0o700, confine.PACKAGES: 0o755}
    modes |= {f"{confine.PACKAGES}/{path}": 0o755 for path in packages}
    for path, mode in modes.items():
        os.mkdir(path, mode, dir_fd=parent)
        os.chown(path, uid, uid, dir_fd=parent)


def _attach(image: int) -> tuple[int, str]:
    """A loop device for the image: its descriptor and path; it detaches itself after its last use."""
    info = struct.pack("=QQQQQIIII", *(0,) * 8, _LO_FLAGS_AUTOCLEAR).ljust(232, b"\0")
    config = (struct.pack("=II", image, _BLOCK) + info).ljust(304, b"\0")
    while True:
        control = os.open("/dev/loop-control", os.O_RDWR)
        try:
            device = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
        finally:
            os.close(control)
        loop = os.open(device, os.O_RDWR)
        try:
            fcntl.ioctl(loop, _LOOP_CONFIGURE, config)
        except OSError as error:
            os.close(loop)
            if error.errno == errno.EBUSY:
                # Another session was faster.
                continue
            raise
        return loop, device


def _copy(source: Path, write: int) -> None:
    """Copies an image without its holes."""
    read = os.open(source, os.O_RDONLY)
    try:
        os.truncate(write, os.fstat(read).st_size)
        at = 0
        while (start := _next_data(read, at)) is not None:
            at = os.lseek(read, start, os.SEEK_HOLE)
            _copy_range(read, write, start, at)
    finally:
        os.close(read)


def _next_data(read: int, at: int) -> int | None:
    try:
        return os.lseek(read, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            # Only a hole is left.
            return None
        raise


def _copy_range(read: int, write: int, at: int, end: int) -> None:
    while at < end:
        data = os.pread(read, min(end - at, 1024**2), at)
        at += os.pwrite(write, data, at)
