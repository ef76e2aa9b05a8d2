"""What the service asks of IAM: may the caller pass this role, and does the role trust the service?

Answered by the endpoint's IAM (`ministack.py`); the service itself knows only these two questions.
"""

from typing import Protocol

from .state import Scope

SERVICE_PRINCIPAL = "bedrock-agentcore.amazonaws.com"


class Identity(Protocol):
    """The questions; each answer is None when all is well, else the reason in words."""

    def cannot_pass(self, role_arn: str) -> str | None:
        """Why the caller of the current request may not pass the role to the service (iam:PassRole)."""

    def not_assumable(self, scope: Scope, role_arn: str, interpreter_arn: str) -> str | None:
        """Why the service may not assume the role on behalf of this interpreter (its trust policy)."""
