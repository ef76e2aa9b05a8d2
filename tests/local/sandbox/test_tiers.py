"""What the probe says of a machine, and the tiers that this one is not."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from interpreter_local.sandbox import Capabilities, SandboxUnavailable, capabilities, probe
from interpreter_local.sandbox.capabilities import NOT_YET
from interpreter_local.sandbox.cgroups import hierarchies
from interpreter_local.sandbox.seccomp import program

ROOT = Path(__file__).parents[3]


@pytest.fixture
def process_tier():
    python = ROOT / ".venv-sandbox/bin/python"
    if not python.exists():
        pytest.skip(".venv-sandbox is missing: run `make setup`")
    return Capabilities("process", (), (), python)


def test_the_probe_names_what_is_enforced_and_what_is_missing(capabilities):
    assert capabilities.tier in ("full", "rootless", "process")
    assert not set(capabilities.enforced) & set(capabilities.missing)
    assert set(NOT_YET) <= set(capabilities.missing)
    assert capabilities.sandbox_python.exists()


def test_without_isolation_sessions_are_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(capabilities, "_isolation_problem", lambda home, python: "no user namespaces")
    monkeypatch.delenv("ALLOW_UNSANDBOXED", raising=False)

    with pytest.raises(
        SandboxUnavailable, match=r"isolated here \(no user namespaces\); ALLOW_UNSANDBOXED=1"
    ):
        probe(tmp_path)


def test_without_isolation_the_process_tier_must_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(capabilities, "_isolation_problem", lambda home, python: "no user namespaces")
    monkeypatch.setenv("ALLOW_UNSANDBOXED", "1")

    found = probe(tmp_path)

    assert (found.tier, found.enforced) == ("process", ())
    assert {"namespaces", "system call filter", "memory", "disk"} <= set(found.missing)


def test_the_process_tier_answers_the_same_and_ends_what_it_started(
    runner, open_session, process_tier, processes_with, eventually, monkeypatch
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "host-secret")
    session = open_session(capabilities=process_tier)

    done = runner.run(
        session.call("execute_code", code="import os; print('AWS_SECRET_ACCESS_KEY' in os.environ)")
    )
    assert (done["stdout"], done["exit_code"]) == ("False\n", 0)
    runner.run(session.call("write_files", files=[{"path": "a", "text": "x"}]))
    assert runner.run(session.call("execute_command", command="cat a"))["output"] == "x"
    runner.run(session.call("execute_command", command="setsid sh -c 'setsid sleep 86395 &' & sleep 0.2"))
    assert processes_with("sleep 86395")

    runner.run(session.close())

    assert eventually(lambda: not processes_with("sleep 86395"))


UNPRIVILEGED = """
import asyncio, sys
from pathlib import Path
from interpreter_local.sandbox import Limits, open_sandbox, probe, sweep

CODE = '''
import errno, os
def outcome(path):
    try: return open(path).read()
    except OSError as error: return errno.errorcode[error.errno]
print(outcome('/etc/shadow'), os.getuid(), outcome('/proc/1/environ'))
'''

async def main(home):
    found = probe(home)
    print(found.tier, found.enforced)
    limits = Limits(memory_bytes=512 * 1024**2, processes=256)
    one, two = [await open_sandbox(i, home=home, network_mode="SANDBOX", capabilities=found, limits=limits)
                for i in ("one", "two")]
    print((await one.call("execute_code", code=CODE))["stdout"], end="")
    print((await two.call("execute_code", code="b'x' * 900_000_000"))["stderr"].strip().splitlines()[-1])
    await one.call("execute_command", command="mkdir -p shut/x; chmod 000 shut")
    await one.close()
    await two.close()
    print(sorted((home / "sessions").iterdir()), sweep(home))

asyncio.run(main(Path(sys.argv[1])))
"""
# A user who may look into the folders of this checkout and of its Python, as the owner of a laptop may.
AS_ANYBODY = """
set -eu
case "$PYTHON_HOME" in /root/*)
    mount --bind "$PYTHON_HOME" /mnt
    mount -t tmpfs -o mode=0755 home /root
    mkdir -p "$PYTHON_HOME"
    mount --bind /mnt "$PYTHON_HOME";;
esac
exec setpriv --reuid 54321 --regid 54321 --clear-groups "$@"
"""


def test_the_rootless_tier_isolates_and_limits_memory(tmp_path):
    """The endpoint runs under an ordinary user."""
    if sys.platform != "linux":
        pytest.skip("no sandbox for this platform")
    command = [sys.executable, "-c", UNPRIVILEGED, str(tmp_path / "home")]
    if os.geteuid() == 0:
        if str(ROOT).startswith("/root/"):
            pytest.skip("another user cannot read this checkout")
        home = tmp_path / "home"
        home.mkdir()
        os.chown(home, 54321, 54321)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
                folder.chmod(0o711)
        command = ["unshare", "--mount", "sh", "-c", AS_ANYBODY, "sh", *command]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHON_HOME": sys.base_prefix},
        capture_output=True,
        text=True,
        check=False,
    )
    if "cannot be isolated here" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])

    tier, shadow, memory, left = done.stdout.splitlines() or pytest.fail(done.stderr)
    assert tier.startswith("rootless ('namespaces', 'system call filter', 'memory (rlimit, per process)'")
    assert shadow == "ENOENT 992 EACCES"
    assert memory.startswith("MemoryError")
    assert left == "[] 0"


def test_control_groups_of_version_2_are_found_where_controllers_are_passed_on(tmp_path):
    """A group that has processes cannot pass controllers on, so its parent takes the sessions."""
    mount = tmp_path / "cgroup"
    own = mount / "user" / "terminal"
    own.mkdir(parents=True)
    for folder, passed_on in ((mount, "cpu memory pids"), (mount / "user", "memory pids"), (own, "")):
        (folder / "cgroup.subtree_control").write_text(passed_on)
    (tmp_path / "self").write_text("0::/user/terminal\n")
    (tmp_path / "mounts").write_text(f"30 20 0:26 / {mount} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n")

    (found,) = hierarchies(str(tmp_path / "self"), str(tmp_path / "mounts"))

    assert (found.folder, found.controllers, found.version) == (mount / "user", ("memory", "pids"), 2)


def test_control_groups_of_version_1_are_found_by_controller(tmp_path):
    (tmp_path / "self").write_text("4:memory:/a\n3:cpu,cpuacct:/b\n2:freezer:/\n0::/\n")
    (tmp_path / "mounts").write_text(
        "31 20 0:27 / /cg/memory rw - cgroup cgroup rw,memory\n"
        "32 20 0:28 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 20 0:29 / /cg/freezer rw - cgroup cgroup rw,freezer\n"
    )

    found = hierarchies(str(tmp_path / "self"), str(tmp_path / "mounts"))

    assert [(str(h.folder), h.controllers, h.version) for h in found] == [
        ("/cg/memory/a", ("memory",), 1),
        ("/cg/cpu/b", ("cpu",), 1),
    ]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_whole_instructions_for_each_processor(machine):
    assert len(program(machine)) % 8 == 0


def test_there_is_no_filter_for_an_unknown_processor():
    with pytest.raises(ValueError, match="no system call filter for s390x, only for"):
        program("s390x")
