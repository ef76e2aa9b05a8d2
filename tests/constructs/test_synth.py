"""`cdk synth` of the repository: fleet.yaml, app.py, cdk.json and the real CLI together."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import aws_cdk
import pytest

ROOT = Path(__file__).parents[2]


def run(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command at the root of the repository, as a person starts it: the CDK's own checks are on."""
    inherited = {k: v for k, v in os.environ.items() if k not in {"CDK_VALIDATION", "CDK_OUTDIR"}}
    path = f"{ROOT / 'node_modules/.bin'}{os.pathsep}{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        argv,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**inherited, "PATH": path, **variables},
    )


def test_the_repository_synthesizes_with_every_check_on(tmp_path):
    """The CDK's template engine and our policy check both find nothing."""
    done = run("cdk", "synth", "--quiet", "--output", str(tmp_path / "out"))

    assert done.returncode == 0, done.stderr
    templates = {
        p.name.split(".")[0]: json.loads(p.read_text()) for p in (tmp_path / "out").glob("*.template.json")
    }
    assert set(templates) == {"demo-storage", "demo-interpreters-0"}
    modes = {
        r["Metadata"]["InterpreterFleet"]["Base"]: (
            r["Properties"]["NetworkConfiguration"]["NetworkMode"],
            r["Metadata"]["InterpreterFleet"].get("Storage", {}).get("Access"),
        )
        for r in templates["demo-interpreters-0"]["Resources"].values()
        if r["Type"] == "AWS::BedrockAgentCore::CodeInterpreterCustom"
    }
    assert modes == {
        "analytics": ("SANDBOX", "read-write"),
        "reports": ("SANDBOX", "read"),
        "web_research": ("PUBLIC", None),
    }


def test_a_wrong_fleet_stops_the_cli_and_leaves_no_template(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("fleet: demo\ninterpreters:\n  a: {netwrok: PUBLIC}\n")
    done = run("cdk", "synth", "--quiet", "--output", str(tmp_path / "out"), "--context", f"fleet={wrong}")

    assert done.returncode == 1
    assert f"{wrong}:3: interpreters.a.netwrok: unknown key 'netwrok', did you mean 'network'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "out").glob("*.template.json")) == []


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("fleet: demo\ninterpreters:\n  a: {shard: 1}\n  b: {network: X}\n", 2),
        ("fleet: demo\ninterpreters:\n" + "".join(f"  i{n}: {{}}\n" for n in range(200)), 1),
    ],
    ids=["two errors", "too large"],
)
def test_the_app_exits_2_with_a_line_for_each_error(tmp_path, text, errors):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text)
    done = run(
        *("python3", "app.py"),
        CDK_CONTEXT_JSON=json.dumps({"fleet": str(wrong)}),
        CDK_OUTDIR=str(tmp_path / "out"),
    )

    assert done.returncode == 2
    assert [line.startswith(f"{wrong}:") for line in done.stderr.splitlines()] == [True] * errors
    assert done.stdout == ""


def test_the_feature_flags_are_those_that_the_pinned_cdk_recommends():
    """What `cdk init` would write, so that a new aws-cdk-lib is a decision about its flags too."""
    [archive] = (Path(aws_cdk.__file__).parent / "_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(archive) as tar:
        recommended = json.load(tar.extractfile("package/recommended-feature-flags.json"))

    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert context == recommended
    assert context["@aws-cdk/core:validateAgainstDefaultRules"] is True
