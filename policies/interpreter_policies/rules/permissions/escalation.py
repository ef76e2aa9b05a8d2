"""ACCI-025."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule
from interpreter_policies.rules.reach import all_but, within
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
        return within(interpreter, ENVELOPE, "allows none of these actions")


ENVELOPE = all_but(
    "iam:*",
    "sts:assumerole*",
    "sts:assumeroot",
    "sts:getfederationtoken",
    "lambda:createfunction",
    "lambda:update*",
    "lambda:addpermission",
    "ec2:runinstances",
    "ssm:sendcommand",
    "ssm:startsession",
    "ssm:startautomationexecution",
    "ssm:createassociation",
    "cloudformation:createstack",
    "cloudformation:updatestack",
    "cloudformation:createchangeset",
    "cloudformation:executechangeset",
    "cloudformation:createstackset",
    "codebuild:startbuild*",
    "ec2:associateiaminstanceprofile",
    "ecs:runtask",
    "glue:createjob",
    "secretsmanager:*",
    "kms:creategrant",
    "kms:putkeypolicy",
    "kms:replicatekey",
)
