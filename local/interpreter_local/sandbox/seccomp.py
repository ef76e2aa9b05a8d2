"""The system call filter of a sandbox, as a classic BPF program.

Denied: what makes new namespaces and mounts, looks into other processes, loads code into the kernel, and
every socket family but UNIX, IPv4, IPv6 and netlink. (A network namespace does not hold AF_VSOCK: inside a
microVM a session could otherwise talk to the hypervisor.) Numbers: Linux, asm/unistd_64.h and
asm-generic/unistd.h.
"""

import errno
import platform
import struct

_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
# Offsets in struct seccomp_data; the low half of an argument comes first on both architectures.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X32_BIT = 0x40000000
# CLONE_NEWTIME | NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
_NEW_NAMESPACES = 0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
_SOCKET_FAMILIES = (1, 2, 10, 16)

_DENIED = {
    # name: (x86_64, aarch64)
    "ptrace": (101, 117),
    "syslog": (103, 116),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "finit_module": (313, 273),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}
_CLONE, _SOCKET, _SOCKETPAIR, _CLONE3 = (56, 220), (41, 198), (53, 199), (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}


def supported(machine: str | None = None) -> bool:
    """Whether there is a filter for this machine's processor."""
    return (machine or platform.machine()) in _ARCHITECTURES


def program(machine: str | None = None) -> bytes:
    """The filter for a processor (`x86_64` or `aarch64`), ready for `bwrap --seccomp`.

    Raises ValueError for another processor.
    """
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        raise ValueError(f"no system call filter for {machine}, only for {', '.join(sorted(_ARCHITECTURES))}")
    column, architecture = _ARCHITECTURES[machine]
    code = [
        _statement(_LOAD, _ARCHITECTURE),
        _jump(_JUMP_EQ, architecture, yes=1, no=0),
        _statement(_RETURN, _KILL_PROCESS),
        _statement(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        code += [_jump(_JUMP_GE, _X32_BIT, yes=0, no=1), _refuse(errno.ENOSYS)]
    for numbers in _DENIED.values():
        code += [_jump(_JUMP_EQ, numbers[column], yes=0, no=1), _refuse(errno.EPERM)]
    # clone3 hides its flags behind a pointer; libc falls back to clone.
    code += [_jump(_JUMP_EQ, _CLONE3[column], yes=0, no=1), _refuse(errno.ENOSYS)]
    code += [
        _jump(_JUMP_EQ, _CLONE[column], yes=0, no=4),
        _statement(_LOAD, _FIRST_ARGUMENT),
        _jump(_JUMP_SET, _NEW_NAMESPACES, yes=0, no=1),
        _refuse(errno.EPERM),
        _statement(_RETURN, _ALLOW),
    ]
    for call in (_SOCKET, _SOCKETPAIR):
        families = len(_SOCKET_FAMILIES)
        code += [_jump(_JUMP_EQ, call[column], yes=0, no=families + 3), _statement(_LOAD, _FIRST_ARGUMENT)]
        for index, family in enumerate(_SOCKET_FAMILIES):
            code.append(_jump(_JUMP_EQ, family, yes=families - index, no=0))
        code += [_refuse(errno.EAFNOSUPPORT), _statement(_RETURN, _ALLOW)]
    code.append(_statement(_RETURN, _ALLOW))
    return b"".join(code)


def _statement(operation: int, value: int) -> bytes:
    return struct.pack("=HBBI", operation, 0, 0, value)


def _jump(operation: int, value: int, *, yes: int, no: int) -> bytes:
    return struct.pack("=HBBI", operation, yes, no, value)


def _refuse(number: int) -> bytes:
    return _statement(_RETURN, _ERRNO | number)
