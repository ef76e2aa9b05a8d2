"""What every test runs under, and the endpoint that many of them talk to."""

import json
import os
import shlex
import subprocess
import time
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

ROOT = Path(__file__).parents[1]
LOCAL = ROOT / ".venv/bin/interpreter-local"
ACCOUNT = "123456789012"

# The CDK's own template engine takes 2 s to start and checks nothing of ours; `cdk synth` of the repository
# runs with it on in tests/constructs/test_synth.py. Policy checks that we register run either way.
os.environ["CDK_VALIDATION"] = "false"


def _modelled():
    """Not at the top: pytest reads this file for policy tests elsewhere too, and then as no package."""
    from . import modelled

    return modelled


def pytest_addoption(parser):
    parser.addoption(
        "--aws",
        action="store_true",
        default=os.environ.get("INTERPRETER_FLEET_AWS") == "1",
        help="run the tests marked `aws`, and no others, on the account that the environment's credentials "
        "are for; INTERPRETER_FLEET_AWS=1 says the same",
    )


def pytest_configure(config):
    if config.getoption("--aws"):
        session = boto3.Session()
        if session.get_credentials() is None or session.region_name is None:
            raise pytest.UsageError("--aws: found no credentials or no region in the environment")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--aws"):
        other = [item for item in items if item.get_closest_marker("aws") is None]
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item.get_closest_marker("aws")]


@pytest.fixture(scope="session")
def model():
    """What judges replies: `model.reply_problems`, `model.event_problems`."""
    return _modelled()


@pytest.fixture(scope="session")
def on_aws(request):
    """Whether the tests run on a real account."""
    return request.config.getoption("--aws")


@pytest.fixture(scope="session")
def endpoint_home(tmp_path_factory):
    return tmp_path_factory.mktemp("endpoint")


@pytest.fixture(scope="session")
def variables(endpoint_home, on_aws):
    """What `interpreter-local env` prints; the endpoint runs until the tests end. On AWS: nothing."""
    if on_aws:
        yield {}
        return
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
def process_environment(variables, on_aws):
    """The whole environment of a process that talks to the endpoint, or to AWS."""
    kept = {name: value for name, value in os.environ.items() if on_aws or not name.startswith("AWS_")}
    region = boto3.Session().region_name if on_aws else variables["AWS_REGION"]
    return {**kept, **variables, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}


@pytest.fixture(scope="session")
def root_credentials(on_aws):
    """What requests are signed with: root locally, the environment's on AWS."""
    if on_aws:
        return boto3.Session().get_credentials().get_frozen_credentials()
    return Credentials(ACCOUNT, "local")


@pytest.fixture(scope="session")
def client(variables, on_aws):
    """`client("s3")` as root; with credentials=, region= or account= as somebody else.

    Replies of the Code Interpreter's two APIs that AWS's models do not allow are an AssertionError.
    """
    config = Config(retries={"total_max_attempts": 1}, read_timeout=120)

    def make(service, *, credentials=None, region="us-east-1", account=ACCOUNT):
        if on_aws:
            return watched(boto3.client(service, config=config))
        given = credentials or {"AccessKeyId": account, "SecretAccessKey": "local"}
        made = boto3.client(
            service,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            verify=variables["AWS_CA_BUNDLE"],
            region_name=region,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            config=config,
        )
        return watched(made)

    def watched(made):
        modelled = _modelled()
        known = made.meta.service_model.service_name in modelled.SERVICES
        return modelled.watch(made) if known else made

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
def account(client, on_aws):
    """The account that the tests run in."""
    return client("sts").get_caller_identity()["Account"] if on_aws else ACCOUNT


@pytest.fixture(scope="session")
def execution_role(client, account, on_aws):
    """`execution_role(source_arn, service=…)` → the ARN of a role that trusts the service for that source.

    Removed from an account when the tests end.
    """
    iam = client("iam")
    names = []

    def make(source_arn, service="bedrock-agentcore.amazonaws.com", account=account):
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
        names.append(f"execution-{uuid.uuid4().hex[:8]}")
        made = iam.create_role(
            RoleName=names[-1], Path="/BedrockAgentCore/", AssumeRolePolicyDocument=json.dumps(trust)
        )
        if on_aws:
            time.sleep(15)  # until the service sees a new role
        return made["Role"]["Arn"]

    yield make
    # The endpoint forgets its roles by itself.
    for name in names if on_aws else ():
        iam.delete_role(RoleName=name)
