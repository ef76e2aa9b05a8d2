"""What callers of an interpreter are granted: the actions, and the ARN family they are granted on.

Custom interpreters are `<account>:code-interpreter-custom/<id>`; `<account>:code-interpreter/*`, which some
published examples name, matches neither them nor AWS's managed interpreter (service authorization
reference of Amazon Bedrock AgentCore).
"""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

USE = (
    "bedrock-agentcore:StartCodeInterpreterSession",
    "bedrock-agentcore:InvokeCodeInterpreter",
    "bedrock-agentcore:StopCodeInterpreterSession",
)
READ = (
    "bedrock-agentcore:GetCodeInterpreter",
    "bedrock-agentcore:GetCodeInterpreterSession",
)
LIST_SESSIONS = ("bedrock-agentcore:ListCodeInterpreterSessions",)
# The one action here without resource-level permissions: it needs "*".
LIST_INTERPRETERS = ("bedrock-agentcore:ListCodeInterpreters",)
LOOKUP = ("ssm:GetParameter",)


def grant(scope: Construct, grantee: iam.IGrantable, actions: Sequence[str], arn: str) -> iam.Grant:
    """Allow `grantee` these actions on `arn`, in its own policy: interpreters have no resource policy.

    An identity that policies cannot be added to (an imported role of another account, a service) would be
    silently left without: that fails the synthesis.
    """
    given = iam.Grant.add_to_principal(
        scope=scope, grantee=grantee, actions=list(actions), resource_arns=[arn]
    )
    given.assert_success()
    return given
