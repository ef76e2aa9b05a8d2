"""Another judge of the proof: the question put to the SMT solver z3, written from the AWS rules alone.

*Is there a request that the policy allows and the envelope does not?* Action, resource and text keys are
strings, patterns are regular expressions, numbers are reals, addresses integers; each key may be absent.
"""

import ipaddress
from typing import Any

import z3

from .generator import KEYS

_ANY = z3.Full(z3.ReSort(z3.StringSort()))
_CHARACTER = z3.AllChar(z3.ReSort(z3.StringSort()))
_NO_COLON = z3.Diff(_CHARACTER, z3.Re(":"))
_SORTS = {
    "text": z3.String,
    "arn": z3.String,
    "number": z3.Real,
    "address": z3.Int,
    "bool": z3.Bool,
}


class Question:
    """The variables of one request."""

    def __init__(self) -> None:
        self.action, self.resource = z3.String("action"), z3.String("resource")
        self.keys = {key: _SORTS[family](key) for key, (family, _) in KEYS.items()}
        self.there = {key: z3.Bool(f"{key} there") for key in KEYS}


def asked(policy: dict[str, Any], envelope: dict[str, Any], milliseconds: int) -> bool | None:
    """Whether the policy goes beyond the envelope; None if z3 cannot tell in that time."""
    question = Question()
    solver = z3.Solver()
    solver.set("timeout", milliseconds)
    for key, (family, _) in KEYS.items():
        if family == "address":
            # -1 stands for every address that is not IPv4, which is in none of these networks.
            solver.add(question.keys[key] >= -1, question.keys[key] < 2**32)
        if family == "arn":
            # A value of an ARN key is an ARN.
            solver.add(z3.InRe(question.keys[key], _regex("*:*:*:*:*:*")))
    solver.add(_allowed(policy, question), z3.Not(_allowed(envelope, question)))
    answer = solver.check()
    return None if answer == z3.unknown else answer == z3.sat


def _allowed(document: dict[str, Any], question: Question) -> Any:
    parts: dict[str, list[Any]] = {"Allow": [], "Deny": []}
    for statement in document["Statement"]:
        parts[statement["Effect"]].append(_about(statement, question))
    return z3.And(z3.Or(parts["Allow"]), z3.Not(z3.Or(parts["Deny"])))


def _about(statement: dict[str, Any], question: Question) -> Any:
    found = []
    for name, variable in (("Action", question.action), ("Resource", question.resource)):
        negated = f"Not{name}" in statement
        patterns = statement[f"Not{name}" if negated else name]
        patterns = patterns if isinstance(patterns, list) else [patterns]
        if name == "Action":
            patterns = [one.lower() for one in patterns]
        matched = z3.Or([z3.InRe(variable, _regex(one)) for one in patterns])
        found.append(z3.Not(matched) if negated else matched)
    for operator, block in statement.get("Condition", {}).items():
        for key, values in block.items():
            found.append(_holds(operator, key, values if isinstance(values, list) else [values], question))
    return z3.And(found)


def _holds(operator: str, key: str, values: list[str], question: Question) -> Any:
    there, value = question.there[key], question.keys[key]
    if operator == "Null":
        return z3.Not(there) if values[0] == "true" else there
    base = operator.removesuffix("IfExists")
    test = z3.Or([_compared(base, value, one) for one in values])
    negated = "Not" in base
    if negated:
        test = z3.Not(test)
    absent = negated or base != operator
    return z3.Or(z3.And(there, test), z3.And(z3.Not(there), z3.BoolVal(absent)))


def _compared(operator: str, value: Any, wanted: str) -> Any:
    base = operator.replace("Not", "")
    if base == "IpAddress":
        network = ipaddress.ip_network(wanted)
        return z3.And(value >= int(network.network_address), value <= int(network.broadcast_address))
    if base.startswith("Numeric"):
        number = z3.RealVal(wanted)
        comparisons = {
            "NumericEquals": value == number,
            "NumericLessThan": value < number,
            "NumericLessThanEquals": value <= number,
            "NumericGreaterThan": value > number,
            "NumericGreaterThanEquals": value >= number,
        }
        return comparisons[base]
    if base == "Bool":
        return value == z3.BoolVal(wanted == "true")
    if base == "StringEquals":
        return value == z3.StringVal(wanted)
    if base == "StringEqualsIgnoreCase":
        either = [z3.Union(z3.Re(one.lower()), z3.Re(one.upper())) for one in wanted]
        return z3.InRe(value, z3.Concat(*either) if len(either) > 1 else either[0])
    return z3.InRe(value, _regex(wanted, by_part=base.startswith("Arn")))


def _regex(pattern: str, *, by_part: bool = False) -> Any:
    found, colons = [z3.Re("")], 0
    for character in pattern:
        colons += character == ":"
        within = by_part and colons < 5
        if character == "*":
            found.append(z3.Star(_NO_COLON) if within else _ANY)
        elif character == "?":
            found.append(_NO_COLON if within else _CHARACTER)
        else:
            found.append(z3.Re(character))
    return z3.Concat(*found) if len(found) > 1 else found[0]
