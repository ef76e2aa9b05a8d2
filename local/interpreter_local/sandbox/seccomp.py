"""The system call filter of a sandbox, as a classic BPF program.

Denied: what makes new namespaces and mounts, looks into other processes, loads code into the kernel, takes
from what the machine has once for all (AIO requests, huge pages), and every system call that is newer than
this table.
Sockets: only UNIX, IPv4, IPv6 and netlink. (A network namespace does not hold AF_VSOCK: inside a microVM a
session could otherwise talk to the hypervisor.) Of those only TCP, UDP and ICMP, and of netlink the routing
tables: asking for another protocol has the kernel load its module. So do some requests of ioctl, to whoever
asks. Numbers: Linux, asm/unistd_64.h, asm-generic/unistd.h, asm-generic/ioctls.h and linux/sockios.h.
"""

import errno
import platform
import struct

_LOAD, _AND, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
# Offsets in struct seccomp_data; the low half of an argument comes first on both architectures.
_NUMBER, _ARCHITECTURE = 0, 4
_FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT, _FOURTH_ARGUMENT = 16, 24, 32, 40
# Behind file_setattr of Linux 6.17, the last one that was looked at. (x32's numbers are higher, too.)
_UNKNOWN = 470
# CLONE_NEWTIME | NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
_NEW_NAMESPACES = 0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
# SOCK_STREAM, SOCK_DGRAM, SOCK_RAW (for which nobody has the capability); the kind is in the low bits.
_KINDS, _KIND_MASK = (1, 2, 3), 0xF
# Any, ICMP, TCP, UDP, ICMPv6. And NETLINK_ROUTE.
_PROTOCOLS, _ROUTE = (0, 1, 6, 17, 58), (0,)

_DENIED: dict[str, tuple[int, int | None]] = {
    # name: (x86_64, aarch64)
    "ptrace": (101, 117),
    "syslog": (103, 116),
    "uselib": (134, None),
    "sysfs": (139, None),
    "vhangup": (153, 58),
    "modify_ldt": (154, None),
    "pivot_root": (155, 41),
    "_sysctl": (156, None),
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
    "iopl": (172, None),
    "ioperm": (173, None),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "io_setup": (206, 0),
    "lookup_dcookie": (212, 18),
    "clock_settime": (227, 112),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "clock_adjtime": (305, 266),
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
    "quotactl_fd": (443, 443),
    "memfd_secret": (447, 447),
    "open_tree_attr": (467, 467),
}
_CLONE, _SOCKET, _SOCKETPAIR, _CLONE3 = (56, 220), (41, 198), (53, 199), (435, 435)
# Huge pages are the machine's own, and no control group of memory counts them: mmap (MAP_HUGETLB),
# memfd_create (MFD_HUGETLB), shmget (SHM_HUGETLB), as (numbers, argument, flag).
_HUGE = (
    ((9, 222), _FOURTH_ARGUMENT, 0x40000),
    ((319, 279), _SECOND_ARGUMENT, 0x4),
    ((29, 194), _THIRD_ARGUMENT, 0x800),
)
_IOCTL = (16, 29)
# TIOCSTI and TIOCLINUX type into terminals. TIOCSETD (line disciplines), SIOC[GS]IFBR, SIOCBR{ADD,DEL}BR
# (bridges), SIOC[GS]IFVLAN and SIOC{ADD,DEL}DLCI have the kernel load a module before it asks for a right.
_REQUESTS = (
    *(0x5412, 0x541C, 0x5423, 0x8940, 0x8941),
    *(0x8980, 0x8981, 0x8982, 0x8983, 0x89A0, 0x89A1),
)
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
        _jump(_JUMP_GE, _UNKNOWN, yes=0, no=1),
        _refuse(errno.ENOSYS),
    ]
    for numbers in _DENIED.values():
        number = numbers[column]
        if number is not None:
            code += _when(number, [_refuse(errno.EPERM)])
    # clone3 hides its flags behind a pointer; libc falls back to clone.
    code += _when(_CLONE3[column], [_refuse(errno.ENOSYS)])
    new_namespaces = [
        _statement(_LOAD, _FIRST_ARGUMENT),
        _jump(_JUMP_SET, _NEW_NAMESPACES, yes=0, no=1),
        _refuse(errno.EPERM),
        _statement(_RETURN, _ALLOW),
    ]
    code += _when(_CLONE[column], new_namespaces)
    sockets = [
        _statement(_LOAD, _FIRST_ARGUMENT),
        *_when(_UNIX, [_statement(_RETURN, _ALLOW)]),
        *_when(_NETLINK, [_statement(_LOAD, _THIRD_ARGUMENT), *_only(_ROUTE, errno.EPROTONOSUPPORT)]),
        *_otherwise((_INET, _INET6), errno.EAFNOSUPPORT),
        _statement(_LOAD, _SECOND_ARGUMENT),
        _statement(_AND, _KIND_MASK),
        *_otherwise(_KINDS, errno.ESOCKTNOSUPPORT),
        _statement(_LOAD, _THIRD_ARGUMENT),
        *_only(_PROTOCOLS, errno.EPROTONOSUPPORT),
    ]
    for call in (_SOCKET, _SOCKETPAIR):
        code += _when(call[column], sockets)
    # The kernel takes the low half of a request only.
    requests = [_statement(_LOAD, _SECOND_ARGUMENT)]
    for request in _REQUESTS:
        requests += _when(request, [_refuse(errno.EPERM)])
    code += _when(_IOCTL[column], [*requests, _statement(_RETURN, _ALLOW)])
    for call, argument, flag in _HUGE:
        huge = [_statement(_LOAD, argument), _jump(_JUMP_SET, flag, yes=0, no=1), _refuse(errno.EPERM)]
        code += _when(call[column], [*huge, _statement(_RETURN, _ALLOW)])
    code.append(_statement(_RETURN, _ALLOW))
    return b"".join(code)


def _when(value: int, body: list[bytes]) -> list[bytes]:
    """Runs the body, which returns, if the accumulator has this value."""
    return [_jump(_JUMP_EQ, value, yes=0, no=len(body)), *body]


def _otherwise(allowed: tuple[int, ...], number: int) -> list[bytes]:
    """Refuses a value that is not among these, and goes on with the others."""
    checks = [_jump(_JUMP_EQ, value, yes=len(allowed) - index, no=0) for index, value in enumerate(allowed)]
    return [*checks, _refuse(number)]


def _only(allowed: tuple[int, ...], number: int) -> list[bytes]:
    """Allows these values and refuses the others."""
    return [*_otherwise(allowed, number), _statement(_RETURN, _ALLOW)]


def _statement(operation: int, value: int) -> bytes:
    return struct.pack("=HBBI", operation, 0, 0, value)


def _jump(operation: int, value: int, *, yes: int, no: int) -> bytes:
    return struct.pack("=HBBI", operation, yes, no, value)


def _refuse(number: int) -> bytes:
    return _statement(_RETURN, _ERRNO | number)
