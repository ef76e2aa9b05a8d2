"""Where interpreters keep files: one bucket of the fleet, one prefix of it for each interpreter."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from interpreter_fleet.manifest import Access
from interpreter_fleet.naming import check_prefix

NONCURRENT_DAYS = 30
ABANDONED_UPLOAD_DAYS = 7


@dataclass(frozen=True, slots=True)
class PrefixStorage:
    """The part of a bucket that an interpreter may reach.

    `bucket` is the bucket's name (or its CDK token): passed by name, so no stack exports anything.
    """

    bucket: str
    prefix: str
    access: Access = "read-write"

    def __post_init__(self) -> None:
        check_prefix(self.prefix)


def fleet_bucket_name(fleet: str, *, account: str, region: str) -> str:
    """The name of the bucket that a fleet makes: known before it exists, in every stack."""
    return f"{fleet}-interpreters-{account}-{region}"


def fleet_bucket(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own word
    *,
    bucket_name: str,
    retain: bool = True,
) -> s3.Bucket:
    """A private, encrypted, versioned bucket that answers TLS 1.2 and above only.

    `retain` keeps it when the stack goes. Otherwise it is deleted with the stack, which succeeds only when
    it holds no object and no version: files are never deleted on the way.
    """
    return s3.Bucket(
        scope,
        id,
        bucket_name=bucket_name,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        lifecycle_rules=[
            s3.LifecycleRule(
                abort_incomplete_multipart_upload_after=cdk.Duration.days(ABANDONED_UPLOAD_DAYS),
                noncurrent_version_expiration=cdk.Duration.days(NONCURRENT_DAYS),
            )
        ],
        removal_policy=cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY,
    )
