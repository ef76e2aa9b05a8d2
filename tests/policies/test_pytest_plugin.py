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
            "analytics may not s3:PutBucketPolicy on arn:aws:s3:::data: no statement allows it",
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
