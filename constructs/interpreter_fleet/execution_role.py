"""The execution role of one interpreter: who may assume it, and what it may do in S3.

Whoever may invoke an interpreter holds its role: the credentials are readable inside a session in every
network mode. The role is therefore the boundary, and it is made for one interpreter and no other.
Policies are inline, so that role, interpreter and record are three resources of a stack.
"""

from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

# AWS's managed policy BedrockAgentCoreFullAccess passes only roles that match `*BedrockAgentCore*`; a path
# satisfies it without a fixed role name.
ROLE_PATH = "/BedrockAgentCore/"


def boundary_arn(boundary: str, *, partition: str, account: str) -> str:
    """The ARN of a permissions boundary that is given as an ARN, or as a policy's name in the account."""
    return boundary if boundary.startswith("arn:") else f"arn:{partition}:iam::{account}:policy/{boundary}"


def execution_role(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own word
    *,
    description: str,
    trust: dict[str, Any],
    storage: dict[str, Any] | None,
    permissions_boundary: str | None,
) -> iam.CfnRole:
    """The role itself, unnamed: a name would make the role's replacement collide too."""
    return iam.CfnRole(
        scope,
        id,
        assume_role_policy_document=trust,
        description=description,
        path=ROLE_PATH,
        permissions_boundary=permissions_boundary,
        policies=None
        if storage is None
        else [iam.CfnRole.PolicyProperty(policy_name="storage", policy_document=storage)],
    )
