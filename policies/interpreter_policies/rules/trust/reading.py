"""What the trust rules have in common: reading statements, comparing ARN patterns."""

from interpreter_policies.iam.document import Statement, parse
from interpreter_policies.iam.globs import classes, glob
from interpreter_policies.view import Role

SERVICE = "bedrock-agentcore.amazonaws.com"
SOURCE = "arn:<AWS::Partition>:bedrock-agentcore:<AWS::Region>:<AWS::AccountId>:code-interpreter-custom/"
# Operators that bind a key that may be absent (…IfExists) or that negate bind nothing.
ACCOUNT_OPERATORS = frozenset({"StringEquals"})
ARN_OPERATORS = frozenset({"ArnLike", "ArnEquals", "StringLike", "StringEquals"})


def allowing(role: Role) -> list[Statement]:
    """The trust policy's Allow statements; raises if it cannot be read."""
    return [statement for statement in parse(role.trust) if statement.effect == "Allow"]


def values_of(statement: Statement, operators: frozenset[str], key: str) -> tuple[str, ...]:
    """What a statement binds a condition key to with these operators; empty if it does not."""
    found = [one.values for one in statement.conditions if one.operator in operators and one.key == key]
    return found[0] if len(found) == 1 else ()


def outside(pattern: str, of: str) -> str | None:
    """A text that the first pattern matches and the second does not; None if there is none."""
    return classes([glob(pattern), glob(of)]).get(frozenset([0]))


def meets(pattern: str, other: str) -> bool:
    """Whether any text matches both."""
    return frozenset([0, 1]) in classes([glob(pattern), glob(other)])
