"""Whose network it is: what the parts of a session's network know of the session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .aws_names import SERVED, AwsName

Mode = Literal["SANDBOX", "PUBLIC", "VPC"]


@dataclass(frozen=True)
class Attachment:
    """A session that is about to start, for everything that acts on its behalf.

    `role_arn` is None for an interpreter without execution role; `vpc` is `vpcConfig` as it was created with,
    in VPC mode only.
    """

    account: str
    region: str
    session_id: str
    interpreter_id: str
    interpreter_arn: str
    mode: Mode
    role_arn: str | None = None
    vpc: Mapping[str, Any] | None = None
    partition: str = "aws"


@dataclass(frozen=True)
class Way:
    """How a request gets to AWS: condition keys that it adds to the request, and an endpoint's own policy.

    `context` holds keys such as `aws:SourceVpce`; `policy` is a JSON document that must allow the request
    beside IAM, None where there is no such policy.
    """

    context: Mapping[str, str] = field(default_factory=dict)
    policy: str | None = None


# The way to an AWS endpoint, or None where the session has none: only ever one that is in `SERVED`.
Reach = Callable[[AwsName], Way | None]


def sandbox_reach(session: Attachment) -> Reach:
    """SANDBOX: S3 of the session's own region and nothing else (recorded 2026-10).

    The global name `s3.amazonaws.com` is that of us-east-1; behind a bucket's name it stands for the bucket's
    region.
    """

    def reach(name: AwsName) -> Way | None:
        if name.service != "s3":
            return None
        here = name.region == session.region or (
            name.region is None and (name.bucket is not None or session.region == "us-east-1")
        )
        return Way() if here else None

    return reach


def public_reach(name: AwsName) -> Way | None:
    """PUBLIC: every service that sessions can be let to, in any region."""
    return Way() if name.service in SERVED else None
