"""ACCI-026."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule
from interpreter_policies.rules.reach import all_but, within
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
        return within(interpreter, _ENVELOPE, "allows none of these actions")


_ENVELOPE = all_but(
    "bedrock-agentcore:create*",
    "bedrock-agentcore:update*",
    "bedrock-agentcore:delete*",
    "bedrock-agentcore:start*",
    "bedrock-agentcore:invoke*",
    "bedrock-agentcore:put*",
    "bedrock-agentcore:connect*",
    "bedrock-agentcore:getworkloadaccesstoken*",
    "bedrock-agentcore:getresource*",
)
