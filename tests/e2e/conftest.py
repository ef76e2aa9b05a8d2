"""One local endpoint for the tests of this folder, started and ended as a person does it."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".venv/bin/interpreter-local"


@pytest.fixture(scope="session")
def endpoint_variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment that `interpreter-local env` makes, for processes that talk to the endpoint."""
    home = tmp_path_factory.mktemp("endpoint")
    subprocess.run([LOCAL, "up", "--home", home, "--port", "0"], check=True, timeout=120)
    try:
        printed = subprocess.run(
            [LOCAL, "env", "--home", home], check=True, capture_output=True, text=True, timeout=30
        ).stdout
        exports = (
            shlex.split(line.removeprefix("export "))
            for line in printed.splitlines()
            if line.startswith("export ")
        )
        variables = dict(words[0].split("=", 1) for words in exports)
        yield {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **variables}
    finally:
        subprocess.run([LOCAL, "down", "--home", home], check=True, timeout=60)


@pytest.fixture(scope="session")
def aws_cli(endpoint_variables: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """Call the AWS CLI, which the sessions' environment has; gives the JSON that it prints."""

    def call(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [ROOT / ".venv-sandbox/bin/aws", *arguments, "--output", "json"],
            env=endpoint_variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout or "{}"))

    return call
