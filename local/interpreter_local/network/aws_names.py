"""Host names of AWS endpoints, taken apart.

The forms are those of the S3 user guide (virtual hosting, dual stack, the older dash form) and of AWS service
endpoints (`service.region.suffix`, `service.suffix`).
"""

import re
from dataclasses import dataclass

SUFFIXES = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_S3_DASH = re.compile(r"s3-([a-z]{2}(?:-[a-z]+){1,3}-\d{1,2})")
# The services that sessions can be let to, by their label in a host name, and what their requests are signed
# for (botocore's endpoints). Left out is whatever would act on this machine for a session, outside of its
# sandbox: run code (Lambda, CloudFormation, CodeBuild …) or call addresses (SNS, API Gateway, EventBridge …).
SERVED = {
    "bedrock-agentcore": "bedrock-agentcore",
    "bedrock-agentcore-control": "bedrock-agentcore",
    "cloudtrail": "cloudtrail",
    "dynamodb": "dynamodb",
    "iam": "iam",
    "kinesis": "kinesis",
    "kms": "kms",
    "logs": "logs",
    "monitoring": "monitoring",
    "organizations": "organizations",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "servicequotas": "servicequotas",
    "sqs": "sqs",
    "ssm": "ssm",
    "streams.dynamodb": "dynamodb",
    "sts": "sts",
    "tagging": "tagging",
}


@dataclass(frozen=True)
class AwsName:
    """An endpoint: its service's label (`s3`, `streams.dynamodb`), region (None: global), bucket if any."""

    host: str
    service: str
    region: str | None = None
    bucket: str | None = None


def parse(host: str, partition: str = "aws") -> AwsName | None:
    """The endpoint that a host name means; None when it is no name of AWS or malformed. No port."""
    host = host.lower().removesuffix(".")
    suffix = SUFFIXES.get(partition, SUFFIXES["aws"])
    if not host.endswith(f".{suffix}") or len(host) > 253:
        return None
    labels = host.removesuffix(f".{suffix}").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return _s3(host, labels) or _other(host, labels)


def _s3(host: str, labels: list[str]) -> AwsName | None:
    region: str | None
    if labels[-1] == "s3":
        rest, region = labels[:-1], None
    elif len(labels) > 1 and labels[-2] == "s3" and _REGION.fullmatch(labels[-1]):
        rest, region = labels[:-2], labels[-1]
    elif len(labels) > 2 and labels[-3:-1] == ["s3", "dualstack"] and _REGION.fullmatch(labels[-1]):
        rest, region = labels[:-3], labels[-1]
    elif found := _S3_DASH.fullmatch(labels[-1]):
        rest, region = labels[:-1], found[1]
    else:
        return None
    return AwsName(host, "s3", region, ".".join(rest) or None)


def _other(host: str, labels: list[str]) -> AwsName:
    if len(labels) > 1 and _REGION.fullmatch(labels[-1]):
        return AwsName(host, ".".join(labels[:-1]), labels[-1])
    return AwsName(host, ".".join(labels))
