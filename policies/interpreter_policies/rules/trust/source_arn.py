"""ACCI-012."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.trust.reading import (
    ARN_OPERATORS,
    SERVICE,
    SOURCE,
    allowing,
    met_by_service,
    outside,
    values_of,
)
from interpreter_policies.view import Interpreter


class SourceArn(Rule):
    """The service may assume the role only on behalf of this interpreter."""

    id = "ACCI-012"
    title = "trust policy names exactly this interpreter"
    severity = "high"
    why = (
        "With a wider pattern a neighbour whose name begins alike, or any AgentCore resource, gets the role."
    )
    fix = "ArnLike aws:SourceArn ending in the ids of this interpreter (trust: exact in fleet.yaml)."
    source = "AWS docs, confused deputy prevention; service authorization reference of AgentCore"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        own = SOURCE + interpreter.id_pattern
        for statement in allowing(role):
            bounds = values_of(statement, ARN_OPERATORS, "aws:sourcearn")
            if not bounds:
                return failed(f"aws:SourceArn is not bound, expected {own}")
            literal = any(
                one.operator == "StringEquals" and any("*" in v or "?" in v for v in one.values)
                for one in statement.conditions
                if one.key == "aws:sourcearn"
            )
            if literal:
                return failed("aws:SourceArn is compared with StringEquals, which has no wildcards")
            for bound in bounds:
                beyond = outside(bound, own)
                if beyond is not None:
                    return failed(f"aws:SourceArn {bound} also matches {beyond!r}, expected {own}")
        if met_by_service(role, own) is None:
            return failed(f"no request of {SERVICE} on behalf of {own} can meet the trust policy")
        return passed(f"aws:SourceArn is within {own}, and the service can meet it")
