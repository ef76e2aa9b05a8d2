"""What a session may use, with limits small enough to reach them."""

import pytest

from interpreter_local.sandbox import Limits

MIB = 1024**2


@pytest.fixture
def needs(capabilities):
    def check(*labels):
        for label in labels:
            if label not in capabilities.enforced:
                pytest.skip(f"this machine does not enforce: {label}")

    return check


def test_a_kernel_that_uses_too_much_memory_dies_and_the_session_lives(runner, open_session, needs):
    needs("memory (cgroup)")
    session = open_session(limits=Limits(memory_bytes=256 * MIB))

    done = runner.run(session.call("execute_code", code="data = b'x' * 500_000_000"))

    assert done["exit_code"] == 137
    assert "SIGKILL" in done["stderr"]
    again = runner.run(session.call("execute_code", code="print('alive')"))
    assert again["stdout"] == "alive\n"


def test_a_command_that_uses_too_much_memory_is_killed(runner, open_session, needs):
    needs("memory (cgroup)")
    session = open_session(limits=Limits(memory_bytes=256 * MIB))

    done = runner.run(session.call("execute_command", command="python -c \"x = b'x' * 500_000_000\""))

    assert done["exit_code"] == 137


def test_processes_are_bounded(runner, open_session, needs):
    needs("pids (cgroup)")
    session = open_session(limits=Limits(processes=64))
    code = (
        "import os, time\n"
        "n = 0\n"
        "try:\n"
        "    while n < 500:\n"
        "        if os.fork() == 0: time.sleep(60); os._exit(0)\n"
        "        n += 1\n"
        "except OSError as error: print(n < 64, error.strerror)\n"
    )

    done = runner.run(session.call("execute_code", code=code))

    assert done["stdout"] == "True Resource temporarily unavailable\n"


def test_the_disk_is_bounded_and_says_so(runner, open_session, needs):
    needs("disk (ext4 image)")
    session = open_session(limits=Limits(disk_bytes=64_000_000))

    assert (
        runner.run(session.call("execute_command", command="head -c 50000000 /dev/zero > a"))["exit_code"]
        == 0
    )
    full = runner.run(session.call("execute_command", command="head -c 50000000 /dev/zero > /tmp/b"))

    assert "No space left on device" in full["output"]
    written = runner.run(session.call("write_files", files=[{"path": "c", "text": "x" * 30_000_000}]))
    assert written["failed"][0]["reason"] == "No space left on device"


def test_the_shared_memory_is_bounded(runner, open_session):
    session = open_session()

    done = runner.run(session.call("execute_command", command="head -c 100000000 /dev/zero > /dev/shm/a"))

    assert "No space left on device" in done["output"]


def test_the_cpu_time_is_bounded(runner, open_session, needs):
    """Two busy processes under one CPU get at most their share of a second, give or take a period."""
    needs("cpu (cgroup)")
    session = open_session(limits=Limits(vcpu=1))
    code = (
        "import os, time\n"
        "def busy(end):\n    while time.time() < end: pass\n"
        "end = time.time() + 1.5\n"
        "child = os.fork()\n"
        "busy(end)\n"
        "if child == 0: os._exit(0)\n"
        "os.wait(); t = os.times(); print(t.user + t.system + t.children_user + t.children_system)"
    )
    before = "import os; t = os.times(); print(t.user + t.system)"

    base = float(runner.run(session.call("execute_code", code=before))["stdout"])
    used = float(runner.run(session.call("execute_code", code=code))["stdout"]) - base

    assert used < 2.2
