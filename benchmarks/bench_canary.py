"""A canary on many interpreters, beside the time that the account's request rates alone demand.

The endpoint is one of its own with its rates on, at the documented defaults, but for creating, which is not
measured. Every interpreter has a role, a prefix and a record, as a deployment leaves them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from interpreter_fleet.manifest import Record
from interpreter_fleet.role_documents import storage_policy, trust_policy

ROOT = Path(__file__).parents[1]
LOCAL = ROOT / ".venv/bin/interpreter-local"
ACCOUNT, REGION, FLEET, BUCKET = "123456789012", "us-east-1", "many", "many-interpreters"
RATE, SHARE, CREATES = 30.0, 0.5, 200.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interpreters", type=int, default=1000, metavar="N")
    options, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder, _endpoint(Path(folder)) as environment:
        began = time.perf_counter()
        _create(environment, options.interpreters)
        print(f"{options.interpreters} interpreters created: {time.perf_counter() - began:.0f} s", flush=True)
        file = Path(folder) / "canary.json"
        seconds, memory, status = _canary(environment, file, more)
        report = json.loads(file.read_text())
        left = _left(environment)
    needs = {name: calls / (RATE * SHARE) for name, calls in report["calls"].items() if name in _PACED}
    slowest = max(needs, key=lambda name: needs[name])
    verdicts = [one["verdict"] for one in report["interpreters"]]
    failed = [one for one in report["interpreters"] if one["verdict"] != "pass"]
    for one in failed[:3]:
        print(f"{one['interpreter']}: {[probe for probe in one['probes'] if probe['verdict'] != 'pass']}")
    print(f"exit status {status}: {verdicts.count('pass')} of {len(verdicts)} pass")
    print(f"canary     {seconds:8.1f} s")
    why = f"{report['calls'][slowest]} {slowest}, {RATE * SHARE:g} a second"
    print(f"bound      {needs[slowest]:8.1f} s  ({why})")
    print(f"ratio      {seconds / needs[slowest]:8.2f}")
    print(f"throttled  {sum(report['throttled'].values()):8d}")
    print(f"memory     {memory:8.0f} MiB at most")
    print(f"left       {left:8d} sessions")
    return 0 if status == 0 else 1


_PACED = (
    "GetCodeInterpreter",
    "StartCodeInterpreterSession",
    "InvokeCodeInterpreter",
    "StopCodeInterpreterSession",
    "GetCodeInterpreterSession",
    "ListCodeInterpreterSessions",
)


@contextmanager
def _endpoint(folder: Path) -> Iterator[dict[str, str]]:
    home = ["--home", str(folder / "home")]
    subprocess.run([LOCAL, "up", *home, "--port", "0"], check=True, stdout=subprocess.DEVNULL)
    try:
        printed = subprocess.run([LOCAL, "env", *home], check=True, capture_output=True, text=True).stdout
        lines = [line.removeprefix("export ") for line in printed.splitlines() if line.startswith("export ")]
        set_ = {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}
        yield {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **set_}
    finally:
        subprocess.run([LOCAL, "down", *home], check=True, stdout=subprocess.DEVNULL)


def _create(environment: dict[str, str], number: int) -> None:
    def client(name: str) -> Any:
        return boto3.client(
            name,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            verify=environment["AWS_CA_BUNDLE"],
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
            config=Config(max_pool_connections=8, retries={"mode": "standard", "total_max_attempts": 10}),
        )

    quotas, control, iam, ssm = map(client, ("service-quotas", "bedrock-agentcore-control", "iam", "ssm"))
    for quota in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="bedrock-agentcore"):
        for one in quota["Quotas"]:
            if one["QuotaName"] == "CreateCodeInterpreter API rate":
                quotas.request_service_quota_increase(
                    ServiceCode="bedrock-agentcore", QuotaCode=one["QuotaCode"], DesiredValue=CREATES
                )
    client("s3").create_bucket(Bucket=BUCKET)

    def one(index: int) -> None:
        base, prefix = f"i{index:04}", f"i{index:04}/"
        place = {"partition": "aws", "account": ACCOUNT}
        trust = trust_policy(**place, region=REGION, base=base)
        role = iam.create_role(
            RoleName=f"many-{base}", Path="/BedrockAgentCore/", AssumeRolePolicyDocument=json.dumps(trust)
        )["Role"]["Arn"]
        policy = storage_policy(**place, bucket=BUCKET, prefix=prefix, access="read-write")
        iam.put_role_policy(RoleName=f"many-{base}", PolicyName="storage", PolicyDocument=json.dumps(policy))
        name, tags = f"{base}__00000000", {"interpreter-fleet": FLEET, "interpreter-base": base}
        made = control.create_code_interpreter(
            name=name, executionRoleArn=role, networkConfiguration={"networkMode": "SANDBOX"}, tags=tags
        )
        record = Record(
            fleet=FLEET,
            base=base,
            name=name,
            id=made["codeInterpreterId"],
            arn=made["codeInterpreterArn"],
            role_arn=role,
            network_mode="SANDBOX",
            bucket=BUCKET,
            prefix=prefix,
            access="read-write",
            stack="none",
            trust="exact",
            tags=tags,
        )
        ssm.put_parameter(Name=record.parameter, Value=record.to_json(), Type="String")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(number)))


def _canary(environment: dict[str, str], file: Path, more: list[str]) -> tuple[float, float, int]:
    """Seconds, MiB of memory at most, exit status."""
    command = [
        sys.executable,
        ROOT / "scripts/validate.py",
        "canary",
        "--fleet",
        FLEET,
        "--json",
        file,
        *more,
    ]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    return seconds, _mebibytes(used), os.waitstatus_to_exitcode(status)


def _mebibytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def _left(environment: dict[str, str]) -> int:
    """What a sweep finds, asked apart from what the canary says of itself."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/validate.py", "sweep", "--fleet", FLEET, "--format", "json"],
        env=environment,
        capture_output=True,
        text=True,
    )
    return len(json.loads(done.stdout)["strangers"])


if __name__ == "__main__":
    sys.exit(main())
