"""The policy documents of an execution role, without the CDK: who may assume it, and what it may do in S3.

Deployments write them, and whoever validates a fleet writes them again from the record to compare.
"""

from typing import Any

from interpreter_fleet.manifest import Access, Trust
from interpreter_fleet.naming import SEPARATOR

SERVICE = "bedrock-agentcore.amazonaws.com"

_OBJECT_ACTIONS: dict[Access, list[str]] = {
    "read": ["s3:GetObject"],
    "write": ["s3:PutObject", "s3:DeleteObject"],
    "read-write": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
}


def trust_policy(
    *, partition: str, region: str, account: str, base: str, trust: Trust = "exact"
) -> dict[str, Any]:
    """The trust policy: AgentCore, in this account, for this interpreter.

    `exact` lets every generation of `<base>` in and no other interpreter (`<base>*` would also match
    `<base>2`). `account` lets any AgentCore resource of the account in, as AWS's own example does: for
    accounts where the service's role validation asks for it.
    """
    source = f"arn:{partition}:bedrock-agentcore:{region}:{account}:"
    source += "*" if trust == "account" else f"code-interpreter-custom/{base}{SEPARATOR}*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": SERVICE},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnLike": {"aws:SourceArn": source},
                },
            }
        ],
    }


def storage_policy(
    *, partition: str, account: str, bucket: str, prefix: str, access: Access
) -> dict[str, Any]:
    """The S3 policy: objects under the prefix, and for readers the list of that prefix.

    `write` is PutObject and DeleteObject without a list. Nothing aborts a multipart upload by itself: the
    fleet's bucket ends unfinished ones by a lifecycle rule. `aws:ResourceAccount` keeps the role out of a
    bucket of that name in another account.
    """
    own_account = {"StringEquals": {"aws:ResourceAccount": account}}
    arn = f"arn:{partition}:s3:::{bucket}"
    statements: list[dict[str, Any]] = [
        {
            "Sid": "ObjectsUnderPrefix",
            "Effect": "Allow",
            "Action": _OBJECT_ACTIONS[access],
            "Resource": f"{arn}/{prefix}*",
            "Condition": own_account,
        }
    ]
    if access != "write":
        statements.append(
            {
                "Sid": "ListOfPrefix",
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": arn,
                "Condition": {**own_account, "StringLike": {"s3:prefix": [f"{prefix}*"]}},
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}
