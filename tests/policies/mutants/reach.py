"""What a role reaches in S3 and beyond."""

import json

from .compliant import ACCOUNT, OWN_ACCOUNT, allow, att, document, resource, s3, sub
from .edits import (
    DECLARED,
    LIST,
    MAY,
    OBJECTS,
    OWN,
    READS_PERMISSIONS,
    ROOT,
    TLS,
    VALUE,
    Mutant,
    add,
    both,
    caught,
    drop,
    each,
    grant,
    others,
    permitted,
    put,
    rules,
)

OBJECT_ACTIONS = (
    "s3:GetObjectVersion",
    "s3:GetObjectAcl",
    "s3:GetObjectTagging",
    "s3:GetObjectAttributes",
    "s3:GetObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:DeleteObjectVersion",
    "s3:RestoreObject",
    "s3:ListMultipartUploadParts",
    "s3:GetObject*",
    "s3:Get*",
    "s3:DeleteObject*",
    "s3:DeleteObjectV*",
)


ELSEWHERE = (
    "dynamodb:GetItem",
    "sqs:SendMessage",
    "sns:Publish",
    "logs:PutLogEvents",
    "bedrock:InvokeModel",
    "ec2:DescribeInstances",
    "ssm:GetParameter",
    "rds-data:ExecuteStatement",
    "ecr:GetAuthorizationToken",
    "athena:StartQueryExecution",
    "glue:GetTable",
    "events:PutEvents",
    "states:StartExecution",
    "organizations:ListAccounts",
    "ses:SendEmail",
    "kinesis:PutRecord",
    "route53:ChangeResourceRecordSets",
    "sts:GetCallerIdentity",
    "s3:ListAllMyBuckets",
    "s3express:CreateSession",
)


def _reach() -> list[Mutant]:
    where = f"{OBJECTS}/Resource"
    found = caught(
        "020",
        each(
            "objects of",
            where,
            [
                *(
                    s3(path)
                    for path in (
                        "data/analytics*",
                        "data/analytic*",
                        "data/analytics?*",
                        "data/?nalytics/*",
                        "data/*/*",
                        "data/*",
                        "data/Analytics/*",
                        "data/analytics",
                        "data/finance/*",
                        "data*/analytics/*",
                        "dat?/analytics/*",
                        "other/analytics/*",
                        "*/analytics/*",
                        "data",
                        "*",
                    )
                ),
                "*",
                [OWN, s3("data/finance/a.csv")],
                [OWN, s3("shared/reports/*")],
                sub("arn:*:s3:::data/analytics/*"),
                sub("arn:${AWS::Partition}:s3:*:*:accesspoint/data/object/analytics/*"),
                s3("data/${!aws:username}/*"),
            ],
        ),
    )
    found += caught("020", permitted(OBJECT_ACTIONS, OWN) + permitted(ELSEWHERE, "*"))
    found += caught(
        "020",
        [
            ("read anything", grant("s3:GetObject", "*")),
            ("write anything", grant("s3:PutObject", s3("*/*"))),
            (
                "read by an address, which is no limit",
                grant(
                    "s3:GetObject", s3("data/*"), {**OWN_ACCOUNT, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
                ),
            ),
            (
                "read over TLS, which is no limit",
                grant("s3:GetObject", s3("data/*"), {**OWN_ACCOUNT, "Bool": {"aws:SecureTransport": "true"}}),
            ),
            (
                "read tagged objects elsewhere",
                grant(
                    "s3:GetObject",
                    s3("data/*"),
                    {"StringEquals": {"aws:ResourceAccount": ACCOUNT, "s3:ExistingObjectTag/open": "yes"}},
                ),
            ),
            ("one object of a neighbour", grant("s3:GetObject", s3("data/analytics-old/a.csv"))),
        ],
    )
    found += caught(
        "020",
        each("declared access", f"{DECLARED}/Storage/Access", ["read", "write", "none", "Read-Write"])
        + each("declared prefix", f"{DECLARED}/Storage/Prefix", ["analytics/in/", "Analytics/", "finance/"])
        + [("no storage declared", drop(f"{DECLARED}/Storage"))],
    )
    found += caught(
        "020", each("declared bucket", f"{DECLARED}/Storage/Bucket", ["other"]), unknown=rules("050")
    )
    found += caught(
        "020",
        each("declared access", "Reader/Metadata/InterpreterFleet/Storage/Access", ["write"]),
        subject="Reader",
    )
    found += caught(
        "020",
        each("declared access", "Writer/Metadata/InterpreterFleet/Storage/Access", ["read"]),
        subject="Writer",
    )
    found += caught(
        "",
        each("declared access of Writer", "Writer/Metadata/InterpreterFleet/Storage/Access", ["read-write"]),
    )
    elsewhere = allow("s3:GetObject", s3("data/finance/*"), OWN_ACCOUNT)
    attached = [{"Ref": "Role"}]
    found += caught(
        "020",
        [
            (
                "a second inline policy",
                add("Role/Properties/Policies", {"PolicyName": "b", "PolicyDocument": document(elsewhere)}),
            ),
            (
                "a policy of its own",
                put(
                    "Extra",
                    resource(
                        "IAM::Policy", PolicyName="b", PolicyDocument=document(elsewhere), Roles=attached
                    ),
                ),
            ),
            (
                "a role policy of its own",
                put(
                    "Extra",
                    resource(
                        "IAM::RolePolicy",
                        PolicyName="b",
                        PolicyDocument=document(elsewhere),
                        RoleName={"Ref": "Role"},
                    ),
                ),
            ),
            (
                "a managed policy that names the role",
                put(
                    "Extra",
                    resource("IAM::ManagedPolicy", PolicyDocument=document(elsewhere), Roles=attached),
                ),
            ),
            (
                "the bucket's policy lets the role in",
                add(TLS, allow("s3:GetObject", s3("data/*"), OWN_ACCOUNT, Principal={"AWS": att("Role")})),
            ),
        ],
    )
    every = ("Reader", "Writer", "Idle")
    found += [
        Mutant(
            f"the bucket's policy lets {json.dumps(principal)} in",
            "sandbox",
            add(TLS, allow("s3:GetObject", s3("data/*"), OWN_ACCOUNT, Principal=principal)),
            rules("020"),
            others=others("020", *every),
        )
        for principal in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    ]
    wider = "020 021 024 027 028"
    found += caught(
        f"{wider} 050",
        [("the bucket's policy allows what is without TLS", put(f"{TLS}/0/Effect", "Allow"))],
        others=others(wider, *every),
    )
    found += caught(
        "",
        [("declared storage is a text", put(f"{DECLARED}/Storage", "data/analytics/"))],
        unknown=rules("020 023 050"),
        others=others("023", "Reader", "Writer", status="unknown"),
    )
    wide = resource("IAM::ManagedPolicy", PolicyDocument=document(elsewhere))
    found += caught(
        "020",
        [
            (
                f"a managed policy of the template, by {name}",
                both(put("Extra", wide), put("Role/Properties/ManagedPolicyArns", [arn])),
            )
            for name, arn in (("Ref", {"Ref": "Extra"}), ("its ARN", att("Extra", "PolicyArn")))
        ],
    )
    mine = allow("s3:GetObject", s3("data/analytics/in/*"), OWN_ACCOUNT)
    found += caught(
        "",
        [
            *each(
                "objects of",
                where,
                [OWN, s3("data/analytics/in/*"), s3("data/analytics/a?.csv"), [OWN, s3("data/analytics/b")]],
            ),
            *each(
                "allowed",
                f"{OBJECTS}/Action",
                ["s3:GetObject", "S3:GETOBJECT", ["s3:PutObject", "s3:AbortMultipartUpload"]],
            ),
            ("no listing", drop(LIST)),
            (
                "a policy of its own within the prefix",
                put(
                    "Extra",
                    resource("IAM::Policy", PolicyName="b", PolicyDocument=document(mine), Roles=attached),
                ),
            ),
            (
                "a policy of another role",
                put(
                    "Extra",
                    resource(
                        "IAM::Policy",
                        PolicyName="b",
                        PolicyDocument=document(elsewhere),
                        Roles=[{"Ref": "Deployer"}],
                    ),
                ),
            ),
            (
                "a Deny of everything but something",
                add(MAY, {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}),
            ),
            (
                "a Deny of deleting",
                add(MAY, {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}),
            ),
            (
                "the bucket's policy lets the account in",
                add(TLS, allow("s3:GetObject", s3("data/*"), OWN_ACCOUNT, Principal={"AWS": ROOT})),
            ),
            (
                "the bucket's policy lets the service in",
                add(
                    TLS,
                    allow(
                        "s3:PutObject",
                        s3("data/*"),
                        OWN_ACCOUNT,
                        Principal={"Service": "logging.s3.amazonaws.com"},
                    ),
                ),
            ),
            (
                "the bucket's policy denies more",
                add(
                    TLS,
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:PutObjectAcl",
                        "Resource": s3("data/*"),
                    },
                ),
            ),
        ],
    )
    found += caught(
        "",
        [
            ("objects of any value", put(where, VALUE)),
            ("action of any value", put(f"{OBJECTS}/Action", VALUE)),
            ("an element that IAM does not have", put(f"{OBJECTS}/Resources", "*")),
            ("a statement with Action and NotAction", put(f"{OBJECTS}/NotAction", "iam:*")),
            (
                "a version that IAM does not have",
                put("Role/Properties/Policies/0/PolicyDocument/Version", "2012-10-18"),
            ),
        ],
        unknown=rules(READS_PERMISSIONS),
    )
    # 021 reads actions and resources only, and these are there.
    operator = put(f"{OBJECTS}/Condition/StringAlmostEquals", {"aws:PrincipalTag/a": "b"})
    found += caught(
        "",
        [("an operator that IAM does not have", operator)],
        unknown=rules(READS_PERMISSIONS) - {"021", "071"},
    )
    return found


ROWS = (*_reach(),)
