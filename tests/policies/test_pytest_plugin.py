"""The pytest plugin, as a team uses it: its tests run in a pytest of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = Path(__file__).parent / "rules/ACCI-020/pass_read_write.json"
OVERLAP = Path(__file__).parent / "rules/ACCI-023/fail_prefixes_overlap.json"

EXAMPLE = """
def test_analytics_reads_its_prefix_only(interpreters):
    role = interpreters["analytics"].role
    own = {"aws_ResourceAccount": "123456789012"}
    assert role.allows("s3:GetObject", "arn:aws:s3:::data/analytics/a.csv", **own)
    assert role.denies("s3:GetObject", "arn:aws:s3:::data/finance/a.csv", **own)
    assert role.allows("s3:ListBucket", "arn:aws:s3:::data", s3_prefix="analytics/", **own)
    assert role.denies("s3:ListBucket", "arn:aws:s3:::data", **own)
    interpreters["analytics"].assert_reaches_only_its_storage()
    interpreters.assert_compliant()
    interpreters.assert_disjoint()
"""


@pytest.fixture
def policy_tests(tmp_path):
    """`policy_tests(text, template)` → the finished pytest."""

    def run(text, template=GOOD):
        plugin = 'pytest_plugins = ["interpreter_policies.adapters.pytest_plugin"]\n'
        (tmp_path / "conftest.py").write_text(plugin)
        (tmp_path / "test_policies.py").write_text(text)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, "--templates", template, tmp_path],
            env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_the_documented_example_passes(policy_tests):
    done = policy_tests(EXAMPLE)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            'assert interpreters["analytics"].role.allows("s3:PutBucketPolicy", "arn:aws:s3:::data")',
            "analytics may not s3:PutBucketPolicy on arn:aws:s3:::data: no statement of the identity policy",
        ),
        (
            'assert interpreters["analytics"].role.denies("s3:GetObject", "arn:aws:s3:::data/analytics/a",'
            ' aws_ResourceAccount="123456789012")',
            "analytics may s3:GetObject on arn:aws:s3:::data/analytics/a: a statement on",
        ),
        ('interpreters["reports"]', "no interpreter 'reports', there are analytics"),
        ('interpreters["analytics"].assert_reaches_only()', "analytics may also s3:"),
        ('interpreters.assert_compliant(profile="securityhub")', "ACCI-002  analytics    FAIL"),
    ],
)
def test_a_failure_reads_like_a_sentence(policy_tests, line, sentence):
    done = policy_tests(f"def test_it(interpreters):\n    {line}\n")

    assert done.returncode == 1
    assert sentence in done.stdout


def test_roles_that_meet_are_not_disjoint(policy_tests):
    done = policy_tests("def test_it(interpreters):\n    interpreters.assert_disjoint()\n", OVERLAP)

    assert done.returncode == 1
    assert "analytics and inner may both s3:" in done.stdout


def test_no_interpreter_is_no_pass(policy_tests, tmp_path):
    empty = tmp_path / "empty.json"
    empty.write_text('{"Resources": {}}')

    done = policy_tests("def test_it(interpreters):\n    pass\n", empty)

    assert done.returncode == 1
    assert "no code interpreter in" in done.stdout


def bounded(body, interpreter):
    """A boundary that is in the template, and lets nothing of S3 through."""
    body["Resources"]["Boundary"] = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}],
            }
        },
    }
    body["Resources"]["Role"]["Properties"]["PermissionsBoundary"] = {"Ref": "Boundary"}


def bounded_elsewhere(body, interpreter):
    """A boundary that nobody has read."""
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    body["Resources"]["Role"]["Properties"]["PermissionsBoundary"] = boundary


READS = """
def test_it(interpreters):
    role = interpreters["analytics"].role
    assert role.{asks}("s3:GetObject", "arn:aws:s3:::data/{key}", aws_ResourceAccount="123456789012")
"""


@pytest.mark.parametrize(
    ("change", "asks", "key", "status", "said"),
    [
        (bounded, "allows", "analytics/a", 1, "no statement of the permissions boundary allows it"),
        (bounded, "denies", "analytics/a", 0, "1 passed"),
        # Neither can be said of what the boundary decides.
        (bounded_elsewhere, "allows", "analytics/a", 1, "policy/boundary is not in the templates"),
        (bounded_elsewhere, "denies", "analytics/a", 1, "policy/boundary is not in the templates"),
        (bounded_elsewhere, "denies", "finance/a", 0, "1 passed"),
    ],
)
def test_a_boundary_counts(policy_tests, template, change, asks, key, status, said):
    done = policy_tests(READS.format(asks=asks, key=key), template(change, "bounded.json"))

    assert done.returncode == status, done.stdout
    assert said in done.stdout


def test_the_examples_run_on_the_example_fleet(tmp_path):
    """`cdk synth`, then `pytest examples/policy_tests`."""
    root = Path(__file__).parents[2]
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment = {**plain, "CDK_OUTDIR": str(tmp_path), "CDK_VALIDATION": "false"}
    subprocess.run([sys.executable, "app.py"], cwd=root, env=environment, check=True, capture_output=True)

    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "examples/policy_tests"]
    done = subprocess.run(
        [*argv, "--templates", str(tmp_path)],
        cwd=root,
        env=plain,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
