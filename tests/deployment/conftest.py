"""CDK apps of the tests' own, deployed by the real cdk CLI at the endpoint."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture(scope="session")
def cdk_environment(variables: dict[str, str], tmp_path_factory) -> dict[str, str]:
    """The whole environment of a cdk CLI that talks to the endpoint, whose account is bootstrapped."""
    path = f"{ROOT / '.venv/bin'}{os.pathsep}{ROOT / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment = {**kept, **variables, "PATH": path, "CDK_VALIDATION": "false"}
    done = subprocess.run(
        # In a folder without an app: next to one it is synthesized, by one CLI at a time.
        ["cdk", "bootstrap", f"aws://{ACCOUNT}/{REGION}"],
        cwd=tmp_path_factory.mktemp("bootstrap"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return environment


@pytest.fixture
def deploy(cdk_environment, tmp_path) -> Callable[..., tuple[int, str]]:
    """`deploy(app)` runs `cdk deploy --all` of this app's text: exit status and what it printed."""
    deployed = []

    def run(app: str) -> tuple[int, str]:
        (tmp_path / "app.py").write_text(app)
        deployed.append(app)
        done = cdk("deploy", "--all", "--require-approval", "never", "--progress", "events")
        return done.returncode, done.stdout + done.stderr

    def cdk(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["cdk", *arguments, "--app", f"python3 {tmp_path / 'app.py'}"],
            cwd=tmp_path,
            env=cdk_environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    yield run
    if deployed:
        done = cdk("destroy", "--all", "--force")
        assert done.returncode == 0, done.stdout + done.stderr
