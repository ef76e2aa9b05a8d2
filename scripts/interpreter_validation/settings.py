"""What probes are told beside the record: what is outside, what stands beside an interpreter."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from interpreter_fleet.manifest import Record

_TARGET = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?):(\d{1,5})")
_AWS = re.compile(r"(^|\.)(amazonaws\.com(\.cn)?|api\.aws|amazonaws\.eu)$")
# So much longer than `Settings.seconds` is waited for what must answer.
PATIENCE = 5
# Documented hardware of a session ("Quotas", Amazon Bedrock AgentCore developer guide).
VCPUS, MEMORY_GB, DISK_GB = 2, 8, 10
# In the service's image and in the local endpoint's sessions.
LIBRARIES = ("boto3", "matplotlib", "numpy", "pandas")


@dataclass(frozen=True)
class Target:
    """A host and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `host:port`; ValueError with what is allowed."""
        found = _TARGET.fullmatch(text)
        if not found or not 1 <= int(found[3]) <= 65535:
            raise ValueError(
                f"found {text!r}; allowed: a host name or IPv4 address, ':', a port of 1 to 65535"
            )
        return cls(found[1], int(found[3]))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_name(self) -> bool:
        """Whether somebody has to resolve it."""
        return not re.fullmatch(r"[\d.]+", self.host)


# Public hosts that are made to be connected to, by name and by address, on several ports.
_INTERNET = ("example.com:443", "example.com:80", "github.com:22", "1.1.1.1:443", "1.1.1.1:53", "8.8.8.8:53")
# A local endpoint's host that stands for the internet: a reserved name (RFC 6761), an address of TEST-NET-2.
_LOCAL = ("outside.test:443", "outside.test:80", "outside.test:7", "198.51.100.7:443", "198.51.100.7:80")


def outside_of(endpoint: str) -> tuple[Target, ...]:
    """What sessions of this endpoint could reach if they have a way out."""
    host = urlsplit(endpoint).hostname or ""
    return tuple(Target.parse(one) for one in (_INTERNET if _AWS.search(host) else _LOCAL))


@dataclass(frozen=True)
class Settings:
    """`outside`: where SANDBOX must not get to and PUBLIC must. `records`: all that is deployed.

    `seconds` is how long one connection may take. `plant` lets the storage probe put objects of its own
    beside an interpreter's prefix: without one, a refused read tells little.
    """

    outside: tuple[Target, ...]
    records: tuple[Record, ...] = ()
    seconds: float = 4.0
    plant: bool = True
    # Buckets that no interpreter may read, beside those that other records name; `{account}`, `{region}`.
    other_buckets: tuple[str, ...] = ("cdk-hnb659fds-assets-{account}-{region}",)
    libraries: tuple[str, ...] = LIBRARIES
    hardware: Mapping[str, float] = field(
        default_factory=lambda: {"vcpus": VCPUS, "memory_gb": MEMORY_GB, "disk_gb": DISK_GB}
    )
