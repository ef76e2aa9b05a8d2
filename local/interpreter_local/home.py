"""The endpoint's folder: who runs there, what it says of itself, and what its clients set."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

ACCOUNT = "123456789012"
REGION = "us-east-1"
HOST = "127.0.0.1"
# What would lead a client elsewhere; cleared before the variables below are set.
_CLEARED_PREFIXES = ("AWS_", "CDK_DEFAULT_", "BEDROCK_AGENTCORE_")


@dataclass(frozen=True)
class Endpoint:
    """What a running endpoint writes to `endpoint.json`."""

    url: str
    pid: int
    started: str
    tier: str
    enforced: tuple[str, ...]
    missing: tuple[str, ...]
    authority: str

    def write(self, home: Path) -> None:
        """Whole or not at all."""
        new = home / "endpoint.json.new"
        new.write_text(json.dumps(asdict(self), indent=2) + "\n")
        new.replace(home / "endpoint.json")

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """The endpoint that runs in this folder, or None; what a killed one left counts for none."""
        if not running(home):
            return None
        try:
            values = json.loads((home / "endpoint.json").read_text())
        except FileNotFoundError:
            return None
        return cls(**{**values, "enforced": tuple(values["enforced"]), "missing": tuple(values["missing"])})


class HomeInUseError(RuntimeError):
    """Another endpoint runs in this folder."""


def hold(home: Path) -> int:
    """Takes the folder for this process while it lives; the descriptor of the lock."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise HomeInUseError(f"an endpoint runs already in {home}") from None
    return descriptor


def running(home: Path) -> bool:
    """Whether a living process holds the folder."""
    try:
        descriptor = os.open(home / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def variables(home: Path, endpoint: Endpoint) -> dict[str, str]:
    """What points AWS clients (SDKs, the AWS CLI, the cdk CLI) at the endpoint and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CA_BUNDLE": endpoint.authority,
        "NODE_EXTRA_CA_CERTS": endpoint.authority,
        # No profile, no instance role and no config file of the user's may take part.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        # The cdk CLI keeps its caches and notices here, and calls nobody.
        "CDK_HOME": str(home / "cdk"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def environment(home: Path, endpoint: Endpoint, base: dict[str, str]) -> dict[str, str]:
    """`base` without what leads elsewhere, with the variables above."""
    kept = {key: value for key, value in base.items() if not key.startswith(_CLEARED_PREFIXES)}
    return {**kept, **variables(home, endpoint)}


def cleared(base: dict[str, str]) -> list[str]:
    """The variables of `base` that would lead a client elsewhere."""
    return sorted(key for key in base if key.startswith(_CLEARED_PREFIXES))
