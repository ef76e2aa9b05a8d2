"""ACCI-025."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Statement
from interpreter_policies.iam.proof import counterexample, describe
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class Escalation(Rule):
    """The role can neither raise its own rights nor settle elsewhere."""

    id = "ACCI-025"
    title = "role cannot escalate or persist"
    severity = "critical"
    why = "Code in a session could make itself a way back that outlives the session."
    fix = "Remove these actions; no interpreter needs them."
    source = "AWS docs, IAM privilege escalation; actions that create or change identities and code"
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
    "iam:*",
    "sts:assumerole*",
    "sts:getfederationtoken",
    "lambda:createfunction",
    "lambda:update*",
    "lambda:addpermission",
    "ec2:runinstances",
    "ssm:sendcommand",
    "ssm:startsession",
    "cloudformation:createstack",
    "cloudformation:updatestack",
    "cloudformation:createchangeset",
    "secretsmanager:*",
    "kms:creategrant",
    "kms:putkeypolicy",
)
_ALL_ELSE = (Statement("Allow", not_actions=_FORBIDDEN, resources=("*",)),)
