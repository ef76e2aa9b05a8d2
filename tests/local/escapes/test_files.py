"""Files: those of the machine, of other sessions, and what a session is made of."""

import sys

import pytest

from .tiers import ROOT

GONE = ("ENOENT", "EACCES")
SHUT = ("EROFS", "EACCES", "EPERM")


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/ssh", "/var", "/home", "/run", "/sys", "/boot", str(ROOT)]
)
def test_files_of_the_machine(session, path):
    """The machine's accounts, keys, homes, sockets and the checkout are not there."""
    assert session.outcome(f"os.stat({path!r}) and os.listdir({path!r})") in (
        *GONE,
        "ENOTDIR",
        "[]",
        "['.venv-sandbox']",
    )


@pytest.mark.holds("full", "rootless")
def test_a_file_that_everybody_may_read(session, tmp_path):
    """Files that every user of the machine could read are not there."""
    secret = tmp_path / "secret"
    secret.write_text("host")
    secret.chmod(0o644)

    assert session.outcome(f"read({str(secret)!r})") == "ENOENT"


@pytest.mark.holds("full", "rootless")
def test_files_of_another_session(fresh, host):
    """Files of another session are not there, wherever it keeps them."""
    one, other = fresh(), fresh()
    for place in (".", "/tmp", "/dev/shm"):
        one.python(f"write({place!r} + '/mine-of-{one.id}')")

    found = other.shell(f"find / -name 'mine-of-{one.id}' 2>/dev/null")[1]

    assert found == ""
    assert other.outcome(f"os.listdir({str(host.home / 'sessions')!r})") == "ENOENT"


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("pid", [1, 2], ids=["process 1", "agent"])
def test_roots_and_descriptors_of_other_processes(session, pid):
    """/proc leads nowhere: not to the root, folder, program, mappings or files of process 1 and the agent."""
    for link in ("root", "cwd", "exe", "fd/0", "fd/3", "ns/mnt"):
        assert session.outcome(f"os.readlink('/proc/{pid}/{link}')") in GONE
    assert session.outcome(f"os.listdir('/proc/{pid}/root/')") in GONE
    assert session.outcome(f"os.listdir('/proc/{pid}/map_files')") in SHUT


@pytest.mark.holds("full", "rootless")
def test_links_in_front_of_the_file_tools(session):
    """A symbolic link does not lead the file tools to more than the session's code has."""
    session.python(
        "for name, target in (('out', '/etc/shadow'), ('up', '../../../../etc/shadow'),"
        " ('one', '/proc/1/environ'), ('new', '/etc/new')):\n"
        "    os.path.lexists(name) or os.symlink(target, name)"
    )

    read = session.call("read_files", paths=["out", "up", "one"])
    written = session.call("write_files", files=[{"path": "new", "text": "x"}])

    assert (read["files"], len(read["failed"])) == ([], 3)
    assert (written["written"], len(written["failed"])) == (0, 1)


@pytest.mark.holds("full", "rootless", "process")
@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "/../secret", "a/b/../../../secret"])
def test_paths_that_climb_out_of_the_workspace(session, path):
    """A path with `..` does not lead the file tools out of the workspace."""
    read = session.call("read_files", paths=[path])
    written = session.call("write_files", files=[{"path": path, "text": "x"}])

    assert (read["files"], written["written"]) == ([], 0)
    assert read["failed"]
    assert written["failed"]


@pytest.mark.holds("full", "rootless")
def test_hard_links(session):
    """No hard link can be made to a file that the session may only read."""
    assert session.outcome("os.link('/usr/bin/env', 'env')") in ("EXDEV", "EPERM")
    assert session.outcome("os.link('/etc/passwd', '/tmp/passwd')") in ("EXDEV", "EPERM")


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize(
    "path",
    [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/net/ipv4/ping_group_range",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/fs/binfmt_misc/register",
        "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity",
        "/proc/pressure/memory",
        "/proc/1/uid_map",
        "/proc/self/uid_map",
        "/proc/self/setgroups",
    ],
)
def test_settings_of_the_kernel(session, path):
    """Nothing of the kernel's settings can be changed through /proc, core_pattern and sysrq included."""
    assert session.outcome(f"write({path!r}, '1')") in (*SHUT, "ENOENT")


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("kind", ["S_IFCHR", "S_IFBLK"])
@pytest.mark.parametrize("place", [".", "/tmp", "/dev/shm"])
def test_making_device_nodes(session, place, kind):
    """No device node can be made."""
    assert (
        session.outcome(f"os.mknod({place!r} + '/node', 0o666 | __import__('stat').{kind}, os.makedev(1, 1))")
        == "EPERM"
    )


@pytest.mark.holds("full", "rootless")
def test_devices_of_the_machine(session):
    """There are no devices of the machine but those that hold nothing: no memory, disk, loop, tun, kvm."""
    assert set(session.python("print(*os.listdir('/dev'))").split()) == {
        *("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm"),
        *("fd", "stdin", "stdout", "stderr", "core"),
    }
    assert session.outcome("read('/dev/core')") in (*GONE, "EPERM")


@pytest.mark.holds("full", "rootless")
def test_flags_of_mounts(session):
    """What can be written holds neither devices nor programs that change the user; the rest is read-only."""
    own = ["/opt/amazon/genesis1p-tools/var", "/tmp", "/proc", "/opt/amazon/genesis1p-tools/venv"]
    # Programs of the environment name it by its place on the machine, which may lie in /tmp.
    own.append(str(ROOT / ".venv-sandbox"))
    for line in session.python("print(open('/proc/self/mountinfo').read())").splitlines():
        place, options = line.split()[4:6]
        flags = set(options.split(","))
        assert "nosuid" in flags, line
        if place.startswith("/dev/"):
            continue
        assert "nodev" in flags, line
        assert place in own or "ro" in flags, line


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize(
    "attempt",
    [
        "call('mount', None, b'/', None, 0x20 | 0x1000, None)",
        "call('mount', None, b'/usr', None, 0x20 | 0x1000, None)",
        "call('mount', b'/tmp', b'/etc', None, 0x1000, None)",
        "call('mount', b'proc', b'/tmp', b'proc', 0, None)",
        "call('mount', b'overlay', b'/usr', b'overlay', 0, b'lowerdir=/usr,upperdir=/tmp,workdir=/tmp')",
        "call('umount2', b'/proc/sys', 2)",
        "call('umount2', b'/opt/amazon/genesis1p-tools/var', 2)",
        "call('umount2', b'/dev', 2)",
    ],
    ids=[
        "remount /",
        "remount /usr",
        "bind over /etc",
        "new proc",
        "overlay",
        "umount /proc/sys",
        "umount workspace",
        "umount /dev",
    ],
)
def test_mounts(session, attempt):
    """Nothing can be mounted, remounted or unmounted."""
    assert session.python(f"print({attempt})") == "EPERM"


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize(
    "folder",
    ["/", "/usr", "/usr/bin", "/etc", "/dev", "/opt", sys.base_prefix,
     "/opt/amazon/genesis1p-tools/agent/inside", "/opt/amazon/genesis1p-tools/agent/kernels"],
)  # fmt: skip
def test_writing_to_what_sessions_share(session, folder):
    """What sessions share cannot be written: programs, Python's own library, the agent's code."""
    assert session.outcome(f"write({folder!r} + '/x')") in SHUT
    assert session.outcome(f"os.rename({folder!r}, '/tmp/x')") in (*SHUT, "EXDEV", "EBUSY")


@pytest.mark.holds("full", "rootless")
def test_packages_of_a_session(session, fresh):
    """What a session installs and replaces in the Python environment neither others nor the machine see."""
    one = fresh()
    site = one.python("import six; print(os.path.dirname(six.__file__))")
    for path in ("six.py", "planted.py", "planted.pth", "../../../bin/planted"):
        one.python(
            f"write('{site}/{path}.new', 'import sys'); os.replace('{site}/{path}.new', '{site}/{path}')"
        )
    assert one.shell("python -c 'import planted, six; six.moves'")[0] == 1
    assert one.alive

    for other in (session, fresh()):
        assert other.shell("python -c 'import six; six.moves'") == (0, "")
        assert other.python(f"print(glob.glob('{site}/planted*'))") == "[]"
    assert not list((ROOT / ".venv-sandbox").glob("bin/planted"))
    assert not list((ROOT / ".venv-sandbox").glob("lib/python*/site-packages/planted*"))


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("path", ["/dev/null", "/dev/tty", "/etc/passwd", "/usr/bin/env", sys.base_prefix])
def test_changing_permissions_of_what_sessions_share(session, path):
    """Neither permissions nor owners of shared files and device nodes can be changed."""
    assert session.outcome(f"os.chmod({path!r}, 0o777)") in SHUT
    assert session.outcome(f"os.chown({path!r}, os.getuid(), -1)") in (*SHUT, "EINVAL")
    assert session.outcome(f"os.setxattr({path!r}, 'user.x', b'x')") in (*SHUT, "ENOTSUP")


@pytest.mark.holds("full", "rootless")
def test_programs_that_change_the_user(session):
    """Programs with the setuid bit, the machine's or its own, run as the session's user."""
    assert session.shell("cp /usr/bin/id id; chmod 6755 id; ./id -u") == (0, "992\n")
    # Without a terminal, where they would wait for a password.
    code, said = session.shell("setsid -w su -c id || mount -t tmpfs x /tmp || setsid -w newgrp root")
    assert code != 0
    assert "uid=0" not in said


@pytest.mark.holds("full", "rootless")
def test_pages_of_shared_files(fresh):
    """Writing to a read-only mapping through /proc/self/mem changes a copy, not the file others see."""
    one, other = fresh(), fresh()
    change = (
        "import mmap\n"
        "file = open('/usr/bin/env', 'rb')\n"
        "view = mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)\n"
        "line = next(l for l in open('/proc/self/maps') if l.rstrip().endswith('/usr/bin/env'))\n"
        "with open('/proc/self/mem', 'r+b', 0) as memory:\n"
        "    memory.seek(int(line.split('-')[0], 16)); memory.write(b'HACKED')\n"
        "print(view[:6])"
    )

    assert one.python(change) == "b'HACKED'"
    assert other.python("print(read('/usr/bin/env')[:4])") == r"b'\x7fELF'"
    assert one.python("print(read('/usr/bin/env')[:4])") == r"b'\x7fELF'"


@pytest.mark.holds("full", "rootless")
def test_core_dumps(session):
    """A crash leaves no core file."""
    assert (
        session.python(
            "print(child(lambda: ctypes.string_at(0)), glob.glob('*core*'), glob.glob('/tmp/*core*'))"
        )
        == "-11 [] []"
    )
