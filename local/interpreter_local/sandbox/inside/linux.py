"""The Linux calls that Python 3.11 has no function for, made through libc. Each raises OSError.

Numbers: Linux, include/uapi/linux/{sched,mount,prctl,capability}.h; those of the mount calls are the same on
all processors (asm-generic/unistd.h).
"""

import ctypes
import os
import struct

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x20000, 0x2000000, 0x4000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOATIME = 0x2, 0x4, 0x10
PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NAME = 4, 8, 15
_PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 22, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL, _SECCOMP_MODE_FILTER, _CAPABILITY_VERSION_3 = 4, 2, 0x20080522
_MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 429, 430, 431, 432
_CLOEXEC, _SET_FLAG, _SET_STRING, _CREATE, _MOVE_MOUNT_F_EMPTY_PATH = 1, 0, 1, 6, 4

# In a module that macOS imports too; nothing is called there.
_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object, what: str = "") -> int:
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what or name}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Gives this process (for a pid namespace: its next child) namespaces of its own."""
    _call("unshare", flags)


def setns(namespace: int, flags: int) -> None:
    """Enters the namespace of a descriptor."""
    _call("setns", namespace, flags)


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    _call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3], what=f"mount {kind or source} on {target}")


def unmount(target: str) -> None:
    """Takes a mount away with all that is mounted in it, also while it is in use."""
    _call("umount2", os.fsencode(target), MNT_DETACH, what=f"umount {target}")


def new_mount(kind: str, source: str, options: tuple[str, ...], attributes: int) -> int:
    """Mounts a file system nowhere: a descriptor, with which the mount goes away."""
    context = _call("syscall", _FSOPEN, os.fsencode(kind), _CLOEXEC, what=f"fsopen {kind}")
    try:
        _call("syscall", _FSCONFIG, context, _SET_STRING, b"source", os.fsencode(source), 0, what="fsconfig")
        for option in options:
            _call("syscall", _FSCONFIG, context, _SET_FLAG, os.fsencode(option), None, 0, what="fsconfig")
        _call("syscall", _FSCONFIG, context, _CREATE, None, None, 0, what=f"mount {source}")
        return _call("syscall", _FSMOUNT, context, _CLOEXEC, attributes, what=f"fsmount {source}")
    finally:
        os.close(context)


def attach_mount(descriptor: int, target: str) -> None:
    """Puts what `new_mount` made at a place in this mount namespace."""
    at = ctypes.c_int(-100)  # AT_FDCWD
    arguments = (descriptor, b"", at, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH)
    _call("syscall", _MOVE_MOUNT, *arguments, what=f"move_mount to {target}")


def prctl(option: int, value: int | bytes) -> None:
    """prctl(2) with one argument."""
    argument = value if isinstance(value, bytes) else ctypes.c_ulong(value)
    _call("prctl", option, argument, ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def raise_capabilities() -> None:
    """Makes every permitted capability effective again, after a change of the user."""
    permitted = _capabilities()[1]
    _set_capabilities(permitted, permitted)


def drop_capabilities() -> None:
    """Gives up every capability in every set, for good: nothing that is executed brings one back."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        prctl(_PR_CAPBSET_DROP, capability)
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _set_capabilities(0, 0)


def _capabilities() -> tuple[int, int]:
    """Effective and permitted."""
    header, data = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    _call("capget", header, data)
    words = struct.unpack("=6I", data.raw)
    return words[0] | words[3] << 32, words[1] | words[4] << 32


def _set_capabilities(effective: int, permitted: int) -> None:
    low, high = 0xFFFFFFFF, 32
    sets = (effective & low, permitted & low, 0, effective >> high, permitted >> high, 0)
    _call("capset", struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), struct.pack("=6I", *sets))


def install_filter(program: bytes) -> None:
    """Puts this process and its children under a system call filter; needs no_new_privs."""
    code = ctypes.create_string_buffer(program, len(program))
    filtered = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    mode = ctypes.c_ulong(_SECCOMP_MODE_FILTER)
    _call("prctl", _PR_SET_SECCOMP, mode, filtered, ctypes.c_ulong(0), ctypes.c_ulong(0), what="seccomp")
