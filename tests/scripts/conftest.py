"""A fleet that is deployed at the endpoint: interpreters, and the records that a deployment leaves."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from interpreter_fleet.manifest import Record
from interpreter_fleet.role_documents import storage_policy, trust_policy
from interpreter_validation.clients import connect
from interpreter_validation.pace import Pace
from interpreter_validation.session import Sessions

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"


@dataclass
class Fleet:
    """Its name and records, by base name."""

    name: str
    records: dict[str, Record]


@pytest.fixture
def clients(variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return connect(region=None, profile=None, endpoint_url=None, pool=4)


@pytest.fixture(scope="session")
def bucket(client):
    """The bucket in which all fleets of these tests have their prefixes."""
    name = f"fleet-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def deploy(client, bucket):
    """`deploy("one", "two", declare={"access": "write"}, network_mode="VPC")` → a Fleet, removed at the end.

    Interpreters and roles are as they are declared; the other keywords change what the records say of them.
    """
    control, ssm, iam = client("bedrock-agentcore-control"), client("ssm"), client("iam")
    made, parameters = [], []

    def put(*bases, declare=None, **change):
        fleet = Fleet(f"t{uuid.uuid4().hex[:8]}", {})
        for base in bases:
            declared = Record(
                **{
                    "fleet": fleet.name,
                    "base": base,
                    "name": f"{base}__{uuid.uuid4().hex[:8]}",
                    "id": "",
                    "arn": f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter-custom/",
                    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/BedrockAgentCore/r{uuid.uuid4().hex[:12]}",
                    "network_mode": "SANDBOX",
                    "bucket": bucket,
                    "prefix": f"{fleet.name}-{base}/",
                    "access": "read",
                    "stack": "test",
                    "trust": "exact",
                    "tags": {"interpreter-fleet": fleet.name, "interpreter-base": base},
                    **(declare or {}),
                }
            )
            role = make_role(iam, declared)
            network = {"networkMode": declared.network_mode}
            if declared.network_mode == "VPC":
                network["vpcConfig"] = {
                    "subnets": list(declared.subnets),
                    "securityGroups": list(declared.security_groups),
                }
            got = control.create_code_interpreter(
                name=declared.name,
                networkConfiguration=network,
                executionRoleArn=role,
                tags=dict(declared.tags),
            )
            made.append(got["codeInterpreterId"])
            until_ready(control, made[-1])
            record = replace(
                declared, id=got["codeInterpreterId"], arn=got["codeInterpreterArn"], role_arn=role
            )
            record = replace(record, **change)
            ssm.put_parameter(Name=record.parameter, Value=record.to_json(), Type="String")
            parameters.append(record.parameter)
            fleet.records[base] = record
        return fleet

    yield put
    data = client("bedrock-agentcore")
    for identifier in made:
        try:
            for one in ready(data, identifier):
                data.stop_code_interpreter_session(
                    codeInterpreterIdentifier=identifier, sessionId=one["sessionId"]
                )
            control.delete_code_interpreter(codeInterpreterId=identifier)
        except ClientError as error:
            # A test may have deleted it.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
    for parameter in parameters:
        ssm.delete_parameter(Name=parameter)


def make_role(iam, record):
    """The execution role as the record declares it; gives its ARN."""
    place = {"partition": "aws", "account": ACCOUNT}
    trust = trust_policy(**place, region="us-east-1", base=record.base, trust=record.trust or "exact")
    name = record.role_arn.rpartition("/")[2]
    made = iam.create_role(
        RoleName=name, Path="/BedrockAgentCore/", AssumeRolePolicyDocument=json.dumps(trust)
    )
    if record.bucket:
        storage = storage_policy(**place, bucket=record.bucket, prefix=record.prefix, access=record.access)
        iam.put_role_policy(RoleName=name, PolicyName="storage", PolicyDocument=json.dumps(storage))
    return made["Role"]["Arn"]


def until_ready(control, identifier):
    """In VPC mode an interpreter is CREATING first."""
    deadline = time.monotonic() + 10
    while control.get_code_interpreter(codeInterpreterId=identifier)["status"] != "READY":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ready(data, interpreter):
    """The READY sessions of an interpreter."""
    return data.list_code_interpreter_sessions(
        codeInterpreterIdentifier=interpreter, status="READY", maxResults=100
    )["items"]


@pytest.fixture
def open_sessions(client):
    """`open_sessions(fleet)` → the READY sessions of all its interpreters."""
    data = client("bedrock-agentcore")
    return lambda fleet: [one for record in fleet.records.values() for one in ready(data, record.id)]


@pytest.fixture
def sessions(clients):
    """The sessions of a run, unpaced."""
    return Sessions(clients, Pace({}, 1), "test", threading.Event())


@pytest.fixture
def command(variables):
    """`command("canary", …)` → the running scripts/validate.py, its output captured."""

    def start(*arguments, **environment):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        return subprocess.Popen(
            [sys.executable, ROOT / "scripts/validate.py", *map(str, arguments)],
            env={**kept, **variables, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def validate(command):
    """The same, finished: exit status, standard output, standard error."""

    def finish(*arguments, **environment):
        process = command(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    return finish


@pytest.fixture
def report():
    """A JSON report, parsed."""
    return lambda text: json.loads(text)


@pytest.fixture(scope="session")
def sample():
    """The report of tests/sample_report.py: `sample.made()`, any of its keys changed."""
    found = importlib.util.spec_from_file_location("sample_report", ROOT / "tests/sample_report.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
