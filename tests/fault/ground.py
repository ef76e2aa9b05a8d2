"""A real endpoint, fleets on it with broken interpreters among them, and what is true there."""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from interpreter_fleet.manifest import Record
from interpreter_fleet.role_documents import storage_policy, trust_policy
from interpreter_validation import runs

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".venv/bin/interpreter-local"
ACCOUNT, REGION = "123456789012", "us-east-1"


@contextlib.contextmanager
def endpoint(home: Path) -> Iterator[dict[str, str]]:
    """An endpoint of its own; the variables that point a client at it."""
    subprocess.run([LOCAL, "up", "--home", home, "--port", "0", "--no-rates"], check=True, timeout=120)
    try:
        printed = subprocess.run(
            [LOCAL, "env", "--home", home], check=True, capture_output=True, text=True
        ).stdout
        lines = [shlex.split(line)[1:] for line in printed.splitlines() if line.startswith("export ")]
        yield dict(line[0].split("=", 1) for line in lines)
    finally:
        subprocess.run([LOCAL, "down", "--home", home], check=True, timeout=60)


@dataclass
class Ground:
    """`healthy` is a fleet of two interpreters; `broken` one of three, of which `fine` is what it should be.

    `gone` was deleted and is still recorded; the role of `loose` has a statement too many, and reads the
    prefix of `fine`.
    """

    variables: dict[str, str]
    healthy: dict[str, Record] = field(default_factory=dict)
    broken: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.control, self.data = self.client("bedrock-agentcore-control"), self.client("bedrock-agentcore")
        self.healthy = self._fleet("one", "two")
        self.broken = self._fleet("fine", "gone", "loose")
        self.control.delete_code_interpreter(codeInterpreterId=self.broken["gone"].id)
        fine, loose = self.broken["fine"], self.broken["loose"]
        too_many = storage_policy(
            partition="aws",
            account=ACCOUNT,
            bucket=fine.bucket or "",
            prefix=fine.prefix or "",
            access="read",
        )
        self.client("iam").put_role_policy(
            RoleName=loose.role_arn.rpartition("/")[2],
            PolicyName="more",
            PolicyDocument=json.dumps(too_many),
        )

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            verify=self.variables["AWS_CA_BUNDLE"],
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
            # An idle connection may be closed by the endpoint in the moment in which it is used again.
            config=Config(retries={"total_max_attempts": 3}, read_timeout=60),
        )

    def _fleet(self, *bases: str) -> dict[str, Record]:
        fleet, iam, ssm, made = f"f{uuid.uuid4().hex[:8]}", self.client("iam"), self.client("ssm"), {}
        # A bucket for each fleet: the storage probe tries the next prefix in it, after the last the first.
        bucket = f"fault-{fleet}"
        self.client("s3").create_bucket(Bucket=bucket)
        for base in bases:
            trust = trust_policy(partition="aws", account=ACCOUNT, region=REGION, base=base, trust="exact")
            role = f"{base}-role-{uuid.uuid4().hex[:12]}"
            arn = iam.create_role(
                RoleName=role, Path="/BedrockAgentCore/", AssumeRolePolicyDocument=json.dumps(trust)
            )["Role"]["Arn"]
            prefix = f"{fleet}-{base}/"
            storage = storage_policy(
                partition="aws", account=ACCOUNT, bucket=bucket, prefix=prefix, access="read"
            )
            iam.put_role_policy(RoleName=role, PolicyName="storage", PolicyDocument=json.dumps(storage))
            name = f"{base}__{uuid.uuid4().hex[:8]}"
            tags = {"interpreter-fleet": fleet, "interpreter-base": base}
            got = self.control.create_code_interpreter(
                name=name,
                networkConfiguration={"networkMode": "SANDBOX"},
                executionRoleArn=arn,
                tags=tags,
            )
            made[base] = Record(
                fleet=fleet,
                base=base,
                name=name,
                id=got["codeInterpreterId"],
                arn=got["codeInterpreterArn"],
                role_arn=arn,
                network_mode="SANDBOX",
                bucket=bucket,
                prefix=prefix,
                access="read",
                stack="test",
                trust="exact",
                tags=tags,
            )
            ssm.put_parameter(Name=made[base].parameter, Value=made[base].to_json(), Type="String")
        return made

    def records(self) -> list[Record]:
        """Those whose interpreter is there."""
        found = [*self.healthy.values(), *self.broken.values()]
        return [record for record in found if record.base != "gone"]

    def sessions(self, record: Record, status: str) -> list[dict[str, Any]]:
        """All that an interpreter has with this status, as the endpoint itself says."""
        found, token = [], {}
        while True:
            page = self.data.list_code_interpreter_sessions(
                codeInterpreterIdentifier=record.id, status=status, maxResults=100, **token
            )
            found += page["items"]
            if not page.get("nextToken"):
                return found
            token = {"nextToken": page["nextToken"]}

    def leave(self, record: Record) -> str:
        """A session that a canary has left whose process is gone; its id."""
        # Of a process that is over, and was one of this machine.
        gone = subprocess.run(
            [sys.executable, "-c", "from interpreter_validation import runs; print(runs.new())"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        ).stdout.strip()
        return str(
            self.data.start_code_interpreter_session(
                codeInterpreterIdentifier=record.id, name=runs.session_name(gone, record.base)
            )["sessionId"]
        )

    def clean(self) -> None:
        """Stops whatever is READY, so that the next trial sees its own sessions only."""
        for record in self.records():
            for one in self.sessions(record, "READY"):
                with contextlib.suppress(self.data.exceptions.ConflictException):
                    self.data.stop_code_interpreter_session(
                        codeInterpreterIdentifier=record.id, sessionId=one["sessionId"]
                    )
