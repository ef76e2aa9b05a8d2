"""What a deployment leaves behind for others: one record an interpreter, in SSM Parameter Store.

The id of an interpreter changes when it is replaced; the parameter `/interpreter-fleet/<fleet>/<base>` does
not. This module needs neither the CDK nor boto3, so that the machine that validates a fleet needs no Node.
"""

import json
import re
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args, get_origin

SCHEMA = 1
PARAMETER_ROOT = "/interpreter-fleet"

NetworkMode = Literal["SANDBOX", "PUBLIC", "VPC"]
Access = Literal["read", "write", "read-write"]
Trust = Literal["exact", "account"]
Probe = Literal[
    "lifecycle",
    "declared",
    "network",
    "storage",
    "identity",
    "tools",
    "isolation",
    "libraries",
    "limits",
]
DEFAULT_PROBES: tuple[Probe, ...] = ("lifecycle", "declared", "network", "storage", "identity")
_ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+")
# Keys that came after schema 1 was first written: a record without them is read, with the defaults.
_LATER = frozenset({"trust", "permissions_boundary", "tags", "probes", "reaches", "libraries"})


class RecordError(ValueError):
    """A parameter does not hold a record that this version reads; the text says which and why."""


def parameter_path(fleet: str) -> str:
    """Where all records of a fleet are, for `ssm:GetParametersByPath`: `/interpreter-fleet/<fleet>`."""
    return f"{PARAMETER_ROOT}/{fleet}"


def parameter_name(fleet: str, base: str) -> str:
    """The parameter of one interpreter: `/interpreter-fleet/<fleet>/<base>`."""
    return f"{parameter_path(fleet)}/{base}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One deployed interpreter. `schema` counts up on a breaking change of these keys."""

    schema: int = SCHEMA
    fleet: str
    base: str
    name: str
    id: str
    arn: str
    role_arn: str
    network_mode: NetworkMode
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    bucket: str | None = None
    prefix: str | None = None
    access: Access | None = None
    stack: str
    # None: the record is older than this key, so nobody knows.
    trust: Trust | None = None
    permissions_boundary: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    # What a canary tries instead of the defaults; where a VPC interpreter must get to; what it must import.
    probes: tuple[str, ...] = ()
    reaches: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    @property
    def parameter(self) -> str:
        """The SSM parameter that holds this record."""
        return parameter_name(self.fleet, self.base)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the parameter, keys as in docs/architecture.md."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, parameter: str) -> Self:
        """Read the value of `parameter`; anything but a complete record of this schema is a RecordError."""
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise RecordError(f"{parameter}: not JSON: {error}") from error
        if not isinstance(found, dict):
            raise RecordError(f"{parameter}: found {_kind(found)}; allowed: a JSON object")
        if found.get("schema") != SCHEMA:
            raise RecordError(
                f"{parameter}: schema: found {found.get('schema')!r}; allowed: {SCHEMA};"
                " deploy the fleet with this version, or use the version that deployed it"
            )
        for one in fields(cls):
            if one.name not in found:
                if one.name in _LATER:
                    continue
                raise RecordError(f"{parameter}: required key {one.name!r} is missing")
            if not _fits(found[one.name], one.type):
                raise RecordError(
                    f"{parameter}: {one.name}: found {found[one.name]!r}; allowed: {_name(one.type)}"
                )
        for key in ("arn", "role_arn"):
            if not _ARN.fullmatch(found[key]):
                raise RecordError(f"{parameter}: {key}: found {found[key]!r}; allowed: an ARN")
        # Keys that a later version added are none of ours: only a breaking change raises `schema`.
        record = cls(**{f.name: _frozen(found[f.name]) for f in fields(cls) if f.name in found})
        if record.parameter != parameter:
            raise RecordError(f"{parameter}: holds the record of {record.parameter}")
        if (record.bucket is None, record.prefix is None, record.access is None) not in {
            (True, True, True),
            (False, False, False),
        }:
            raise RecordError(f"{parameter}: bucket, prefix and access are either all null or all given")
        return record


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if get_origin(kind) is Mapping:
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    if isinstance(kind, types.UnionType) or type(None) in get_args(kind):
        return any(_fits(value, part) for part in get_args(kind))
    if kind is int:
        return type(value) is int
    return isinstance(value, kind)


def _name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of text"
    if get_origin(kind) is Mapping:
        return "an object of texts"
    if type(None) in get_args(kind):
        return " or ".join(_name(part) for part in get_args(kind))
    return {str: "text", int: "a number", type(None): "null"}[kind]


def _kind(value: object) -> str:
    return {list: "a list", str: "text", type(None): "null"}.get(type(value), "a number")
