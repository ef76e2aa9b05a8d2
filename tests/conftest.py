"""What every test runs under, and the endpoint that many of them talk to."""

import json
import os
import shlex
import subprocess
import uuid
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
    """What `interpreter-local env` prints; the endpoint runs until the tests end."""
    subprocess.run(
        [LOCAL, "up", "--home", endpoint_home, "--port", "0", "--no-rates"], check=True, timeout=120
    )
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


@pytest.fixture(scope="session")
def role_of(client):
    """`role_of(*statements)` → credentials of a new role with these permissions."""
    iam, sts = client("iam"), client("sts")

    def make(*statements):
        role = f"caller-{uuid.uuid4().hex[:8]}"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=json.dumps(document))
        return sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    return make


@pytest.fixture(scope="session")
def execution_role(client):
    """`execution_role(source_arn, service=…)` → the ARN of a role that trusts the service for that source."""
    iam = client("iam")

    def make(source_arn, service="bedrock-agentcore.amazonaws.com", account=ACCOUNT):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": account},
                        "ArnLike": {"aws:SourceArn": source_arn},
                    },
                }
            ],
        }
        made = iam.create_role(
            RoleName=f"execution-{uuid.uuid4().hex[:8]}",
            Path="/BedrockAgentCore/",
            AssumeRolePolicyDocument=json.dumps(trust),
        )
        return made["Role"]["Arn"]

    return make
