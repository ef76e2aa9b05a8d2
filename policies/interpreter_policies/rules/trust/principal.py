"""ACCI-010."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.trust.reading import SERVICE, allowing
from interpreter_policies.view import Interpreter


class Principal(Rule):
    """Only the AgentCore service may assume the execution role."""

    id = "ACCI-010"
    title = "only the AgentCore service may assume the role"
    severity = "critical"
    why = "Whoever can assume the role has its permissions, without any sandbox around them."
    fix = "One principal, Service bedrock-agentcore.amazonaws.com, and one action, sts:AssumeRole."
    source = "AWS docs, AgentCore execution role; confused deputy"
    waivable = False

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        for statement in allowing(role):
            principal = statement.principal
            found = (
                principal.get("Service")
                if isinstance(principal, dict) and set(principal) == {"Service"}
                else None
            )
            if found not in (SERVICE, [SERVICE]):
                return failed(f"trust policy lets {principal} in, expected Service {SERVICE}")
            if statement.actions != ("sts:assumerole",):
                actions = statement.actions or f"all but {statement.not_actions}"
                return failed(f"trust policy allows {actions}, expected sts:AssumeRole")
        return passed(f"trusts {SERVICE} and nobody else")
