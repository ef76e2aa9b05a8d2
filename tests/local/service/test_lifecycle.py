"""interpreter-local as a person uses it: up, down, status, env, run; and what happens when it is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from interpreter_local import home as homes

ROOT = Path(__file__).parents[3]
LOCAL = ROOT / ".venv/bin/interpreter-local"


@pytest.fixture
def local(tmp_path):
    """`local("up", …)` → the finished process; whatever still runs in the folder is stopped afterwards."""

    def call(command, *arguments, **options):
        argv = [LOCAL, command, "--home", tmp_path, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, **options)

    yield call
    call("down")


def processes_of(folder):
    """The processes of this machine that name a folder in their command line or work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and int(entry.name) != os.getpid():
            found.append(line.replace("\0", " "))
    return found


def gone(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not condition()


def test_up_status_env_down(local, tmp_path):
    assert local("status").returncode == 1
    assert local("env").returncode == 1
    up = local("up", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert local("up").stdout.startswith("runs already: https://127.0.0.1:")

    status = local("status")
    assert status.returncode == 0
    assert "sandbox tier" in status.stdout
    assert "missing       AWS services that would act outside" in status.stdout
    printed = local("env", env={**os.environ, "AWS_PROFILE": "somebody"}).stdout
    assert "unset AWS_PROFILE\n" in printed
    assert "export AWS_ENDPOINT_URL=https://127.0.0.1:" in printed

    assert local("down").returncode == 0
    assert local("status").returncode == 1
    assert local("down").stdout == "nothing runs\n"
    assert processes_of(tmp_path) == []


def test_the_keys_of_the_shell_in_which_it_is_started_are_unknown_to_it(local, tmp_path):
    keys = {"AWS_ACCESS_KEY_ID": "AKIAOFANOTHERACCOUNT", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert local("up", "--port", "0", env={**os.environ, **keys}).returncode == 0
    found = homes.Endpoint.read(tmp_path)
    s3 = boto3.client(
        "s3",
        endpoint_url=found.url,
        verify=found.authority,
        region_name="us-east-1",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )

    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.list_buckets()


def test_run_gives_the_commands_status_and_stops_what_it_started(local, tmp_path):
    done = local("run", "--port", "0", "--", "sh", "-c", "echo $AWS_ENDPOINT_URL; exit 7")

    assert done.returncode == 7
    assert done.stdout.startswith("https://127.0.0.1:")
    assert not homes.running(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"lock", "log", "tls", "disks", "sessions"}


@pytest.mark.parametrize(("command", "status"), [(["/no/such/command"], 127), (["/etc/passwd"], 126)])
def test_a_command_that_cannot_run_is_named(local, command, status):
    done = local("run", "--port", "0", "--", *command)

    assert done.returncode == status
    assert done.stderr.startswith(f"interpreter-local: cannot run {command[0]}: ")


def test_run_uses_the_endpoint_that_runs(local, tmp_path):
    local("up", "--port", "0")

    done = local("run", "--", "true")

    assert done.returncode == 0
    assert homes.running(tmp_path)


def test_a_port_in_use_is_one_clear_message(local):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = local("up", "--port", str(port))

    assert done.returncode == 3
    assert done.stderr == (
        f"interpreter-local: cannot listen on 127.0.0.1:{port}: [Errno 98] Address already in use; "
        "choose another port with --port, 0 takes a free one\n"
    )


@pytest.mark.parametrize("arguments", [["run"], ["up", "--port", "http"], ["sideways"]])
def test_wrong_usage_exits_2(arguments):
    done = subprocess.run([LOCAL, *arguments], capture_output=True, text=True)

    assert done.returncode == 2
    assert "usage: interpreter-local" in done.stderr


START = """
import boto3, os, sys
data = boto3.client("bedrock-agentcore")
one = {"codeInterpreterIdentifier": "aws.codeinterpreter.v1"}
one["sessionId"] = data.start_code_interpreter_session(**one)["sessionId"]
arguments = {"language": "python", "code": "print(1)"}
list(data.invoke_code_interpreter(**one, name="executeCode", arguments=arguments)["stream"])
print(one["sessionId"], flush=True)
"""


def test_a_killed_endpoint_takes_its_sessions_along_and_the_next_one_starts_clean(local, tmp_path):
    local("up", "--port", "0")
    started = local("run", "--", sys.executable, "-c", START)
    assert started.returncode == 0, started.stderr
    assert list((tmp_path / "sessions").iterdir())
    pid = json.loads((tmp_path / "endpoint.json").read_text())["pid"]

    os.kill(pid, signal.SIGKILL)

    assert gone(lambda: homes.running(tmp_path))
    assert gone(lambda: processes_of(started.stdout.strip()))
    assert local("status").returncode == 1
    again = local("up", "--port", "0")
    assert again.returncode == 0, again.stderr
    assert list((tmp_path / "sessions").iterdir()) == []


def test_a_killed_run_takes_its_endpoint_along(local, tmp_path):
    argv = [LOCAL, "run", "--home", tmp_path, "--port", "0", "--", "sh", "-c", "echo up; exec sleep 60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stdout.readline() == "up\n"
        run.kill()
        os.killpg(run.pid, signal.SIGKILL)

    assert gone(lambda: homes.running(tmp_path))


def test_ctrl_c_reaches_the_command_and_then_stops_the_endpoint(local, tmp_path):
    argv = [LOCAL, "run", "--home", tmp_path, "--port", "0", "--", "sh", "-c", "echo up; exec sleep 60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stdout.readline() == "up\n"
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(30) == 130

    assert not homes.running(tmp_path)


def test_whoever_waits_for_a_session_is_told_when_the_endpoint_goes_down(local, tmp_path):
    """Given a call that runs and a client that keeps its connection, the one is answered before the end."""
    assert local("up", "--port", "0").returncode == 0
    settings = homes.variables(tmp_path, homes.Endpoint.read(tmp_path))
    data = boto3.client(
        "bedrock-agentcore",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        verify=settings["AWS_CA_BUNDLE"],
        region_name="us-east-1",
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
    )
    managed = {"codeInterpreterIdentifier": "aws.codeinterpreter.v1"}
    session = data.start_code_interpreter_session(**managed)["sessionId"]
    code = {"language": "python", "code": "open('begun', 'w'); import time; time.sleep(60)"}
    begun = {"command": "until [ -e begun ]; do sleep 0.01; done"}
    with ThreadPoolExecutor() as threads:
        call = {**managed, "sessionId": session}
        waiting = threads.submit(data.invoke_code_interpreter, **call, name="executeCode", arguments=code)
        list(data.invoke_code_interpreter(**call, name="executeCommand", arguments=begun)["stream"])
        assert local("down").returncode == 0

        with pytest.raises(
            data.exceptions.ConflictException, match="ended before the request could complete"
        ):
            waiting.result(30)
    assert (tmp_path / "log").read_text() == ""


def test_ministack_is_looked_at_before_it_is_used():
    """The adapter names what a version of MiniStack lacks."""
    program = """
from interpreter_local.ministack import compatible
compatible.check()
del compatible.iam_evaluator.enforce
compatible.gateway.detect_service = lambda method: None
try:
    compatible.check()
except compatible.IncompatibleError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "AUTH": "true"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "ministack.app.detect_service has no parameter path, headers, query_params" in done.stdout
    assert "ministack.core.iam_evaluator.enforce is missing" in done.stdout
