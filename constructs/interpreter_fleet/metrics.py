"""CloudWatch metrics of one interpreter.

Namespace, names and dimensions as AWS publishes them: `AWS/Bedrock-AgentCore`, `Resource` is the ARN and
`Operation` the API operation (AWS docs, "Code Interpreter observability"; aws-cdk-lib 2.275). CloudWatch
matches dimensions exactly, so both are always present: the L2's `metric_*_for_api_operation` loses
`Operation` when it is given `dimensions_map`, which is why ours takes none.
"""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

NAMESPACE = "AWS/Bedrock-AgentCore"
SESSION = "CodeInterpreterSession"
INVOKE = "InvokeCodeInterpreter"


def interpreter_metric(
    arn: str,
    metric_name: str,
    *,
    operation: str,
    statistic: str,
    period: cdk.Duration | None = None,
    label: str | None = None,
) -> cloudwatch.Metric:
    """One metric of one API operation; `period` is 5 minutes unless said otherwise."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric_name,
        dimensions_map={"Resource": arn, "Operation": operation},
        statistic=statistic,
        period=period or cdk.Duration.minutes(5),
        label=label,
    )
