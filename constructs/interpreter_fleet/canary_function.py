"""The Lambda function that runs a canary: its code, its log group, and a role that may do only that."""

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from interpreter_fleet import grants
from interpreter_fleet.interpreter import CodeInterpreter

CODE = Path(__file__).with_name("in_lambda")
# What a canary does: the three of a session's life, and a look whether it is over.
ACTIONS = (*grants.USE, "bedrock-agentcore:GetCodeInterpreterSession")
# AWS's default quota is 30 requests a second for each operation; canaries keep to half of it.
PER_SECOND = 15.0
# ARNs of at most 126 characters each in the 6,144 of a managed policy; a role takes ten of these.
POLICY_HOLDS = 40


def canary_function(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own word
    *,
    handler: str,
    description: str,
    timeout: cdk.Duration,
    code: lambda_.Code | None = None,
    log_group: logs.LogGroup | None = None,
    memory: int = 256,
    environment: dict[str, str] | None = None,
) -> lambda_.Function:
    """The function, with a role of its own that may write its log and nothing else yet.

    By default its code is that of the gate, and it has a log of its own. `memory` is in MB.
    """
    log_group = log_group or canary_log(scope, f"{id}Log")
    role = iam.Role(
        scope,
        f"{id}Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description=description,
    )
    log_group.grant_write(role)
    return lambda_.Function(
        scope,
        id,
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        code=code or lambda_.Code.from_asset(str(CODE), exclude=["**/__pycache__", "**/*.pyc"]),
        handler=handler,
        description=description,
        timeout=timeout,
        memory_size=memory,
        role=role,
        log_group=log_group,
        # China and others have another suffix than amazonaws.com.
        environment={"URL_SUFFIX": cdk.Stack.of(scope).url_suffix, **(environment or {})},
    )


def canary_log(scope: Construct, id: str) -> logs.LogGroup:  # noqa: A002 - the CDK's own word
    """Where canaries write what they find; it goes with the stack."""
    return logs.LogGroup(
        scope,
        id,
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


def grant_canary(function: lambda_.Function, interpreters: Sequence[CodeInterpreter]) -> None:
    """Lets it run sessions on these interpreters, every generation of them, and on no other.

    In managed policies under the function: IAM takes 10,240 characters of all inline policies of a role,
    and the CDK does not split a statement that is longer.
    """
    assert function.role is not None
    for number, start in enumerate(range(0, len(interpreters), POLICY_HOLDS)):
        named = interpreters[start : start + POLICY_HOLDS]
        iam.ManagedPolicy(
            function,
            f"Sessions{number}",
            description="Sessions of a canary on the interpreters that it is for",
            roles=[function.role],
            statements=[
                iam.PolicyStatement(actions=list(ACTIONS), resources=[one.arn_pattern for one in named])
            ],
        )
