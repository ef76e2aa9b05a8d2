"""Processes: those of the machine, of other sessions, process 1 and the agent; users and capabilities."""

import os
from pathlib import Path

import pytest


@pytest.mark.holds("full", "rootless")
def test_seeing_processes(session):
    """Only the session's own processes can be seen."""
    pids = session.python("print(*[int(pid) for pid in os.listdir('/proc') if pid.isdigit()])").split()

    assert len(pids) < 20
    assert session.outcome(f"read('/proc/{os.getpid()}/status')") == "ENOENT" or os.getpid() < 1000


@pytest.mark.holds("full", "rootless")
def test_signals_to_a_process_of_the_machine(session):
    """A process of the machine cannot be signalled, nor be had as a pidfd."""
    pid = session.host.process.pid
    assert pid > 500, "this number could be one of the session's own"

    assert session.outcome(f"os.kill({pid}, 0)") == "ESRCH"
    assert session.outcome(f"os.pidfd_open({pid})") == "ESRCH"


@pytest.mark.holds("full", "rootless")
def test_a_signal_to_everybody(fresh, session):
    """kill(-1) reaches the session's own processes only."""
    done = fresh().run("os.kill(-1, signal.SIGKILL)")

    assert done["error"] == "SandboxClosed"
    assert session.alive


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("number", [9, 19, 15, 11])
def test_signals_to_process_1(fresh, session, number):
    """Signals to process 1 do nothing, or end this session and no other."""
    one = fresh()
    done = one.run(f"os.kill(1, {number}); time.sleep(0.3); print('there')")

    assert done.get("stdout") == "there\n" or done.get("error") == "SandboxClosed"
    assert session.alive


@pytest.mark.holds("full", "rootless")
def test_the_end_of_the_agent(fresh, session):
    """A session that kills its agent has ended, and no other."""
    assert fresh().run("os.kill(2, 9)")["error"] == "SandboxClosed"
    assert session.alive


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize(
    "command",
    ["nsenter -t 1 -a id", "unshare -r id", "unshare -m id", "chroot / id", "capsh --print"],
)
def test_programs_for_namespaces(session, command):
    """The usual programs lead into no other namespace and to no other user."""
    code, said = session.shell(command)

    assert code != 0 or "Current: =\n" in said
    assert "uid=0" not in said


@pytest.mark.holds("full", "rootless")
def test_namespaces_of_other_processes(session):
    """Namespaces of process 1 cannot be opened, own ones not be entered, nor their owner be found."""
    assert session.outcome("os.open('/proc/1/ns/net', 0)") in ("EACCES", "EPERM")
    assert session.outcome("os.open('/proc/1/ns/pid_for_children', 0)") in ("EACCES", "EPERM", "ENOENT")
    assert session.python("fd = os.open('/proc/self/ns/net', 0); print(call('setns', fd, 0))") == "EPERM"
    assert session.python("print(call('setns', os.pidfd_open(1), 0x40000000))") == "EPERM"
    # NS_GET_USERNS of the network namespace, NS_GET_PARENT of the own user and process namespace.
    owner = (
        "import fcntl\n"
        "for name, request in (('net', 0xb701), ('user', 0xb702), ('pid', 0xb702)):\n"
        "    print(outcome(lambda: fcntl.ioctl(os.open(f'/proc/self/ns/{name}', 0), request)))"
    )
    assert session.python(owner).split() == ["EPERM"] * 3


@pytest.mark.holds("full", "rootless")
def test_becoming_another_user(session):
    """Nobody else can be become: the user namespace has one user, and no capability is left."""
    assert session.outcome("os.setuid(0)") in ("EINVAL", "EPERM")
    assert session.outcome("os.setgid(0)") in ("EINVAL", "EPERM")
    assert session.outcome("os.setgroups([0])") == "EPERM"
    assert session.outcome("write('/proc/self/uid_map', '0 0 1')") in ("EPERM", "EACCES")
    lines = session.python("print(open('/proc/self/status').read())").splitlines()
    status = dict(line.split(":\t") for line in lines if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert session.python("print(open('/proc/self/uid_map').read().split()[::2])") == "['992', '1']"


@pytest.mark.holds("full", "rootless")
def test_programs_with_file_capabilities_and_from_memory(session):
    """A program from memory is as confined as any other, and nothing brings a capability back."""
    code = (
        "fd = os.memfd_create('program'); os.write(fd, open('/usr/bin/cat', 'rb').read())\n"
        "cat = [f'/proc/self/fd/{fd}', '/proc/self/status']\n"
        "said = subprocess.run(cat, pass_fds=[fd], capture_output=True, text=True).stdout\n"
        "kept = ('CapEff', 'CapBnd', 'Seccomp:')\n"
        "print(*[line.split()[1] for line in said.splitlines() if line.startswith(kept)])"
    )
    assert session.python(code) == "0000000000000000 0000000000000000 2"
    give = "write('x') and os.setxattr('x', 'security.capability', b'\\1\\0\\0\\2' + bytes(16))"
    assert session.outcome(give) in ("EPERM", "EINVAL")


@pytest.mark.holds("full", "rootless")
def test_priorities(session):
    """No priority over others can be taken: nice, real time, input and output."""
    assert session.outcome("os.nice(-5)") in ("EPERM", "EACCES")
    assert session.outcome("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))") == "EPERM"
    assert session.outcome("os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))") == "EPERM"
    assert session.python("print(call('setpriority', 0, 0, -10))") in ("EPERM", "EACCES")
    assert (
        session.python(
            "print(call(251, 1, 0, (1 << 13) | 0))" if os.uname().machine == "x86_64" else "print('EPERM')"
        )
        == "EPERM"
    )


@pytest.mark.holds("full", "rootless")
def test_the_order_of_the_oom_killer(fresh):
    """When the machine runs out of memory, sessions go before the endpoint."""
    scores = fresh().python("for pid in (1, 2, 'self'): print(open(f'/proc/{pid}/oom_score_adj').read())")

    assert min(map(int, scores.split())) >= 300


@pytest.mark.holds("full")
def test_evading_the_oom_killer(fresh, host):
    """No session can change that it goes first, if the endpoint has CAP_SYS_RESOURCE, as root mostly has."""
    capabilities = Path(f"/proc/{host.process.pid}/status").read_text().partition("CapEff:")[2].split()[0]
    if not int(capabilities, 16) & 1 << 24:
        pytest.skip("root has no CAP_SYS_RESOURCE here")
    session = fresh()

    for score in (-1, 0, 299):
        assert session.outcome(f"write('/proc/self/oom_score_adj', '{score}')") == "EACCES"


@pytest.mark.holds("full", "rootless")
@pytest.mark.parametrize("limit", ["CORE", "NOFILE", "RTPRIO", "NICE"])
def test_raising_resource_limits(session, limit):
    """Resource limits cannot be raised."""
    code = (
        f"import resource\nsoft, hard = resource.getrlimit(resource.RLIMIT_{limit})\n"
        f"try: resource.setrlimit(resource.RLIMIT_{limit}, (soft, hard + 1)); print('raised')\n"
        "except (OSError, ValueError) as error: print('kept')"
    )
    assert session.python(code) == "kept"
