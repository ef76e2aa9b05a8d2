"""The whole road with the real cdk CLI: `make demo`, and a fleet that changes after it was deployed."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = f"{ROOT / '.venv/bin'}{os.pathsep}{ROOT / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}"

FLEET = """
fleet: road
bucket: {{retain: false}}
interpreters:
  one:
    description: {description}
    storage: {{access: read}}
"""


@pytest.mark.slow
def test_the_demo_ends_with_the_verdict_table_and_nothing_left():
    done = subprocess.run(
        ["make", "--no-print-directory", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=600
    )

    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout.partition("== what was proved")[2]
    for name, mode, prefix in (
        ("analytics", "SANDBOX", r"analytics/ \(read-write\)"),
        ("reports", "SANDBOX", r"reports/ \(read\)"),
        ("web_research", "PUBLIC", "none"),
    ):
        assert re.search(rf"{name} +{mode} +demo-interpreters-0-\S+ +{prefix} +pass +\d+, \d+, \d+ ms", table)
    assert table.rstrip().endswith("ok: 3 pass")
    status = [ROOT / ".venv/bin/interpreter-local", "status", "--home", ROOT / ".interpreter-local/demo"]
    assert subprocess.run(status, capture_output=True).returncode == 1


@pytest.mark.slow
def test_a_replaced_interpreter_is_found_under_its_old_name(process_environment, tmp_path):
    """Everything but tags replaces it: the id changes, the record and the canary follow, the old one goes."""
    environment = {**process_environment, "PATH": PATH, "CDK_VALIDATION": "false"}
    fleet = tmp_path / "fleet.yaml"

    def cdk(*arguments):
        context = ["--context", f"fleet={fleet}", "--output", str(tmp_path / "cdk.out")]
        done = subprocess.run(
            ["cdk", *arguments, *context],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def deployed(description):
        fleet.write_text(FLEET.format(description=description))
        cdk("deploy", "--all", "--require-approval", "never")
        report = subprocess.run(
            ["python", "scripts/validate.py", "canary", "--fleet", "road", "--format", "json"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert report.returncode == 0, report.stdout + report.stderr
        [interpreter] = json.loads(report.stdout)["interpreters"]
        return interpreter["id"]

    fleet.write_text(FLEET.format(description="first"))
    cdk("bootstrap")
    first = deployed("first")
    again = deployed("first")
    second = deployed("second")
    cdk("destroy", "--all", "--force")

    assert again == first
    assert second != first
    listed = subprocess.run(
        [ROOT / ".venv-sandbox/bin/aws", "bedrock-agentcore-control", "list-code-interpreters"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "one__" not in listed.stdout
