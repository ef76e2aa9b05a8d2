"""What every test runs under, and the endpoint that many of them talk to."""

import os
import shlex
import subprocess
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).parents[1]
LOCAL = ROOT / ".venv/bin/interpreter-local"
ACCOUNT = "123456789012"

# The CDK's own template engine takes 2 s to start and checks nothing of ours; `cdk synth` of the repository
# runs with it on in tests/constructs/test_synth.py. Policy checks that we register run either way.
os.environ["CDK_VALIDATION"] = "false"


@pytest.fixture(scope="session")
def endpoint_home(tmp_path_factory):
    return tmp_path_factory.mktemp("endpoint")


@pytest.fixture(scope="session")
def variables(endpoint_home):
    """What `interpreter-local env` prints; the endpoint runs until the end of the tests (of this worker)."""
    subprocess.run([LOCAL, "up", "--home", endpoint_home, "--port", "0"], check=True, timeout=120)
    try:
        printed = subprocess.run(
            [LOCAL, "env", "--home", endpoint_home], check=True, capture_output=True, text=True
        )
        lines = [shlex.split(line)[1:] for line in printed.stdout.splitlines() if line.startswith("export ")]
        yield dict(line[0].split("=", 1) for line in lines)
    finally:
        subprocess.run([LOCAL, "down", "--home", endpoint_home], check=True, timeout=60)


@pytest.fixture(scope="session")
def client(variables):
    """`client("s3")` as root; with credentials=, region= or account= as somebody else."""

    def make(service, *, credentials=None, region="us-east-1", account=ACCOUNT):
        given = credentials or {"AccessKeyId": account, "SecretAccessKey": "local"}
        return boto3.client(
            service,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            verify=variables["AWS_CA_BUNDLE"],
            region_name=region,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
        )

    return make
