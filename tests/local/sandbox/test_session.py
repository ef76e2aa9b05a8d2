"""One sandbox from its opening to its end, also when things go wrong."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interpreter_local.sandbox import CallError, SandboxClosed, open_sandbox, sweep
from interpreter_local.sandbox.cgroups import hierarchies
from interpreter_local.sandbox.folders import group_name


def groups_of(home, session_id):
    name = group_name(home, session_id)
    return [h.folder / name for h in hierarchies() if (h.folder / name).exists()]


def test_close_leaves_no_process_folder_or_group(runner, open_session, home, processes_with, eventually):
    """Not even of a process that went into a session of its own, twice forked, deaf to signals."""
    session = open_session()
    command = "trap '' TERM HUP; setsid sh -c 'setsid sleep 86399 & setsid sleep 86398 & wait' & sleep 0.3"
    runner.run(session.call("execute_command", command=command))
    assert len(processes_with("sleep 8639")) >= 2

    runner.run(session.close())

    assert eventually(lambda: not processes_with("sleep 8639"))
    assert not list((home / "sessions").iterdir())
    assert groups_of(home, session.session_id) == []


def test_close_may_be_called_again_and_at_the_same_time(runner, open_session):
    session = open_session()

    async def twice():
        await asyncio.gather(session.close(), session.close())
        await session.close()

    runner.run(twice())

    assert session.closed


def test_a_closed_sandbox_takes_no_calls(runner, open_session):
    session = open_session()
    runner.run(session.close())

    with pytest.raises(SandboxClosed):
        runner.run(session.call("list_files", path=""))


def test_a_call_that_runs_while_the_sandbox_closes_is_told_so(runner, open_session):
    session = open_session()

    async def close_meanwhile():
        call = asyncio.create_task(session.call("execute_command", command="sleep 60"))
        await asyncio.sleep(0.1)
        await session.close()
        await call

    with pytest.raises(SandboxClosed):
        runner.run(close_meanwhile())


def test_a_sandbox_whose_agent_was_killed_is_closed(runner, open_session, isolated):
    session = open_session()
    code = "import os; os.kill(2, 9)"

    with pytest.raises(SandboxClosed):
        runner.run(session.call("execute_code", code=code))

    assert session.closed


def test_calls_overlap_but_code_waits_for_code(runner, open_session):
    session = open_session()
    order = []

    async def call(name, op, **params):
        await session.call(op, **params)
        order.append(name)

    async def overlapping():
        first = asyncio.create_task(
            call("code 1", "execute_code", code="import time; time.sleep(0.6); shared = 1")
        )
        await asyncio.sleep(0.1)
        await asyncio.gather(
            call("code 2", "execute_code", code="assert shared == 1"),
            call("files", "read_files", paths=["x"]),
            call("command", "execute_command", command="true"),
            first,
        )

    runner.run(overlapping())

    assert order == ["files", "command", "code 1", "code 2"]


def test_a_canceled_call_does_not_disturb_the_next_ones(runner, open_session):
    session = open_session()

    async def cancel_some():
        big = [{"path": "big", "text": "x" * 20_000_000}]
        for op, params in [
            ("write_files", {"files": big}),
            ("execute_command", {"command": "sleep 0.2"}),
        ] * 3:
            task = asyncio.create_task(session.call(op, **params))
            await asyncio.sleep(0.001)
            task.cancel()
        return await session.call("execute_command", command="echo in step")

    assert runner.run(cancel_some())["output"] == "in step\r\n"


def test_code_that_takes_too_long_is_interrupted_and_its_variables_stay(runner, open_session):
    session = open_session()
    runner.run(session.call("execute_code", code="kept = 1"))

    done = runner.run(session.call("execute_code", code="while True: pass", timeout=0.3))

    assert done["exit_code"] == 124
    assert "The execution was ended after 0.3 seconds" in done["stderr"]
    assert runner.run(session.call("execute_code", code="print(kept)"))["stdout"] == "1\n"


def test_code_that_ignores_the_interrupt_is_killed(runner, open_session):
    session = open_session()
    code = "import signal; signal.signal(2, signal.SIG_IGN)\nwhile True: pass"

    done = runner.run(session.call("execute_code", code=code, timeout=0.3))

    assert done["exit_code"] == 124
    assert "it was restarted and its variables are lost" in done["stderr"]
    assert runner.run(session.call("execute_code", code="print(1)"))["stdout"] == "1\n"


def test_a_command_that_takes_too_long_is_ended_with_its_children(runner, open_session, processes_with):
    session = open_session()

    done = runner.run(session.call("execute_command", command="sleep 86397 & sleep 86397", timeout=0.3))

    assert done["exit_code"] == 124
    assert processes_with("sleep 86397") == []


def test_an_operation_that_does_not_exist_is_an_error_and_not_the_end(runner, open_session):
    session = open_session()

    with pytest.raises(CallError, match="KeyError"):
        runner.run(session.call("format_disk"))

    assert not session.closed


def test_code_that_speaks_on_the_kernels_socket_only_loses_its_kernel(runner, open_session):
    session = open_session()
    code = (
        "import os, socket, stat\n"
        "for fd in range(3, 50):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, b'nonsense\\n')\n"
        "    except OSError: pass\n"
        "import time; time.sleep(30)"
    )

    assert runner.run(session.call("execute_code", code=code))["exit_code"] == 137
    assert runner.run(session.call("execute_code", code="print(1)"))["stdout"] == "1\n"


@pytest.mark.parametrize("session_id", ["", "../x", "a/b", "a" * 65])
def test_an_id_that_is_no_folder_name_is_refused(runner, home, capabilities, session_id):
    opening = open_sandbox(session_id, home=home, network_mode="SANDBOX", capabilities=capabilities)

    with pytest.raises(ValueError, match="session id"):
        runner.run(opening)


KILLED = """
import asyncio, sys
from pathlib import Path
from interpreter_local.sandbox import open_sandbox, probe

async def main(home):
    sandbox = await open_sandbox("left", home=home, network_mode="SANDBOX", capabilities=probe(home))
    await sandbox.call("start_command", command="setsid sleep 86396")
    print("open", flush=True)
    await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_killed_endpoint_leaves_no_process_and_the_next_one_sweeps(
    tmp_path, capabilities, processes_with, eventually
):
    with subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE) as endpoint:
        assert endpoint.stdout.readline() == b"open\n"
        assert sweep(tmp_path) == 0
        os.kill(endpoint.pid, signal.SIGKILL)

    assert eventually(lambda: not processes_with("sleep 86396"))
    assert sweep(tmp_path) == 1
    assert list((tmp_path / "sessions").iterdir()) == []
    assert groups_of(tmp_path, "left") == []
    assert sweep(tmp_path) == 0
    if "disk (ext4 image)" in capabilities.enforced:
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
