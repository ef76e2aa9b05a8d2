"""Clients as processes of their own."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def endpoint_variables(variables: dict[str, str]) -> dict[str, str]:
    """The whole environment of a process that talks to the endpoint."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **variables}


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
