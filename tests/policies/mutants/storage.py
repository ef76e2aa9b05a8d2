"""The bucket."""

from .compliant import ACCOUNT, SERVICE, att, s3
from .edits import (
    BLOCK,
    NO_VALUE,
    ROOT,
    TLS,
    VALUE,
    Mutant,
    Row,
    both,
    caught,
    drop,
    each,
    others,
    put,
    rename,
    rules,
)

FLAGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def _bucket() -> list[Mutant]:
    properties = "Bucket/Properties"
    rows: list[Row] = []
    for flag in FLAGS:
        rows += [
            (f"{flag} false", put(f"{BLOCK}/{flag}", False)),
            (f"{flag} as the text false", put(f"{BLOCK}/{flag}", "false")),
            (f"{flag} left out", drop(f"{BLOCK}/{flag}")),
            (f"{flag} no value", put(f"{BLOCK}/{flag}", NO_VALUE)),
        ]
    rows += [
        ("no public access block", drop(BLOCK)),
        ("not encrypted", drop(f"{properties}/BucketEncryption")),
        ("not versioned", drop(f"{properties}/VersioningConfiguration")),
        ("versioning suspended", put(f"{properties}/VersioningConfiguration/Status", "Suspended")),
        ("no bucket policy", drop("BucketPolicy")),
        ("the policy of another bucket", put("BucketPolicy/Properties/Bucket", {"Ref": "Shared"})),
        *each(
            "without TLS denied for",
            f"{TLS}/0/Principal",
            [{"AWS": att("Role")}, {"AWS": ROOT}, {"Service": SERVICE}],
        ),
        *each(
            "without TLS denied",
            f"{TLS}/0/Action",
            ["s3:GetObject", "s3:Get*", ["s3:GetObject", "s3:PutObject"], "s3:Put*"],
        ),
        *each(
            "without TLS denied on",
            f"{TLS}/0/Resource",
            [
                att("Bucket"),
                s3("data/*"),
                s3("data/analytics/*"),
                [s3("data"), s3("data/analytics/*")],
                [s3("shared"), s3("shared/*")],
            ],
        ),
        *each("TLS", f"{TLS}/0/Condition/Bool/aws:SecureTransport", ["true", True, ["true", "false"]]),
        ("all denied, with TLS or without", rename(f"{TLS}/0/Condition/Bool", "Null")),
        (
            "without TLS denied from outside",
            put(f"{TLS}/0/Condition/NotIpAddress", {"aws:SourceIp": "10.0.0.0/8"}),
        ),
        (
            "without TLS denied to strangers",
            put(f"{TLS}/0/Condition/StringNotEquals", {"aws:PrincipalAccount": ACCOUNT}),
        ),
        ("no condition on TLS", drop(f"{TLS}/0/Condition")),
        ("TLS of another key", rename(f"{TLS}/0/Condition/Bool/aws:SecureTransport", "aws:ViaAWSService")),
        ("only others are denied", rename(f"{TLS}/0/Principal", "NotPrincipal")),
    ]
    found = caught("050", rows)
    found += caught(
        "050",
        [("the other bucket is not private", drop("Shared/Properties/PublicAccessBlockConfiguration"))],
        subject="Reader",
        others=others("050", "Writer"),
    )
    found += caught(
        "",
        [
            *each("flag", f"{BLOCK}/BlockPublicAcls", ["true"]),
            *each("without TLS denied for", f"{TLS}/0/Principal", ["*", {"AWS": ["*"]}]),
            *each("without TLS denied", f"{TLS}/0/Action", ["*", ["s3:*"]]),
            *each("without TLS denied on", f"{TLS}/0/Resource", ["*", [s3("data"), s3("data/*")]]),
            *each("TLS", f"{TLS}/0/Condition/Bool/aws:SecureTransport", [False, ["false"]]),
            (
                "encrypted by a key",
                put(
                    f"{properties}/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault",
                    {"SSEAlgorithm": "aws:kms"},
                ),
            ),
        ],
    )
    found += caught(
        "", [("no bucket in the template", both(drop("Bucket"), drop("BucketPolicy")))], unknown=rules("050")
    )
    found += caught(
        "", [("a flag of any value", put(f"{BLOCK}/BlockPublicAcls", VALUE))], unknown=rules("050")
    )
    return found


ROWS = (*_bucket(),)
