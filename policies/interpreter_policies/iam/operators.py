"""Condition operators: what each compares, and how one value of a request is put to it.

IAM reference, "IAM JSON policy elements: Condition operators". A text operator compares with a pattern; the
others compare numbers, times or addresses.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal

from .document import DocumentError
from .globs import Glob, arn_glob, folded, glob, literal, matches

Family = Literal["text", "number", "date", "address", "null"]


class UnsupportedError(ValueError):
    """Something in a policy that is not evaluated here; nothing is claimed about the policy then."""


@dataclass(frozen=True)
class Operator:
    """An operator's name taken apart: what it compares, and what surrounds the comparison."""

    family: Family
    pattern: Callable[[str], Glob] | None = None
    compare: Callable[[Any, Any], bool] | None = None
    negated: bool = False
    if_exists: bool = False
    quantifier: str = ""


def _within(address: IPv4Network | IPv6Network, network: IPv4Network | IPv6Network) -> bool:
    if isinstance(address, IPv4Network):
        return isinstance(network, IPv4Network) and address.subnet_of(network)
    return isinstance(network, IPv6Network) and address.subnet_of(network)


_BASES: dict[str, Operator] = {
    "StringEquals": Operator("text", literal),
    "StringNotEquals": Operator("text", literal, negated=True),
    "StringEqualsIgnoreCase": Operator("text", folded),
    "StringNotEqualsIgnoreCase": Operator("text", folded, negated=True),
    "StringLike": Operator("text", glob),
    "StringNotLike": Operator("text", glob, negated=True),
    # Both forms take wildcards.
    "ArnEquals": Operator("text", arn_glob),
    "ArnLike": Operator("text", arn_glob),
    "ArnNotEquals": Operator("text", arn_glob, negated=True),
    "ArnNotLike": Operator("text", arn_glob, negated=True),
    "Bool": Operator("text", folded),
    "BinaryEquals": Operator("text", literal),
    "Null": Operator("null"),
    "IpAddress": Operator("address", compare=_within),
    "NotIpAddress": Operator("address", compare=_within, negated=True),
}
for _kind, _family in (("Numeric", "number"), ("Date", "date")):
    for _name, _compare in (
        ("Equals", operator.eq),
        ("LessThan", operator.lt),
        ("LessThanEquals", operator.le),
        ("GreaterThan", operator.gt),
        ("GreaterThanEquals", operator.ge),
    ):
        _BASES[f"{_kind}{_name}"] = Operator(_family, compare=_compare)  # type: ignore[arg-type]
    _BASES[f"{_kind}NotEquals"] = Operator(_family, compare=operator.eq, negated=True)  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def operator_of(name: str) -> Operator:
    """Takes an operator's name apart; UnsupportedError if IAM has no such operator."""
    quantifier, _, rest = name.rpartition(":")
    base = rest.removesuffix("IfExists")
    known = _BASES.get(base)
    if (
        known is None
        or quantifier not in ("", "ForAllValues", "ForAnyValue")
        or (known.family == "null" and name != "Null")
    ):
        raise UnsupportedError(f"condition operator {name} is unknown")
    return Operator(known.family, known.pattern, known.compare, known.negated, base != rest, quantifier)


def number(text: str) -> Decimal:
    """A number as a policy or a request writes it. ValueError otherwise."""
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no number") from error
    if not found.is_finite():
        raise ValueError(f"{text!r} is no number")
    return found


def moment(text: str) -> Decimal:
    """A time, ISO 8601 or seconds since 1970, as those seconds. ValueError otherwise."""
    try:
        return number(text)
    except ValueError:
        found = datetime.fromisoformat(text)
    return Decimal(str((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))


_READERS: dict[str, Callable[[str], Any]] = {"number": number, "date": moment, "address": ip_network}


@lru_cache(maxsize=1 << 14)
def test_of(name: str, wanted: str) -> Callable[[str], bool]:
    """The comparison with one value of a policy, before any negation. DocumentError if it is none."""
    found = operator_of(name)
    if found.pattern is not None:
        try:
            pattern = found.pattern(wanted)
        except ValueError as error:
            raise UnsupportedError(f"{name}: {error}") from error
        return lambda value: matches(pattern, value)
    return lambda value: _compared(found, value, wanted_value(name, wanted))


@lru_cache(maxsize=1 << 12)
def wanted_value(name: str, wanted: str) -> Any:
    """A policy's value as number, seconds or network. DocumentError if it is none."""
    family = operator_of(name).family
    try:
        return ip_network(wanted, strict=False) if family == "address" else _READERS[family](wanted)
    except ValueError as error:
        if "<" in wanted:
            raise UnsupportedError(f"{name}: {wanted!r} is known at deployment only") from error
        raise DocumentError(f"{name} holds {wanted!r}, expected a {family}") from error


def _compared(found: Operator, value: str, wanted: Any) -> bool:
    assert found.compare is not None
    try:
        read = _READERS[found.family](value)
    except ValueError:
        return False  # a request's value of another type is equal to none and in no range
    return found.compare(read, wanted)
