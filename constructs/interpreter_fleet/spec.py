"""What a person writes in fleet.yaml: the models, their defaults and what each value may be.

Nothing is coerced and no key is ignored. `fleet_file.load` reads a file and names the line of every error;
`FleetSpec(...)` in Python checks the same things.
"""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from interpreter_fleet.manifest import Access, NetworkMode, Probe
from interpreter_fleet.naming import check_base, check_fleet, check_prefix
from interpreter_fleet.network import MAX_IDS, check_security_groups, check_subnets
from interpreter_fleet.values import calendar_date, check_description, check_tags, matches, not_blank

NO_PUBLIC_NETWORK = "ACCI-001"
MAX_SHARDS = 64

_RULE = re.compile(r"ACCI-\d{3}")
_TARGET = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?:[1-9]\d{0,4}")
_MODULE = re.compile(r"[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BOUNDARY = re.compile(r"(arn:aws[a-z-]*:iam::(aws|\d{12}):policy/)?[\w+=,.@/-]{1,512}", re.ASCII)


def _ids(check: Callable[[list[str]], tuple[str, ...]]) -> Callable[[list[str]], list[str]]:
    return lambda ids: list(check(ids))


def once(found: list[Any]) -> list[Any]:
    """The list itself, or ValueError when it holds something twice."""
    for one in found:
        if found.count(one) > 1:
            raise ValueError(f"found {one!r} twice; allowed: each once")
    return found


BaseName = Annotated[str, AfterValidator(check_base)]
Tags = Annotated[dict[str, str], AfterValidator(lambda tags: dict(check_tags(tags)))]
Probes = Annotated[list[Probe], Field(min_length=1), AfterValidator(once)]
Libraries = list[
    Annotated[str, AfterValidator(matches(_MODULE, "the name of a Python module, such as pandas"))]
]
Text = Annotated[str, AfterValidator(not_blank)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Waiver(_Spec):
    """One rule that this interpreter is excused from, by whom, why, and for how long."""

    rule: Annotated[str, AfterValidator(matches(_RULE, "the id of a rule, such as ACCI-001"))]
    """The id of the rule, such as ACCI-001."""
    reason: Text
    """Why the risk is taken: it is printed in every report."""
    owner: Text
    """Who answers for it: a person or a team."""
    until: Annotated[
        datetime.date,
        BeforeValidator(calendar_date),
        WithJsonSchema({"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
    ]
    """The last day on which it holds, as YYYY-MM-DD."""


class VpcSpec(_Spec):
    """Where an interpreter in VPC mode is attached. Both belong to a network stack that outlives it."""

    subnets: Annotated[
        list[str], Field(min_length=1, max_length=MAX_IDS), AfterValidator(_ids(check_subnets))
    ]
    """1 to 16 ids of private subnets, in two zones or more."""
    security_groups: Annotated[
        list[str], Field(min_length=1, max_length=MAX_IDS), AfterValidator(_ids(check_security_groups))
    ]
    """1 to 16 ids of security groups."""
    reaches: list[
        Annotated[str, AfterValidator(matches(_TARGET, "a host and a TCP port, such as db.internal:5432"))]
    ] = Field(default_factory=list)
    """Where code in it must get to, as host:port: the canary tries these, and that nothing else answers."""


class StorageSpec(_Spec):
    """The part of the fleet's bucket that an interpreter may reach."""

    access: Access
    """`read` gets and lists, `write` puts and deletes without a list, `read-write` does both."""
    prefix: Annotated[str, AfterValidator(check_prefix)] | None = None
    """The key prefix, ending in '/'. By default the base name and '/'."""


class BucketSpec(_Spec):
    """The bucket of the fleet. By default the fleet makes one and keeps it when it is destroyed."""

    name: (
        Annotated[
            str, AfterValidator(matches(_BUCKET, "the name of a bucket of this account, 3 to 63 characters"))
        ]
        | None
    ) = None
    """An existing bucket of the same account to use instead of making one."""
    retain: bool | None = None
    """Whether a bucket that the fleet made stays when the fleet is destroyed; true by default."""

    @field_validator("retain")
    @classmethod
    def _is_for_our_own_bucket(cls, retain: bool | None, info: ValidationInfo) -> bool | None:
        if retain is not None and info.data.get("name") is not None:
            raise ValueError(
                "found 'retain' with 'name'; allowed: one of them, an existing bucket always stays"
            )
        return retain


class CanaryScheduleSpec(_Spec):
    """A canary again and again, in a stack of its own beside the fleet."""

    every_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 60
    """From one round to the next. One that takes longer is ended, and an alarm says so."""
    at_once: Annotated[int, Field(ge=1, le=1000)] = 16
    """How many interpreters are tried side by side."""
    slow_start_seconds: Annotated[int, Field(ge=1, le=600)] | None = 30
    """An alarm sounds when a tenth of the starts take longer; null: than CloudWatch finds usual here."""


class InterpreterSpec(_Spec):
    """One interpreter, under its base name."""

    description: Annotated[str, AfterValidator(check_description)] | None = None
    """What it is for, 1 to 4096 characters. A change replaces the interpreter."""
    network: NetworkMode = "SANDBOX"
    """SANDBOX reaches Amazon S3 and nothing else; PUBLIC needs a waiver for ACCI-001; VPC needs `vpc`."""
    vpc: Annotated[VpcSpec | None, Field(validate_default=True)] = None
    """Subnets and security groups, for `network: VPC`."""
    storage: StorageSpec | None = None
    """Without it the execution role may do nothing at all."""
    tags: Tags = Field(default_factory=dict)
    """Added to the fleet's tags. A change replaces nothing."""
    shard: Annotated[int, Field(ge=0)] | None = None
    """The stack to live in, instead of the one that the base name hashes to."""
    waivers: Annotated[list[Waiver], Field(validate_default=True)] = Field(default_factory=list)
    """The rules that this interpreter is excused from."""
    probes: Probes | None = None
    """What the canary tries on it, instead of the fleet's `probes`."""
    libraries: Libraries | None = None
    """Python modules that its sessions must be able to import, instead of the fleet's `libraries`."""

    @field_validator("vpc")
    @classmethod
    def _goes_with_vpc_mode(cls, vpc: VpcSpec | None, info: ValidationInfo) -> VpcSpec | None:
        mode = info.data.get("network")
        if mode == "VPC" and vpc is None:
            raise _at(
                "network",
                "found VPC without 'vpc'; allowed: with 'vpc: {subnets: […], security_groups: […]}'",
            )
        if mode not in {"VPC", None} and vpc is not None:
            raise ValueError(f"found 'vpc' with network {mode}; allowed: with network VPC")
        return vpc

    @field_validator("waivers")
    @classmethod
    def _covers_the_public_network(cls, waivers: list[Waiver], info: ValidationInfo) -> list[Waiver]:
        if info.data.get("network") == "PUBLIC" and all(w.rule != NO_PUBLIC_NETWORK for w in waivers):
            raise _at(
                "network",
                "found PUBLIC without a waiver; allowed: SANDBOX, VPC, or with"
                f" 'waivers: [{{rule: {NO_PUBLIC_NETWORK}, reason: …, owner: …, until: YYYY-MM-DD}}]'",
            )
        for rule in (w.rule for w in waivers):
            if sum(w.rule == rule for w in waivers) > 1:
                raise ValueError(f"found {rule} twice; allowed: one waiver a rule")
        return waivers


class FleetSpec(_Spec):
    """A fleet: what fleet.yaml holds."""

    fleet: Annotated[str, AfterValidator(check_fleet)]
    """Its name: a lower-case letter, then lower-case letters, digits and hyphens, at most 20 characters."""
    bucket: BucketSpec = Field(default_factory=BucketSpec)
    """Where interpreters keep files."""
    tags: Tags = Field(default_factory=dict)
    """On every resource of the fleet."""
    permissions_boundary: (
        Annotated[
            str, AfterValidator(matches(_BOUNDARY, "the ARN of an IAM policy, or its name in this account"))
        ]
        | None
    ) = None
    """Set on every execution role: the ARN of a policy, or its name in the account."""
    trust: Literal["exact", "account"] = "exact"
    """Who the execution roles trust: AgentCore for this interpreter, or for anything in the account."""
    shards: Annotated[int, Field(ge=1, le=MAX_SHARDS)] = 1
    """How many stacks the interpreters are spread over. To change it is a migration: most of them move."""
    canary_gate: bool = False
    """Run a canary on every interpreter inside `cdk deploy`; a failure rolls its stack back."""
    canary_schedule: CanaryScheduleSpec | None = None
    """Run the canary again and again on AWS's own engine, with alarms and a dashboard; `{}` is every hour."""
    probes: Probes = Field(default_factory=list)
    """What the canary tries; by default lifecycle, declared, network, storage and identity."""
    libraries: Libraries = Field(default_factory=list)
    """Python modules that sessions must be able to import; for the probe `libraries`."""
    interpreters: Annotated[dict[BaseName, InterpreterSpec], Field(min_length=1)]
    """The interpreters, by base name."""

    @model_validator(mode="after")
    def _has_no_conflict(self) -> Self:
        found = [f"{'.'.join(c.path)}: {c.text()}" for c in conflicts(self.interpreters, self.shards)]
        if found:
            raise PydanticCustomError(CONFLICT, "{text}", {"text": "; ".join(found)})
        return self


CONFLICT = "fleet_conflict"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One interpreter against another, or against the fleet. Paths are from the top of the file."""

    path: tuple[str, ...]
    found: str
    allowed: str
    other: tuple[str, ...] | None = None

    def text(self, line_of_other: int | None = None) -> str:
        where = f" on line {line_of_other}" if line_of_other else ""
        return f"found {self.found}{where}; allowed: {self.allowed}"


def conflicts(interpreters: Mapping[str, InterpreterSpec], shards: int) -> Iterator[Conflict]:
    """Prefixes that overlap and shards that do not exist."""
    owned = sorted((prefix, base) for base, one in interpreters.items() if (prefix := prefix_of(base, one)))
    for i, (prefix, base) in enumerate(owned):
        for longer, other in owned[i + 1 :]:
            if not longer.startswith(prefix):
                break
            yield Conflict(
                _prefix_path(other, interpreters[other]),
                f"{longer!r}, which overlaps {prefix!r} of {base!r}",
                "prefixes that do not overlap",
                _prefix_path(base, interpreters[base]),
            )
    for base, one in interpreters.items():
        if one.shard is not None and one.shard >= shards:
            allowed = f"0 to {shards - 1}, as 'shards' is {shards}"
            yield Conflict(("interpreters", base, "shard"), str(one.shard), allowed)


def _prefix_path(base: str, one: InterpreterSpec) -> tuple[str, ...]:
    given = one.storage is not None and one.storage.prefix is not None
    return ("interpreters", base, "storage", *(["prefix"] if given else []))


def prefix_of(base: str, spec: InterpreterSpec) -> str | None:
    """The key prefix that an interpreter owns; None when it has no storage."""
    if spec.storage is None:
        return None
    return spec.storage.prefix or f"{base}/"


def _at(key: str, text: str) -> PydanticCustomError:
    """An error about a neighbour key of the field whose check finds it."""
    return PydanticCustomError("spec_rule", "{text}", {"text": text, "at": key})


def json_schema() -> dict[str, Any]:
    """The JSON schema of fleet.yaml, for editors: shapes and words, not the checks across keys."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **FleetSpec.model_json_schema(),
    }
