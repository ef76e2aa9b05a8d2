"""ACCI-062."""

import re
from collections.abc import Sequence

from interpreter_policies.iam.document import Statement
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.callers.reading import callers, granting, known_grant, reaches, refuse_unread
from interpreter_policies.rules.trust.reading import SERVICE
from interpreter_policies.view import Interpreter


class PassRole(Rule):
    """Only a deployer can give the execution role to another interpreter.

    A deployer passes roles that it names, to AgentCore and nobody else.
    """

    id = "ACCI-062"
    title = "nobody but a deployer can pass the role on"
    severity = "critical"
    why = "Who may create an interpreter and pass the role to it has the role's rights, without limits."
    fix = "Name the roles in iam:PassRole and bind iam:PassedToService to bedrock-agentcore.amazonaws.com."
    source = "pathfinding.cloud bedrock-001; AWS docs, granting permissions to pass a role"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        deployers = []
        identities = list(callers(interpreter.assembly))
        for identity in identities:
            if granted := known_grant(identity):
                return failed(f"{identity.title} may pass the role to an interpreter of its own by {granted}")
            passing = [
                one
                for one in granting(identity, ("iam:passrole",))
                if any(reaches(one, arn) for arn in role.arns)
            ]
            if not passing or not granting(identity, ("bedrock-agentcore:createcodeinterpreter",)):
                continue
            if not all(_deploys(one) for one in passing):
                return failed(f"{identity.title} may pass the role to an interpreter of its own")
            deployers.append(identity.title)
        for identity in identities:
            refuse_unread(identity)
        return passed(
            f"deployed by {', '.join(deployers)}" if deployers else "nobody in the templates passes it"
        )


def _deploys(statement: Statement) -> bool:
    service = any(
        one.operator in ("StringEquals", "StringLike") and (one.key, one.values) == _TO_AGENTCORE
        for one in statement.conditions
    )
    # `role/*` is every role; `role/BedrockAgentCore/*` are those of a path.
    named = all(_NAMED.fullmatch(one) for one in statement.resources)
    return service and named and not statement.not_resources


_PART = r"(?:<[^<>]+>|[^:<])*"
_NAMED = re.compile(rf"arn:{_PART}:iam::{_PART}:role/[^*?$].*|<[^<>]+Arn>")
_TO_AGENTCORE = ("iam:passedtoservice", (SERVICE,))
