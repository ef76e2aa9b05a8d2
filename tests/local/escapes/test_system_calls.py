"""System calls that lead out of namespaces, into the kernel or into other processes."""

import platform

import pytest

# What is refused by name; numbers of x86_64.
REFUSED = {
    "ptrace": 101, "syslog": 103, "uselib": 134, "sysfs": 139, "vhangup": 153, "modify_ldt": 154,
    "pivot_root": 155, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166,
    "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172,
    "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "io_setup": 206,
    "clock_settime": 227, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
    "unshare": 272, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310,
    "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321,
    "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_getfd": 438, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447, "open_tree_attr": 467,
}  # fmt: skip
NAMESPACES = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
              "pid": 0x20000000, "net": 0x40000000}  # fmt: skip
# Requests of ioctl and a terminal or socket to make them of.
REQUESTS = {
    "TIOCSTI": (0x5412, "terminal"),
    "TIOCLINUX": (0x541C, "terminal"),
    "TIOCSETD": (0x5423, "terminal"),
    "SIOCGIFBR": (0x8940, "socket"),
    "SIOCSIFBR": (0x8941, "socket"),
    "SIOCADDDLCI": (0x8980, "socket"),
    "SIOCDELDLCI": (0x8981, "socket"),
    "SIOCGIFVLAN": (0x8982, "socket"),
    "SIOCSIFVLAN": (0x8983, "socket"),
    "SIOCBRADDBR": (0x89A0, "socket"),
    "SIOCBRDELBR": (0x89A1, "socket"),
}

x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")


@x86
@pytest.mark.holds("full", "rootless")
def test_refused_calls(session):
    """Calls for mounts, namespaces, modules, BPF, tracing, keys, io_uring, AIO, clocks and I/O ports fail."""
    said = session.python(f"print(*[call(number, *[-1] * 6) for number in {list(REFUSED.values())}])").split()

    assert {name: result for name, result in zip(REFUSED, said, strict=True) if result != "EPERM"} == {}


@x86
@pytest.mark.holds("full", "rootless")
def test_calls_that_nobody_looked_at(session):
    """System calls that are newer than the filter, and those of the x32 interface, do not exist."""
    numbers = [*range(470, 600), 0x40000000, 0x40000000 + 59, 0x40000000 + 520, -1]

    assert set(session.python(f"print(*[call(number) for number in {numbers}])").split()) == {"ENOSYS"}


@x86
@pytest.mark.holds("full", "rootless")
def test_the_gate_of_32_bit_programs(session):
    """Whoever enters the kernel by int 0x80, where numbers mean something else, is killed."""
    code = (
        "import mmap\n"
        "page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "page.write(bytes.fromhex('b814000000cd80c3'))\n"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "print(child(ctypes.CFUNCTYPE(ctypes.c_int)(at)))"
    )
    assert session.python(code) == "-31"


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("kind", NAMESPACES)
def test_new_namespaces(session, kind):
    """No process gets a namespace of its own, by unshare, clone or clone3."""
    flag = NAMESPACES[kind]
    clone, clone3 = (56, 435) if platform.machine() == "x86_64" else (220, 435)

    assert session.python(f"print(call('unshare', {flag}))") == "EPERM"
    assert session.python(f"print(call({clone}, {flag | 17}, 0, 0, 0, 0))") == "EPERM"
    assert session.python(f"print(call({clone3}, 0, 0))") == "ENOSYS"


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("request_", REQUESTS)
def test_requests_to_devices(session, request_):
    """Nothing can be typed into a terminal, and no ioctl has the kernel load a module."""
    number, of = REQUESTS[request_]
    opened = {"terminal": "os.openpty()[1]", "socket": "kept.fileno()"}[of]
    ioctl = 16 if platform.machine() == "x86_64" else 29

    # Zeroes: the line discipline of every terminal, the version of the bridges.
    for asked in (number, number | 1 << 32):
        code = f"print(call({ioctl}, {opened}, ctypes.c_long({asked}), ctypes.create_string_buffer(64)))"
        assert session.python(f"kept = socket.socket()\n{code}") == "EPERM"


@pytest.mark.holds("full", "rootless")
def test_taking_the_filter_off(session):
    """Neither the filter nor no_new_privs can be taken off again."""
    assert session.python("print(call('prctl', 22, 0, 0, 0, 0))") in ("EINVAL", "EPERM")
    assert session.python("print(call('prctl', 38, 0, 0, 0, 0))") == "EINVAL"
    # A capability in the bounding set or the ambient one.
    assert session.python("print(call('prctl', 24, 21, 0, 0, 0))") == "EPERM"
    assert session.python("print(call('prctl', 47, 2, 21, 0, 0))") == "EPERM"
    assert session.python("print(call('unshare', 0x10000000))") == "EPERM"
