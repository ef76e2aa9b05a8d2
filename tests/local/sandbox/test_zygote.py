"""Sessions are forks of one template: what they share, what they do not, and what they hand out."""

import asyncio
import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from interpreter_local.sandbox import NetworkPlan, SandboxClosed, open_sandbox, seccomp, zygote
from interpreter_local.sandbox.python_env import ROOT, find

pytestmark = pytest.mark.usefixtures("isolated")

OUTCOME = """
import errno, socket
def outcome(attempt):
    try:
        return repr(attempt())
    except OSError as error:
        return errno.errorcode[error.errno]
"""


def test_a_session_starts_with_the_libraries_loaded_and_one_thread(python):
    code = "import os, sys; print('pandas' in sys.modules, len(os.listdir('/proc/self/task')))"

    assert python(code) == "True 1"


def test_a_restarted_kernel_has_them_too(runner, open_session, python):
    session = open_session()
    died = runner.run(session.call("execute_code", code="import os; os._exit(3)"))

    assert "exited with code 3; it was restarted" in died["stderr"]
    assert python("import sys; print('pandas' in sys.modules)", session=session) == "True"


def test_libraries_use_all_processors_although_the_template_has_one_thread(python):
    code = "import numpy, os; a = numpy.ones((600, 600)); a @ a; print(len(os.listdir('/proc/self/task')))"

    assert int(python(code)) == min(os.cpu_count() or 1, len(os.sched_getaffinity(0)))


def test_random_numbers_are_not_shared(python, open_session):
    code = "import random, numpy; print(random.random(), numpy.random.rand(), __import__('uuid').uuid4())"
    one, other = (python(code, session=open_session()).split() for _ in range(2))

    assert not set(one) & set(other)


def test_the_shell_is_as_new_after_the_warm_up():
    """The template has run a cell in it, and raised an error."""
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from kernels import python_kernel\n"
        "shell = python_kernel.new_shell()\n"
        "if sys.argv[2] == 'warm': python_kernel.warm_up(shell)\n"
        "print(sorted(shell.user_ns), sorted(shell.user_ns_hidden), shell.execution_count)\n"
        "for cell in ('print(In, Out, _, _i, _dh, __doc__)', '5', 'print(_, Out, In)', '%history -n'):\n"
        "    shell.run_cell(cell, store_history=True)\n"
        "print(list(shell.history_manager.get_range()), shell.history_manager.session_number)\n"
    )
    new, warm = (
        subprocess.run(
            [find().python, "-c", code, ROOT / "local/interpreter_local", state],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for state in ("new", "warm")
    )

    assert "5 {2: 5}" in new
    assert warm == new


def test_code_does_not_find_the_agents_code(python):
    code = OUTCOME + (
        "import importlib.util, sys\n"
        "print([importlib.util.find_spec(n) for n in ('inside', 'kernels')], 'agent' in ' '.join(sys.path))"
    )
    assert python(code) == "[None, None] False"


def test_a_new_workspace_holds_nothing_of_an_earlier_session(runner, open_session):
    def names(session):
        return {entry["name"] for entry in runner.run(session.call("list_files", path=""))["entries"]}

    first = open_session()
    fresh = names(first)
    runner.run(first.call("execute_command", command="touch left"))

    assert names(first) == fresh | {"left"}
    assert names(open_session()) == fresh


def test_process_1_buries_the_dead(runner, open_session):
    session = open_session()
    command = "(sh -c 'sleep 0.05 &' &); sleep 0.3; cat /proc/[0-9]*/stat | cut -d' ' -f3"

    done = runner.run(session.call("execute_command", command=command))

    assert "Z" not in done["output"].split()


@pytest.mark.parametrize("name", ["mnt", "net", "ipc", "uts", "pid", "user", "cgroup"])
def test_each_session_has_namespaces_of_its_own(python, open_session, name):
    """Of the sessions' own only: the mounts and the network belong to the namespace outside."""
    found = {
        python(f"import os; print(os.readlink('/proc/self/ns/{name}'))", session=open_session()) for _ in "ab"
    }

    assert len(found | {os.readlink(f"/proc/self/ns/{name}")}) == 3


NO_FILTER = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    ctypes.set_errno(0)
    libc[name](*args)
    return errno.errorcode.get(ctypes.get_errno(), "done")
def open_up():
    REMOUNT_BIND, SAFE, DETACH = 0x1020, 0xE, 2
    agent = b"/opt/amazon/genesis1p-tools/agent/inside"
    for path in (b"/", b"/usr", b"/dev", b"/etc/passwd", b"/proc/sys", agent):
        print(call("mount", None, path, None, REMOUNT_BIND | SAFE, None), call("umount2", path, DETACH))
    print("-", call("umount2", b"/proc", DETACH), "-", call("umount2", b"/tmp", DETACH))
open_up()
"""


def test_mounts_hold_without_the_filter_too(runner, tmp_path, capabilities, monkeypatch):
    """They belong to a user namespace outside: not even root of a namespace of one's own can open them."""
    monkeypatch.setattr(seccomp, "supported", lambda machine=None: False)
    opening = open_sandbox("open", home=tmp_path, network_mode="SANDBOX", capabilities=capabilities)
    session = runner.run(opening)
    try:
        plain = runner.run(session.call("execute_code", code=NO_FILTER))
        nested = runner.run(
            session.call("execute_code", code="print(call('unshare', 0x10020000)); open_up()")
        )
    finally:
        runner.run(session.close())
        zygote.close_templates(tmp_path)

    assert set(plain["stdout"].replace("-", "").split()) == {"EPERM"}, plain["stderr"]
    unshared, *attempts = nested["stdout"].splitlines()
    assert unshared == "done"
    assert attempts == ["EPERM EINVAL"] * 6 + ["- EINVAL - EINVAL"], nested["stderr"]


def test_the_endpoint_answers_on_the_sessions_own_addresses(runner, open_session):
    session = open_session()
    listeners, tun = session.take_network()
    addresses = {name: listener.getsockname() for name, listener in listeners.items()}
    code = (
        "import socket\n"
        "with socket.create_connection(('169.254.169.254', 80), 5) as s: print(s.recv(5))\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n"
        "    s.sendto(b'name?', ('127.0.0.2', 53)); print(s.recv(9))"
    )

    async def answer():
        call = asyncio.create_task(session.call("execute_code", code=code))
        loop = asyncio.get_running_loop()
        connection, _ = await loop.sock_accept(listeners["metadata"])
        with connection:
            connection.send(b"hello")
        question, sender = await loop.sock_recvfrom(listeners["dns"], 512)
        await loop.sock_sendto(listeners["dns"], question.upper(), sender)
        return await call

    done = runner.run(answer())
    for listener in listeners.values():
        listener.close()

    assert done["stdout"] == "b'hello'\nb'NAME?'\n"
    assert tun is None
    assert addresses == {
        "dns": ("127.0.0.2", 53),
        "dns-tcp": ("127.0.0.2", 53),
        "aws": ("127.0.0.3", 443),
        "aws-http": ("127.0.0.3", 80),
        "metadata": ("169.254.169.254", 80),
    }


@pytest.mark.parametrize("address", ["127.0.0.3", "169.254.169.254"])
def test_what_the_endpoint_does_not_take_is_refused_at_once(python, open_session, address):
    session = open_session()
    session.refuse_network()

    code = OUTCOME + f"print(outcome(lambda: socket.create_connection(({address!r}, 80), 5)))"
    assert python(code, session=session) == "ECONNREFUSED"


def test_packets_go_through_the_device_that_the_endpoint_holds(runner, python, open_session, capabilities):
    if "network device (tun)" not in capabilities.enforced:
        pytest.skip("this machine does not let us use /dev/net/tun")
    session = open_session(network_mode="PUBLIC", network=NetworkPlan("PUBLIC", "100.64.7.9"))
    tun, session.tun = session.tun, None
    python("import socket\nsocket.socket(2, 2).sendto(b'outwards', ('198.51.100.7', 9))", session=session)

    packet = b""
    while b"outwards" not in packet and select.select([tun], [], [], 5)[0]:
        packet = os.read(tun, 65536)
    os.close(tun)

    assert packet[12:20] == socket.inet_aton("100.64.7.9") + socket.inet_aton("198.51.100.7")
    code = OUTCOME + "print(outcome(lambda: socket.create_connection(('198.51.100.7', 80), 5)))"
    assert python(code, session=session) == errno.errorcode[errno.ENETUNREACH]


def test_a_template_that_dies_takes_its_sessions_and_is_started_anew(
    runner, tmp_path, capabilities, eventually
):
    def opening(name):
        return open_sandbox(name, home=tmp_path, network_mode="SANDBOX", capabilities=capabilities)

    session = runner.run(opening("one"))
    template = zygote.template(tmp_path, find())
    os.kill(template.process.pid, signal.SIGKILL)

    with pytest.raises(SandboxClosed):
        runner.run(session.call("execute_command", command="sleep 60"))
    runner.run(session.close())
    other = runner.run(opening("two"))
    done = runner.run(other.call("execute_code", code="print('back')"))
    runner.run(other.close())
    zygote.close_templates(tmp_path)

    assert done["stdout"] == "back\n"
    assert list((tmp_path / "sessions").iterdir()) == []


def test_a_start_that_meets_a_dying_template_gets_a_new_one(runner, tmp_path, capabilities, monkeypatch):
    """It may die after it was found alive."""
    options = {"home": tmp_path, "network_mode": "SANDBOX", "capabilities": capabilities}
    # A bubblewrap that is killed before it lets its child go on leaves that behind.
    runner.run(runner.run(open_sandbox("booted", **options)).close())
    first = zygote.template(tmp_path, find())
    os.kill(first.process.pid, signal.SIGKILL)
    alive = [True]
    monkeypatch.setattr(zygote.Template, "alive", property(lambda self: bool(alive) and alive.pop()))

    session = runner.run(open_sandbox("one", **options))
    runner.run(session.close())
    zygote.close_templates(tmp_path)

    assert first.process.poll() is not None


def test_a_stopped_session_leaves_no_disk(runner, open_session, python, home, capabilities, eventually):
    if "disk (ext4 image)" not in capabilities.enforced:
        pytest.skip("this machine does not mount images")

    def images():
        found = {}
        for path in Path("/sys/block").glob("loop*/loop/backing_file"):
            with contextlib.suppress(OSError):
                found[path.parents[1].name] = path.read_text()
        return found

    session = open_session()
    number = python("import os; print(os.minor(os.stat('.').st_dev))", session=session)
    mine = images()[f"loop{number}"]
    assert str(home) in mine
    runner.run(session.close())

    assert eventually(lambda: mine not in images().values())


def test_a_canceled_start_leaves_nothing(runner, home, capabilities, eventually):
    async def cancel():
        opening = open_sandbox("gone", home=home, network_mode="SANDBOX", capabilities=capabilities)
        task = asyncio.create_task(opening)
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    runner.run(cancel())

    def gone():
        runner.run(asyncio.sleep(0.01))
        return not (home / "sessions/gone").exists()

    assert eventually(gone)
