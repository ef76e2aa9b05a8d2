"""Given this command, this result: executeCommand and the tasks as recorded from the live service."""

import asyncio
import re
import time
from pathlib import Path

import pytest


def timeless(result):
    result["structuredContent"].pop("executionTime")
    return result


@pytest.mark.parity(
    "Commands run under one terminal: both streams merged, CRLF line ends, not stripped; exit 0 → all of it "
    "is stdout",
    seen="recorded",
    by="agentcore_demo",
)
def test_output_of_a_command_that_succeeds_is_stdout_with_terminal_line_ends(invoke):
    assert timeless(invoke("executeCommand", command="echo hello; echo there >&2")) == {
        "content": [{"type": "text", "text": "hello\r\nthere\r\n"}],
        "structuredContent": {"stdout": "hello\r\nthere\r\n", "stderr": "", "exitCode": 0},
        "isError": False,
    }


@pytest.mark.parity(
    "Another exit code: all output is stderr, stdout is empty, isError true", seen="recorded", by="cwe"
)
@pytest.mark.parity(
    "timeout gives 124 with empty content; SIGKILL gives 137", seen="recorded", by="agentcore_demo"
)
@pytest.mark.parity("A command that is not there: 127 and bash's text", seen="recorded", by="spike")
@pytest.mark.parametrize(
    ("command", "exit_code", "output"),
    [
        ("echo hello; exit 3", 3, "hello\r\n"),
        ("timeout 0.2 sleep 5", 124, ""),
        ("kill -9 $$", 137, ""),
        ("pytest-is-not-here", 127, "/bin/sh: line 1: pytest-is-not-here: command not found\r\n"),
    ],
)
def test_output_of_a_command_that_fails_is_stderr(invoke, command, exit_code, output):
    assert timeless(invoke("executeCommand", command=command)) == {
        "content": [{"type": "text", "text": output}] if output else [],
        "structuredContent": {"stdout": "", "stderr": output, "exitCode": exit_code},
        "isError": True,
    }


@pytest.mark.parity(
    "Each command gets a new shell, in the workspace", seen="recorded", by="aws-agentcore-sandbox"
)
def test_each_command_gets_a_new_shell(invoke):
    invoke("executeCommand", command="cd /tmp; export KEPT=yes")

    result = invoke("executeCommand", command='pwd; echo "[$KEPT]"')

    assert result["structuredContent"]["stdout"] == "/opt/amazon/genesis1p-tools/var\r\n[]\r\n"


def test_commands_write_to_a_terminal_and_read_end_of_file(invoke):
    result = invoke("executeCommand", command="test -t 1 && test -t 2 && cat && echo both")

    assert result["structuredContent"]["stdout"] == "both\r\n"


def test_a_command_returns_although_it_left_a_process_behind(invoke):
    result = invoke("executeCommand", command="setsid sleep 60 & echo started")

    assert result["structuredContent"]["stdout"] == "started\r\n"
    assert result["structuredContent"]["executionTime"] < 30


def test_a_long_command_prints_everything(invoke):
    result = invoke("executeCommand", command="seq 200000")

    lines = result["structuredContent"]["stdout"].split("\r\n")
    assert lines == [*map(str, range(1, 200001)), ""]


def test_a_command_longer_than_a_programs_argument_runs(invoke):
    text = "long " * 60_000

    result = invoke(
        "executeCommand", command=f"cat > long.txt <<'END'\n{text}\nEND\nwc -c < long.txt; cat; echo $0"
    )

    assert result["structuredContent"]["stdout"].split() == [str(len(text) + 1), "/bin/sh"]


def test_a_command_with_a_lone_surrogate_runs_with_a_question_mark(invoke):
    assert invoke("executeCommand", command="echo é\ud800")["structuredContent"]["stdout"] == "é?\r\n"


def test_commands_run_side_by_side(runner, sandbox):
    """Each of them waits for all of the others."""

    async def together():
        meet = "touch {0}; until [ -e 0 ] && [ -e 1 ] && [ -e 2 ]; do sleep 0.01; done; echo {0}"
        calls = (sandbox.call("execute_command", command=meet.format(number)) for number in range(3))
        return await asyncio.wait_for(asyncio.gather(*calls), 30)

    assert [done["output"] for done in runner.run(together())] == ["0\r\n", "1\r\n", "2\r\n"]


FILL = """
import subprocess
def fill():
    try:
        while True: subprocess.Popen(['sleep', '300'], start_new_session=True)
    except OSError: pass
fill()
"""
HOLD = """
import threading
def hold():
    while True: fill()
threading.Thread(target=hold, daemon=True).start()
"""


def test_a_command_that_no_process_is_left_for_has_failed(limited):
    """Unrecorded."""
    invoke = limited(processes=24)
    invoke("executeCode", code=FILL)

    failed = invoke("executeCommand", command="true")

    assert failed["isError"]
    structured = failed["structuredContent"]
    assert (structured["exitCode"], structured["stderr"]) == (
        126,
        "/bin/sh: Resource temporarily unavailable\r\n",
    )


def test_a_task_that_no_process_is_left_for_has_failed(limited):
    """Unrecorded. Now the command is refused, now the thread that would wait for it."""
    invoke = limited(processes=24)
    invoke("executeCode", code=FILL)

    for _ in range(5):
        task = started(invoke, "true")
        failed = ended(invoke, task)
        assert failed["isError"]
        structured = failed["structuredContent"]
        assert (structured["taskStatus"], structured["exitCode"]) == ("failed", 126)
        assert invoke("stopTask", taskId=task)["isError"]


def test_a_session_whose_processes_are_used_up_again_and_again_still_answers(limited):
    invoke = limited(processes=24)
    invoke("executeCode", code=FILL + HOLD)

    assert not any(invoke("listFiles")["isError"] for _ in range(20))


@pytest.mark.skipif(not Path("/etc/services").exists(), reason="this machine names no ports")
def test_ports_have_names(invoke):
    code = "import socket; print(socket.getservbyname('https'), socket.getprotobyname('tcp'))"

    assert invoke("executeCode", code=code)["structuredContent"]["stdout"] == "443 6"


def test_the_sandbox_has_the_libraries_and_the_aws_command(invoke):
    result = invoke("executeCommand", command="aws --version && python -c 'import boto3, numpy, matplotlib'")

    assert result["structuredContent"]["stdout"].startswith("aws-cli/")


def started(invoke, command):
    result = invoke("startCommandExecution", command=command)
    task_id = result["structuredContent"].pop("taskId")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", task_id)
    assert result == {
        "content": [{"type": "text", "text": "Successfully started a command execution task"}],
        "structuredContent": {"taskStatus": "submitted", "stdout": "", "stderr": ""},
        "isError": False,
    }
    return task_id


def ended(invoke, task_id):
    for _ in range(200):
        result = invoke("getTask", taskId=task_id)
        if result["structuredContent"]["taskStatus"] != "working":
            return result
        time.sleep(0.05)
    raise AssertionError("the task did not end")


@pytest.mark.parity(
    "startCommandExecution answers `submitted` with a UUID", seen="recorded", by="agentcore_demo"
)
@pytest.mark.parity(
    "A task that works shows no output: `Task is working`", seen="recorded", by="agentcore_demo"
)
@pytest.mark.parity(
    "stopTask: `Successfully canceled a command execution task`, no structuredContent; the process ends",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity("A canceled task: `Task is canceled`", seen="recorded", by="agentcore_demo")
def test_a_working_task_shows_no_output_and_a_canceled_one_is_gone(invoke):
    task_id = started(invoke, "echo early; setsid sleep 4711 & sleep 4712")

    assert invoke("getTask", taskId=task_id) == {
        "content": [{"type": "text", "text": "Task is working"}],
        "structuredContent": {"taskStatus": "working", "stdout": "", "stderr": ""},
        "isError": False,
    }
    assert invoke("stopTask", taskId=task_id) == {
        "content": [{"type": "text", "text": "Successfully canceled a command execution task"}],
        "isError": False,
    }
    assert invoke("getTask", taskId=task_id) == {
        "content": [{"type": "text", "text": "Task is canceled"}],
        "structuredContent": {"taskStatus": "canceled", "stdout": "", "stderr": ""},
        "isError": False,
    }
    left = invoke("executeCommand", command="cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "sleep 471" not in left["structuredContent"]["stdout"]


def test_a_task_that_ignores_being_asked_is_killed(invoke):
    task_id = started(invoke, "trap '' TERM; while :; do sleep 0.1; done")

    assert not invoke("stopTask", taskId=task_id)["isError"]
    assert invoke("getTask", taskId=task_id)["structuredContent"]["taskStatus"] == "canceled"


@pytest.mark.parity(
    "A completed task has its output, exitCode and executionTime", seen="recorded", by="mcp-server"
)
@pytest.mark.parity(
    "stopTask of a completed task: isError, `Task cannot be canceled (current status: TaskStatus.COMPLETED)`",
    seen="recorded",
    by="mcp-server",
)
@pytest.mark.parity("The text block of a completed task is its output", seen="unrecorded")
def test_a_completed_task_shows_its_output_and_cannot_be_canceled(invoke):
    task_id = started(invoke, "echo finished")

    assert timeless(ended(invoke, task_id)) == {
        "content": [{"type": "text", "text": "finished\r\n"}],
        "structuredContent": {
            "taskStatus": "completed", "stdout": "finished\r\n", "stderr": "", "exitCode": 0,
        },
        "isError": False,
    }  # fmt: skip
    assert invoke("stopTask", taskId=task_id) == {
        "content": [
            {"type": "text", "text": "Task cannot be canceled (current status: TaskStatus.COMPLETED)"}
        ],
        "isError": True,
    }


@pytest.mark.parity(
    "A task that failed: taskStatus failed, output in stderr, isError true", seen="unrecorded"
)
def test_a_failed_task_is_an_error(invoke):
    result = ended(invoke, started(invoke, "echo why; exit 4"))

    structured = result["structuredContent"]
    assert result["isError"]
    assert (structured["taskStatus"], structured["exitCode"]) == ("failed", 4)
    assert (structured["stdout"], structured["stderr"]) == ("", "why\r\n")


def test_a_canceled_or_failed_task_cannot_be_canceled(invoke):
    """By analogy with the recorded text for a completed one."""
    canceled = started(invoke, "sleep 60")
    invoke("stopTask", taskId=canceled)
    failed = started(invoke, "exit 1")
    ended(invoke, failed)

    for task_id, status in ((canceled, "CANCELED"), (failed, "FAILED")):
        assert invoke("stopTask", taskId=task_id) == {
            "content": [
                {"type": "text", "text": f"Task cannot be canceled (current status: TaskStatus.{status})"}
            ],
            "isError": True,
        }


def test_tasks_run_beside_each_other_and_beside_code(invoke):
    first = started(invoke, "sleep 0.3; echo first")
    second = started(invoke, "echo second")

    assert invoke("executeCode", code="6 * 7")["structuredContent"]["stdout"] == "42"
    assert ended(invoke, second)["structuredContent"]["stdout"] == "second\r\n"
    assert ended(invoke, first)["structuredContent"]["stdout"] == "first\r\n"


def test_a_task_keeps_unicode_and_bytes_that_are_none(invoke):
    result = ended(invoke, started(invoke, "printf 'é中🎉\\377\\n'"))

    assert result["structuredContent"]["stdout"] == "é中🎉\ufffd\r\n"


@pytest.mark.parity("An unknown task: isError, `Task not found: …`", seen="unrecorded")
@pytest.mark.parametrize("tool", ["getTask", "stopTask"])
def test_an_unknown_task_is_an_error(invoke, tool):
    assert invoke(tool, taskId="none")["isError"]
