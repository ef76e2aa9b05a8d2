"""The code of scheduled canaries: complete, with nothing that a Lambda runtime lacks, always the same."""

import os
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import botocore
import pytest

from interpreter_fleet import validation_asset

# What a runtime has beside the standard library; this project is not in it.
PACKAGES = Path(botocore.__file__).parents[1]


@pytest.fixture
def asset(tmp_path):
    validation_asset.stage(tmp_path / "asset")
    return tmp_path / "asset"


@pytest.fixture
def in_lambda(asset):
    """`in_lambda(code)` → what it prints in a Python that finds the asset and boto3, and no project."""

    def run(code):
        start = f"import sys; sys.path[:0] = [{str(asset)!r}, {str(PACKAGES)!r}]\n"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", start + code],
            env={
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "HOME": str(asset),
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def test_it_is_imported_without_the_project_the_cdk_and_a_terminal(in_lambda, asset):
    where, *others = in_lambda(
        "import interpreter_validation.scheduled as it\n"
        "print(it.__file__, {'rich', 'aws_cdk', 'yaml', 'pydantic'} & set(sys.modules) or 'none')"
    )

    assert where == str(asset / "interpreter_validation/scheduled.py")
    assert others == ["none"]


def test_a_runtime_whose_boto3_is_older_than_the_service_has_clients_all_the_same(in_lambda, tmp_path):
    old = tmp_path / "old-data"
    old.mkdir()
    for one in (PACKAGES / "botocore/data").iterdir():
        if not one.name.startswith("bedrock-agentcore"):
            (old / one.name).symlink_to(one)
    services = in_lambda(
        "import botocore.loaders\n"
        f"botocore.loaders.Loader.BUILTIN_DATA_PATH = {str(old)!r}\n"
        "import boto3\n"
        "assert 'bedrock-agentcore' not in boto3.Session().get_available_services()\n"
        "from interpreter_validation import scheduled\n"
        "print(*(one.meta.endpoint_url for one in scheduled._connection().clients.all()))"
    )

    assert {
        "https://bedrock-agentcore.us-east-1.amazonaws.com",
        "https://bedrock-agentcore-control.us-east-1.amazonaws.com",
    } < set(services)


def test_the_same_code_is_the_same_asset(asset, tmp_path):
    """Whenever and wherever it is written: else each deployment would replace every function."""
    again = tmp_path / "again"
    validation_asset.stage(again)
    os.utime(again / "interpreter_validation/scheduled.py", (0, 0))

    assert cdk.FileSystem.fingerprint(str(again)) == cdk.FileSystem.fingerprint(str(asset))


def test_it_is_small_enough_to_start_quickly(asset):
    files = [one for one in asset.rglob("*") if one.is_file()]

    assert sum(one.stat().st_size for one in files) < 1_000_000
    assert not [one for one in files if "__pycache__" in one.parts]


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(validation_asset, "find_spec", lambda name: None)

    with pytest.raises(ValueError, match="found no package 'interpreter_validation'; allowed: "):
        validation_asset.stage(tmp_path)
