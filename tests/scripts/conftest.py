"""A fleet that is deployed at the endpoint: interpreters, and the records that a deployment leaves."""

import json
import os
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from interpreter_fleet.manifest import Record
from interpreter_validation.clients import connect
from interpreter_validation.pace import Pace
from interpreter_validation.session import Sessions

ROOT = Path(__file__).parents[2]


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


@pytest.fixture
def deploy(client, execution_role):
    """`deploy("one", "two", change={"network_mode": "VPC"})` → a Fleet; removed after the test."""
    control, ssm = client("bedrock-agentcore-control"), client("ssm")
    made, parameters = [], []

    def put(*bases, **change):
        fleet = Fleet(f"t{uuid.uuid4().hex[:8]}", {})
        for base in bases:
            name = f"{base}__{uuid.uuid4().hex[:8]}"
            role = execution_role(f"arn:aws:bedrock-agentcore:*:*:code-interpreter-custom/{base}__*")
            got = control.create_code_interpreter(
                name=name, networkConfiguration={"networkMode": "SANDBOX"}, executionRoleArn=role
            )
            made.append(got["codeInterpreterId"])
            record = replace(
                Record(
                    fleet=fleet.name,
                    base=base,
                    name=name,
                    id=got["codeInterpreterId"],
                    arn=got["codeInterpreterArn"],
                    role_arn=role,
                    network_mode="SANDBOX",
                    bucket="data",
                    prefix=f"{base}/",
                    access="read",
                    stack="test",
                ),
                **change,
            )
            ssm.put_parameter(Name=record.parameter, Value=record.to_json(), Type="String")
            parameters.append(record.parameter)
            fleet.records[base] = record
        return fleet

    yield put
    data = client("bedrock-agentcore")
    for identifier in made:
        for one in ready(data, identifier):
            data.stop_code_interpreter_session(
                codeInterpreterIdentifier=identifier, sessionId=one["sessionId"]
            )
        control.delete_code_interpreter(codeInterpreterId=identifier)
    for parameter in parameters:
        ssm.delete_parameter(Name=parameter)


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
