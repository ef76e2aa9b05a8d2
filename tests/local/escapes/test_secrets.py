"""What the endpoint knows: environment, command lines, memory and open files, through every route."""

import pytest

from .tiers import SECRET

NOT_FOUND = ("EACCES", "EPERM", "ENOENT")


@pytest.mark.holds("full", "rootless", "process")
def test_the_environment_of_code_and_commands(session):
    """Nothing of the endpoint's environment is in that of code or commands, and no credentials."""
    names = set(session.python("print(*os.environ)").split())

    assert SECRET not in session.python("print(dict(os.environ))")
    assert SECRET not in session.shell("env; cat /proc/self/environ")[1]
    assert not [name for name in names if name.startswith(("AWS_", "PYTHON_HOME"))]


@pytest.mark.holds("full", "rootless")
def test_the_environment_of_other_processes(session):
    """Nothing of the endpoint's environment is in that of any process, and process 1's cannot be read."""
    everything = (
        "for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/task/*/environ'):\n"
        "    print(outcome(lambda: open(path, 'rb').read()))"
    )

    assert SECRET not in session.python(everything)
    for pid in (1, 2):
        assert session.outcome(f"read('/proc/{pid}/environ')") in NOT_FOUND


@pytest.mark.holds("full", "rootless")
def test_command_lines(session, host):
    """Command lines name neither the endpoint's folder nor anything of its environment."""
    lines = session.python(
        "for path in glob.glob('/proc/[0-9]*/cmdline'): print(outcome(lambda: read(path)))"
    )

    assert str(host.home) not in lines
    assert SECRET not in lines


@pytest.mark.holds("full", "rootless", "process")
def test_memory_of_the_agent(session):
    """The memory of the process that talks to the endpoint cannot be read, written or traced."""
    agent = 2 if session.host.found["tier"] != "process" else int(session.python("print(os.getppid())"))

    for mode in ("rb", "r+b"):
        assert session.outcome(f"open('/proc/{agent}/mem', '{mode}')") in NOT_FOUND
    for request in (16, 0x4206):
        assert session.python(f"print(call('ptrace', {request}, {agent}, 0, 0))") == "EPERM"
    assert session.python(f"print(call('process_vm_readv', {agent}, 0, 0, 0, 0, 0))") in ("EPERM", "done")
    assert (
        session.outcome(f"os.listdir('/proc/{agent}/fd') and os.readlink('/proc/{agent}/fd/0')") in NOT_FOUND
    )


@pytest.mark.holds("full", "rootless")
def test_memory_that_a_session_is_forked_from(fresh, host):
    """The memory that sessions share holds nothing of the endpoint, and nothing of other sessions."""
    other = fresh()
    other.python("token = 'the-other' + 's-token'")
    names = {
        "secret": SECRET,
        "home": str(host.home),
        "id": f'"session": "{other.id}"',
        "token": "the-others-token",
    }
    names["control"] = "what-is-surely-there"
    # In halves, so that the search does not find itself.
    halves = {name: (text[: len(text) // 2], text[len(text) // 2 :]) for name, text in names.items()}
    search = (
        f"wanted = {halves}\n"
        "control = ''.join(wanted['control'])\n"
        "found = set()\n"
        "for line in open('/proc/self/maps'):\n"
        "    span, rights, *_ = line.split()\n"
        "    if rights[0] == '-' or '[v' in line: continue\n"
        "    start, end = (int(at, 16) for at in span.split('-'))\n"
        "    with open('/proc/self/mem', 'rb', 0) as memory:\n"
        "        memory.seek(start); data = memory.read(end - start)\n"
        "    for name, (head, tail) in wanted.items():\n"
        "        for part in data.split(head.encode())[1:]:\n"
        "            if part[:len(tail)] == tail.encode(): found.add(name)\n"
        "    del data\n"
        "print(*found)"
    )

    assert fresh().python(search) == "control"


@pytest.mark.holds("full", "rootless")
def test_open_files_that_a_kernel_inherits(fresh):
    """A kernel has its three streams and one socket to the agent, and nothing else that is open."""
    opened = fresh().python(
        "print(*sorted(outcome(lambda: os.readlink(f'/proc/self/fd/{fd}')).split(':')[0]"
        " for fd in os.listdir('/proc/self/fd')))"
    )
    assert opened.split() == ["/dev/null", "ENOENT", "pipe", "pipe", "socket"]


@pytest.mark.holds("full", "rootless")
def test_open_files_that_a_command_inherits(session):
    """A command has the null device and its terminal, and nothing else that is open."""
    opened = session.shell("for fd in /proc/self/fd/*; do readlink $fd; done | sed s,[0-9].*,, | sort -u")[1]

    assert set(opened.split()) <= {"/dev/null", "/dev/pts/", "pipe:["}


@pytest.mark.holds("full", "rootless")
def test_memory_that_others_could_write(session):
    """No mapping of a kernel is shared and writable: nothing that it writes is seen elsewhere."""
    rights = session.python("print(*[line.split()[1] for line in open('/proc/self/maps')])").split()

    assert {right for right in rights if right[1] == "w"} == {"rw-p"}


@pytest.mark.holds("full", "rootless")
def test_random_numbers(fresh):
    """Two sessions do not get the same random numbers, though one process was the origin of both."""
    code = (
        "import random, secrets, uuid, numpy\n"
        "print(random.random(), secrets.token_hex(), uuid.uuid4())\n"
        "print(numpy.random.rand(), numpy.random.default_rng().random())"
    )
    one, other = (set(fresh().python(code).split()) for _ in range(2))

    assert not one & other
