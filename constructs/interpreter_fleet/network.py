"""The network mode of an interpreter: SANDBOX, PUBLIC, or VPC with given subnets and security groups.

VPC mode takes ids and never makes a security group: AgentCore's network interfaces stay up to 8 hours after
the interpreter is gone and block the deletion of their security group, so subnets and groups belong in a
long-lived network stack and are shared by many interpreters (AWS docs, "VPC configuration for AgentCore").
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from interpreter_fleet.manifest import NetworkMode

# Registry schema of AWS::BedrockAgentCore::CodeInterpreterCustom, VpcConfig.
MAX_IDS = 16
_SUBNET = re.compile(r"subnet-[0-9a-zA-Z]{8,17}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-zA-Z]{8,17}")
_TOKEN = "${Token["  # noqa: S105 - how the CDK writes a value that is known at deployment only


@dataclass(frozen=True, slots=True)
class Network:
    """One network configuration; make it with `sandbox()`, `public()` or `vpc(...)`."""

    mode: NetworkMode
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.mode == "VPC":
            check_subnets(self.subnets)
            check_security_groups(self.security_groups)
        elif self.subnets or self.security_groups:
            raise ValueError(f"found subnets or security groups with {self.mode}; allowed: with VPC only")

    @classmethod
    def sandbox(cls) -> Self:
        """No network but Amazon S3: the default everywhere in this package."""
        return cls("SANDBOX")

    @classmethod
    def public(cls) -> Self:
        """The internet. The policy check passes it only with a waiver for ACCI-001."""
        return cls("PUBLIC")

    @classmethod
    def vpc(cls, *, subnets: Iterable[str], security_groups: Iterable[str]) -> Self:
        """Interfaces in these subnets with these security groups, 1 to 16 ids each (or CDK tokens)."""
        return cls("VPC", tuple(subnets), tuple(security_groups))


def check_subnets(subnets: Iterable[str]) -> tuple[str, ...]:
    """The subnet ids themselves, or ValueError with what is allowed."""
    return _check_ids(subnets, _SUBNET, "subnet ids such as subnet-0123456789abcdef0")


def check_security_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """The security group ids themselves, or ValueError with what is allowed."""
    return _check_ids(groups, _SECURITY_GROUP, "security group ids such as sg-0123456789abcdef0")


def _check_ids(ids: Iterable[str], pattern: re.Pattern[str], allowed: str) -> tuple[str, ...]:
    ids = tuple(ids)
    if not 1 <= len(ids) <= MAX_IDS:
        raise ValueError(f"found {len(ids)} ids; allowed: 1 to {MAX_IDS} {allowed}")
    for one in ids:
        if _TOKEN not in one and not pattern.fullmatch(one):
            raise ValueError(f"found {one!r}; allowed: {allowed}")
        if ids.count(one) > 1:
            raise ValueError(f"found {one!r} twice; allowed: each id once")
    return ids
