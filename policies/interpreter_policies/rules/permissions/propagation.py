"""ACCI-026."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Statement
from interpreter_policies.iam.proof import counterexample, describe
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class Propagation(Rule):
    """The role can neither use nor make interpreters."""

    id = "ACCI-026"
    title = "role cannot use or make interpreters"
    severity = "critical"
    why = "Code in a session could start others, with other roles, and so on from there."
    fix = "Remove bedrock-agentcore actions from the execution role."
    source = "service authorization reference of AgentCore"
    waivable = False

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        shown = counterexample(role.permissions, _ALL_ELSE)
        if shown is not None:
            return failed(f"the role allows {describe(shown)}")
        return passed("proven: allows none of these actions")


_FORBIDDEN = (
    "bedrock-agentcore:create*",
    "bedrock-agentcore:update*",
    "bedrock-agentcore:delete*",
    "bedrock-agentcore:start*",
    "bedrock-agentcore:invoke*",
)
_ALL_ELSE = (Statement("Allow", not_actions=_FORBIDDEN, resources=("*",)),)
