"""Other people's clients as they are published, each in a process of its own environment."""

import json
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / ".venv-clients"
WORKER = Path(__file__).parent / "worker.py"


@pytest.fixture(scope="session")
def client_python(process_environment, tmp_path_factory):
    """`client_python("result = 6 * 7")` → 42: runs code where the clients are installed; imports stay loaded.

    Values given by name are variables there. What the code raises fails the test.
    """
    log = tmp_path_factory.mktemp("clients") / "log"
    argv = [CLIENTS / "bin/python", WORKER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        log.open("w") as errors,
        subprocess.Popen(argv, env=process_environment, stderr=errors, **pipes) as process,
    ):

        def run(code, **values):
            process.stdin.write(json.dumps([textwrap.dedent(code), values]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, f"the client's process ended: {log.read_text()[-2000:]}"
            answer = json.loads(line)
            assert "error" not in answer, answer["error"]
            return answer["result"]

        yield run
    assert process.returncode == 0, log.read_text()[-2000:]


@pytest.fixture(scope="session")
def client_node(process_environment):
    """`client_node("result = 6 * 7")` → 42: runs an ES module where the npm clients are installed."""
    environment = {**process_environment, "NODE_NO_WARNINGS": "1"}

    def run(code):
        program = (
            f"let result;\n{textwrap.dedent(code)}\nprocess.stdout.write(JSON.stringify(result ?? null));"
        )
        done = subprocess.run(
            [ROOT / ".venv/bin/node", "--input-type=module", "--eval", program],
            cwd=CLIENTS / "node",
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def aws_cli(process_environment):
    """Calls the AWS CLI, which the sessions' environment has; gives the JSON that it prints."""

    def call(*arguments):
        done = subprocess.run(
            [ROOT / ".venv-sandbox/bin/aws", *arguments, "--output", "json"],
            env=process_environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout or "{}"))

    return call
