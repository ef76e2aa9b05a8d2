"""ACCI-012."""

from collections.abc import Sequence
from typing import Any

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter

_SERVICE = "bedrock-agentcore.amazonaws.com"


class ExactTrust(Rule):
    """The execution role trusts the service on behalf of this one interpreter, and nobody else."""

    id = "ACCI-012"
    title = "trust policy names exactly this interpreter"
    severity = "critical"
    why = "Whoever can assume the role has its permissions, without any sandbox around them."
    fix = (
        "One statement: Service bedrock-agentcore.amazonaws.com, sts:AssumeRole, "
        "StringEquals aws:SourceAccount, ArnLike aws:SourceArn of its ids (trust: exact in fleet.yaml)."
    )

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        trust = role.trust
        statements = trust.get("Statement") if isinstance(trust, dict) else None
        statements = statements if isinstance(statements, list) else [statements]
        if len(statements) != 1:
            return failed(f"trust policy has {len(statements)} statements, expected 1")
        expected = _expected(interpreter.id_pattern)
        found = _normal(statements[0])
        for element in (*expected, *(key for key in found if key not in expected and key != "Sid")):
            if found.get(element) != expected.get(element):
                return failed(
                    f"trust policy {element} is {found.get(element)}, expected {expected.get(element)}"
                )
        return passed(f"trusts {_SERVICE} for {interpreter.id_pattern}")


def _expected(id_pattern: str) -> dict[str, Any]:
    source = "arn:<AWS::Partition>:bedrock-agentcore:<AWS::Region>:<AWS::AccountId>:code-interpreter-custom/"
    return {
        "Effect": "Allow",
        "Principal": {"Service": [_SERVICE]},
        "Action": ["sts:assumerole"],
        "Condition": {
            "StringEquals": {"aws:sourceaccount": ["<AWS::AccountId>"]},
            "ArnLike": {"aws:sourcearn": [source + id_pattern]},
        },
    }


def _normal(statement: Any) -> dict[str, Any]:
    """Single values as lists, names that IAM compares without case in lower case."""
    if not isinstance(statement, dict):
        return {}
    normal = dict(statement)
    if "Action" in normal:
        normal["Action"] = [str(action).lower() for action in _list(normal["Action"])]
    if isinstance(normal.get("Principal"), dict):
        normal["Principal"] = {kind: _list(names) for kind, names in normal["Principal"].items()}
    if isinstance(normal.get("Condition"), dict):
        normal["Condition"] = {
            operator: {key.lower(): _list(values) for key, values in block.items()}
            for operator, block in normal["Condition"].items()
            if isinstance(block, dict)
        }
    return normal


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
