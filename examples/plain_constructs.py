"""Interpreters in an app of your own, without fleet.yaml: your stack, your bucket, your caller, an alarm.

    cdk synth --app 'python3 examples/plain_constructs.py'

To have the policy check stand in the way of this app too, register it before `synth()`, as app.py does.
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from interpreter_fleet import CodeInterpreter, Network, PrefixStorage


def assistant(app: cdk.App) -> cdk.Stack:
    """An assistant that computes on files in one interpreter, and reads their summaries in another."""
    stack = cdk.Stack(app, "assistant")
    bucket = s3.Bucket(stack, "Files", enforce_ssl=True, versioned=True)

    compute = CodeInterpreter(
        stack,
        "Compute",
        fleet="assistant",
        base="compute",
        description="Computes on the assistant's files",
        storage=PrefixStorage(bucket.bucket_name, "work/", "read-write"),
    )
    summaries = CodeInterpreter(
        stack,
        "Summaries",
        fleet="assistant",
        base="summaries",
        network=Network.sandbox(),
        storage=PrefixStorage(bucket.bucket_name, "summaries/", "read"),
        tags={"data-class": "internal"},
    )

    # Whoever may use an interpreter holds its role: grant it to the one that needs it and to nobody else.
    caller = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    for interpreter in (compute, summaries):
        interpreter.grant_use(caller)
        interpreter.grant_lookup(caller)

    compute.metric_throttles().create_alarm(stack, "Throttled", threshold=1, evaluation_periods=3)
    return stack


if __name__ == "__main__":
    app = cdk.App()
    assistant(app)
    app.synth()
