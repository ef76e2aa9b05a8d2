"""Living on after the end, and attacks on the processes and sockets that a session is run by."""

import os
import signal
import time

import pytest

from interpreter_local.sandbox import sweep

from .tiers import Host

# As code sees it: the parent, where it is no fork of process 1.
AGENT = "os.getppid() if os.getppid() != 1 else 2"


@pytest.mark.holds("full", "rootless", "process")
@pytest.mark.parametrize(
    "command",
    [
        "setsid sleep {0} & sleep 0.3",
        "nohup sleep {0} > /dev/null 2>&1 & disown; sleep 0.3",
        "(setsid sh -c 'setsid sleep {0} & exit' &) ; sleep 0.3",
        "trap '' TERM HUP INT; (trap '' TERM HUP INT; setsid sleep {0}) & sleep 0.3",
    ],
    ids=["own session", "nohup", "forked twice", "deaf"],
)
def test_survivors_of_a_stop(fresh, running, eventually, command):
    """What a command left behind ends with the session: twice forked, deaf to signals, in another session."""
    one = fresh()
    number = 86000 + os.getpid() % 999
    one.shell(command.format(number))
    assert running(f"sleep {number}")

    one.close()

    assert eventually(lambda: not running(f"sleep {number}"))


@pytest.mark.holds("full", "rootless")
def test_survivors_that_hide(fresh, running, eventually):
    """So does a daemon that changed its name, wiped its environment and closed all of its files."""
    one = fresh()
    code = (
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    os.closerange(0, 1000); os.chdir('/'); os.umask(0)\n"
        "    os.execve('/usr/bin/sleep', ['hidden-daemon', '85999'], {})\n"
        "os.wait(); time.sleep(0.2)"
    )
    one.python(code)
    assert running("hidden-daemon 85999")

    one.close()

    assert eventually(lambda: not running("hidden-daemon 85999"))


@pytest.mark.holds("full", "rootless", "process")
def test_a_kill_of_the_endpoint(tier, hosts, running, eventually):
    """When the endpoint is killed, its sessions end, and the next one removes what they left."""
    hosts(tier)
    endpoint = Host(tier)
    number = 84000 + os.getpid() % 999
    sessions = [endpoint.open() for _ in range(3)]
    for session in sessions:
        session.shell(f"setsid sleep {number} & sleep 0.3")
    assert len(running(f"sleep {number}")) >= 3

    endpoint.process.send_signal(signal.SIGKILL)

    assert eventually(lambda: not running(f"sleep {number}"))
    endpoint.process.communicate()
    assert eventually(lambda: sweep(endpoint.home) and not list((endpoint.home / "sessions").iterdir()))
    endpoint.end()


@pytest.mark.holds("full", "rootless", "process")
def test_stopping_the_agent(fresh, running, eventually):
    """A session whose agent was stopped by a signal can be stopped all the same."""
    one = fresh()
    number = 83000 + os.getpid() % 999
    one.shell(f"setsid sleep {number} & sleep 0.2")
    one.run(f"import threading\nthreading.Timer(0.2, os.kill, ({AGENT}, signal.SIGSTOP)).start()")
    time.sleep(0.5)

    one.close()

    assert eventually(lambda: not running(f"sleep {number}"))


@pytest.mark.holds("full", "rootless", "process")
def test_garbage_to_every_open_file(fresh):
    """Writing garbage to whatever is open loses the kernel at most; the session and its agent go on."""
    one = fresh()
    code = (
        "for fd in range(3, 1000):\n"
        "    for garbage in (b'nonsense\\n', b'\\xff' * 5000, b'{\\n', b'[1]\\n'):\n"
        "        try: os.write(fd, garbage)\n"
        "        except OSError: break\n"
        "time.sleep(20)"
    )

    assert one.run(code)["exit_code"] == 137
    assert one.alive


@pytest.mark.holds("full", "rootless", "process")
def test_nested_answers(fresh):
    """An answer that is nested deeper than can be read loses the kernel, at once."""
    one = fresh()
    code = (
        "for fd in range(3, 1000):\n"
        "    try: os.write(fd, b'[' * 60_000 + b'\\n')\n"
        "    except OSError: pass\n"
        "time.sleep(20)"
    )

    assert one.run(code)["exit_code"] == 137
    assert one.alive


@pytest.mark.holds("full", "rootless", "process")
def test_descriptors_for_the_agent(fresh):
    """Descriptors that are sent over the kernel's socket reach nobody."""
    one = fresh()
    code = (
        "import stat\n"
        "sock = lambda fd: outcome(lambda: stat.S_ISSOCK(os.fstat(fd).st_mode)) is True\n"
        "fd = next(filter(sock, range(3, 1000)))\n"
        "talk = socket.socket(fileno=os.dup(fd))\n"
        "for _ in range(50): socket.send_fds(talk, [b'{\"ready\": 1}\\n'], [0] * 20)\n"
        "talk.close()"
    )
    one.run(code)

    assert one.alive
    assert one.alive


@pytest.mark.holds("full", "rootless", "process")
def test_answers_in_place_of_the_kernel(fresh, session):
    """Code that answers in the kernel's place deceives its own session at most."""
    one = fresh()
    code = (
        "for fd in range(3, 1000):\n"
        '    try: os.write(fd, b\'{"ok": true}\\n\' * 3 + b\'{"ok": "?", "id": 7}\\n\')\n'
        "    except OSError: pass\n"
        "1 / 0"
    )
    one.run(code)

    for _ in range(6):
        assert one.run("print('there')").get("exit_code") in (0, 1, 137)
    assert session.alive


@pytest.mark.holds("full", "rootless", "process")
def test_the_end_of_a_session_by_itself(fresh, host, eventually):
    """A session whose processes all killed themselves leaves no folder."""
    one = fresh()
    one.run(f"os.kill({AGENT}, signal.SIGKILL); time.sleep(5)")

    one.close()

    assert not (host.home / "sessions" / one.id).exists()


@pytest.mark.holds("full", "rootless", "process")
def test_modules_for_the_agent(fresh):
    """Modules in the workspace that are named like Python's own are not imported by the agent."""
    one = fresh()
    code = (
        "trap = \"with open('taken', 'a') as file: file.write(open('/proc/self/cmdline').read() + '{}, ')\"\n"
        "for name in sys.stdlib_module_names: write(f'{name}.py', trap.format(name))"
    )
    one.python(code)

    task = one.call("start_command", command="sleep 60")["task_id"]
    one.call("get_task", task_id=task)
    one.call("stop_task", task_id=task)
    one.call("write_files", files=[{"path": "a.bin", "blob": "AP8="}])
    one.call("read_files", paths=["a.bin", "missing"])
    one.call("list_files", path="")
    one.call("execute_command", command="sleep 60", timeout=0.1)
    one.call("no_such_operation")

    assert one.call("read_files", paths=["taken"])["files"] == []
