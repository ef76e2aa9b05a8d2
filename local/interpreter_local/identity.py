"""What the service asks of the account: may the caller pass this role, does the role trust the service, does
this network exist?

Answered by the endpoint's IAM and EC2 (`ministack`); the service itself knows only these questions.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from .state import Scope

SERVICE_PRINCIPAL = "bedrock-agentcore.amazonaws.com"


class Identity(Protocol):
    """The questions; each answer is None or empty when all is well, else the reason in words."""

    def cannot_pass(self, role_arn: str) -> str | None:
        """Why the caller of the current request may not pass the role to the service (iam:PassRole)."""

    def not_assumable(self, scope: Scope, role_arn: str, interpreter_arn: str) -> str | None:
        """Why the service may not assume the role on behalf of this interpreter (its trust policy)."""

    def network_problems(self, scope: Scope, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What is wrong with the subnets and security groups of a `vpcConfig`, as (field, message)."""
