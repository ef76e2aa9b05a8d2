"""Taking more than one's share: memory, processes, disk, time, and what the machine has once for all."""

import time

import pytest

MIB = 1024**2
SMALL = {"memory_bytes": 256 * MIB}
TAKE = {
    "heap": "data = b'x' * 500_000_000",
    "shared mapping": "mmap.mmap(-1, 500_000_000).write(bytes(500_000_000))",
    "memfd": "fd = os.memfd_create('m')\nfor _ in range(470): os.write(fd, bytes(1024**2))",
    "System V": (
        "libc.shmat.restype = ctypes.c_void_p\n"
        "at = libc.shmat(libc.shmget(0, ctypes.c_size_t(500_000_000), 0o1600), None, 0)\n"
        "ctypes.memset(at, 1, 500_000_000)"
    ),
}
FILL = {
    "tcp": "a = socket.create_connection(server.getsockname()); b = server.accept()[0]",
    "udp": "a, b = (socket.socket(2, 2) for _ in 'ab'); b.bind(('127.0.0.1', 0)); a.connect(b.getsockname())",
    "unix": "a, b = socket.socketpair()",
}


@pytest.mark.holds("full")
@pytest.mark.parametrize("kind", TAKE)
def test_memory(fresh, session, kind):
    """Memory of every kind counts: who takes too much dies, the session and the others live."""
    done = fresh(**SMALL).run(f"import mmap\n{TAKE[kind]}\nprint('not bounded')")

    assert done.get("exit_code") == 137 or done.get("error") == "SandboxClosed", done
    assert session.alive


@pytest.mark.holds("full")
def test_memory_of_many_processes(fresh):
    """The processes of a session have its memory together."""
    code = (
        "pids = []\n"
        "for _ in range(6):\n"
        "    pids.append(os.fork())\n"
        "    if pids[-1] == 0: data = b'x' * 80_000_000; time.sleep(3); os._exit(0)\n"
        "print(sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9 for pid in pids))"
    )

    assert int(fresh(**SMALL).python(code)) >= 3


@pytest.mark.slow
@pytest.mark.holds("full")
@pytest.mark.parametrize("kind", FILL)
def test_memory_of_sockets(fresh, kind):
    """What waits in the buffers of sockets counts: TCP, UDP and UNIX."""
    code = (
        "kept, end = [], time.time() + 5\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "while len(kept) < 480 and time.time() < end:\n"
        "    try:\n"
        f"        {FILL[kind]}\n"
        "        kept.append((a, b))\n"
        "        for one in (a, b): one.setsockopt(1, 7, 1 << 24); one.setsockopt(1, 8, 1 << 24)\n"
        "        a.settimeout(0.01)\n"
        "        for _ in range(300): a.send(bytes(32768))\n"
        "    except OSError: continue\n"
        "print(sum(int(line.split(' mem ')[1]) for line in open('/proc/net/sockstat') if ' mem ' in line))"
    )
    one = fresh(**SMALL)

    done = one.run(code, timeout=20)

    # In pages of all of the machine: what others have is little beside it.
    assert done.get("exit_code") == 137 or int(done["stdout"]) * 4096 < 64 * MIB, done
    assert one.alive


@pytest.mark.holds("rootless")
def test_memory_of_one_process(fresh):
    """One process that allocates more than the session has gets no more."""
    done = fresh(memory_bytes=512 * MIB).run("b'x' * 900_000_000")

    assert "MemoryError" in done["stderr"]


@pytest.mark.holds("full", "rootless")
def test_memory_of_folders(session):
    """/dev/shm holds 64 MiB; of the other folders none is memory that can be written."""
    full = "head -c 80000000 /dev/zero > /dev/shm/x; rm /dev/shm/x"

    assert "No space left on device" in session.shell(full)[1]
    # The last mount at a place is the one that is seen.
    mounts = session.python("print(open('/proc/mounts').read())").splitlines()
    seen = dict(line.split()[1:3] for line in mounts)
    memory = [place for place, kind in seen.items() if kind in ("tmpfs", "ramfs")]
    assert [place for place in memory if session.outcome(f"write('{place}/x')") == "written"] == ["/dev/shm"]


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize(
    ("attempt", "huge", "ordinary"),
    [
        ("'mmap', None, ctypes.c_size_t(1 << 21), 3, {}, -1, 0", "0x40022", "0x22"),
        ("'memfd_create', b'pages', {}", "4", "0"),
        ("'shmget', 0, ctypes.c_size_t(1 << 21), {}", "0o5600", "0o1600"),
    ],
    ids=["mmap", "memfd_create", "shmget"],
)
def test_huge_pages(session, attempt, huge, ordinary):
    """Huge pages, which the machine sets aside and no limit of memory counts, cannot be had."""
    assert session.python(f"print(call({attempt.format(huge)}))") == "EPERM"
    assert session.python(f"print(call({attempt.format(ordinary)}))") == "done"


@pytest.mark.holds("full", "rootless")
def test_a_fork_bomb(fresh, session):
    """A fork bomb stops at the session's bound; other sessions start and work meanwhile; stop ends it."""
    one = fresh(processes=100)
    one.call("start_command", command="bomb() { bomb | bomb & }; while true; do bomb; done")
    time.sleep(1.5)

    other = fresh()

    assert other.shell("echo works")[1] == "works\n"
    assert session.alive
    one.close()
    assert session.alive


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("what", ["children", "threads", "zombies"])
def test_many_processes(fresh, what):
    """Children, threads and the dead that nobody buries are bounded together."""
    one = fresh(processes=100)
    make = {
        "children": "os.fork() or (time.sleep(30), os._exit(0))",
        "threads": "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()",
        "zombies": "os.fork() or os._exit(0)",
    }[what]
    code = (
        "import threading\nmade = 0\ntry:\n"
        f"    while made < 500:\n        {make}\n        made += 1\n"
        "except (OSError, RuntimeError): pass\n"
        "print(made)"
    )

    assert 0 < int(one.run(code)["stdout"]) < 100


@pytest.mark.holds("full", "rootless")
def test_the_dead_without_parents(fresh):
    """Processes whose parent is gone are buried by process 1: they use up nothing."""
    one = fresh(processes=100)
    one.python("for _ in range(150):\n    if os.fork() == 0: os.fork(); os._exit(0)\n    os.wait()")

    left = one.python(
        "time.sleep(0.5)\n"
        "print(sum(') Z' in outcome(lambda: open(path).read()) for path in glob.glob('/proc/[0-9]*/stat')))"
    )
    assert left == "0"


@pytest.mark.holds("full")
def test_disk(fresh, session):
    """A full disk is the session's own affair: writing fails, and the others write on."""
    one = fresh(disk_bytes=64_000_000)

    assert "No space left on device" in one.shell("head -c 90000000 /dev/zero > a")[1]
    assert "No space left on device" in one.shell("head -c 90000000 /dev/zero > /tmp/b")[1]
    assert session.outcome("write('a', 'x' * 5_000_000)") == "written"


@pytest.mark.holds("full")
def test_inodes(fresh, session):
    """So are used up inodes."""
    code = (
        "made = 0\n"
        "try:\n"
        "    while made < 20_000: os.close(os.open(f'/tmp/{made}', os.O_CREAT)); made += 1\n"
        "except OSError as error: print(errno.errorcode[error.errno])"
    )
    assert fresh(disk_bytes=64_000_000).python(code) == "ENOSPC"
    assert session.outcome("write('b')") == "written"


@pytest.mark.holds("full", "rootless")
def test_open_files(fresh, session):
    """Open files are bounded for each process, so that all of a session's leave half of the machine's."""
    most = int(fresh().python("import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[1])"))
    machine = int(session.python("print(open('/proc/sys/fs/file-max').read())"))
    assert 1024 <= most <= max(1024, machine // 2048)
    code = (
        "kept = []\n"
        "try:\n    while True: kept.append(os.open('/', 0))\n"
        "except OSError as error: print(errno.errorcode[error.errno])\n"
        "for fd in kept: os.close(fd)"
    )
    assert session.python(code) == "EMFILE"


@pytest.mark.holds("full", "rootless")
def test_terminals(fresh, session):
    """A session that opens all terminals it can get leaves others enough to run commands."""
    one = fresh()
    code = (
        "kept = []\n"
        "try:\n"
        "    while True: kept.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))\n"
        "except OSError as error: print(len(kept), errno.errorcode[error.errno])"
    )
    count, error = one.python(code).split()

    assert (int(count) <= 256, error) == (True, "ENOSPC")
    assert session.shell("echo works") == (0, "works\n")


@pytest.mark.holds("full", "rootless", "process")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_floods_of_output(fresh, stream):
    """Endless output is cut off, ends with its time, and leaves the session usable."""
    one = fresh()

    done = one.run(f"while True: sys.{stream}.write('x' * 1_000_000)", timeout=1)

    assert done["exit_code"] == 124
    assert len(done[stream]) < 17 * MIB
    assert one.alive


@pytest.mark.slow
@pytest.mark.holds("full", "rootless", "process")
def test_floods_of_binary_output(fresh):
    """So is output that is no text, of code and of commands."""
    one = fresh()
    code = one.run("end = time.time() + 0.3\nwhile time.time() < end: os.write(1, os.urandom(65536))")
    command = one.call("execute_command", command="cat /dev/urandom", timeout=0.3)

    assert (code["exit_code"], command["exit_code"]) == (0, 124)
    assert len(command["output"].encode()) < 60 * MIB
    assert one.alive


@pytest.mark.holds("full", "rootless", "process")
@pytest.mark.parametrize(
    "code",
    ["while True: pass", "time.sleep(600)", "sum(range(10**12))", "os.system('sleep 600')",
     "signal.signal(2, signal.SIG_IGN)\nwhile True: pass",
     "while True:\n    try: time.sleep(600)\n    except KeyboardInterrupt: pass"],
    ids=["busy", "sleeping", "busy in C", "waiting", "deaf", "stubborn"],
)  # fmt: skip
def test_hogs(fresh, code):
    """Code that does not end by itself is interrupted or killed when its time is over."""
    one = fresh()

    assert one.run(code, timeout=0.5)["exit_code"] == 124
    assert one.alive


@pytest.mark.holds("full")
def test_processor_time(fresh):
    """Busy processes get the session's share of the processors, however many they are."""
    one = fresh(vcpu=1)
    code = (
        "end = time.time() + 1.5\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n        while time.time() < end: pass\n        os._exit(0)\n"
        "for _ in range(3): os.wait()\n"
        "t = os.times(); print(t.children_user + t.children_system)"
    )
    assert float(one.python(code)) < 2.2


@pytest.mark.holds("full", "rootless", "process")
@pytest.mark.parametrize("kind", ["deep", "shut", "many"])
def test_folders_that_are_hard_to_remove(fresh, host, kind):
    """Folders deeper than any path, without permissions, or with many entries go with the session."""
    one = fresh()
    make = {
        "deep": "for _ in range(1500): os.mkdir('d' * 20); os.chdir('d' * 20)\nos.chdir('/')",
        "shut": "os.makedirs('a/b'); write('a/b/c')\nfor path in ('a/b', 'a'): os.chmod(path, 0)",
        "many": "for number in range(3000): write(str(number))",
    }[kind]
    one.python(make)
    one.close()

    assert not (host.home / "sessions" / one.id).exists()
