"""Managed policies, dangerous actions, keys, file systems and certificates."""

from typing import Any

from .compliant import OWN_ACCOUNT, allow, att, s3, sub
from .edits import (
    MAY,
    READS_PERMISSIONS,
    VALUE,
    Edit,
    Mutant,
    add,
    both,
    caught,
    each,
    grant,
    others,
    permitted,
    put,
    rules,
)

AWS_MANAGED = (
    "AdministratorAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "SecurityAudit",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "IAMFullAccess",
    "BedrockAgentCoreFullAccess",
    "AmazonBedrockFullAccess",
    "job-function/ViewOnlyAccess",
    "service-role/AWSLambdaBasicExecutionRole",
)


def _managed() -> list[Mutant]:
    arns = "Role/Properties/ManagedPolicyArns"
    beyond: list[Any] = [
        *(f"arn:aws:iam::aws:policy/{name}" for name in AWS_MANAGED),
        sub("arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"),
        {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/PowerUserAccess"]]},
        sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/team"),
        "arn:aws:iam::111122223333:policy/theirs",
    ]
    found = caught(
        "022", each("managed policy", arns, ([one] for one in beyond)), unknown=rules(READS_PERMISSIONS)
    )
    found += caught(
        "", [("a managed policy of any value", put(arns, [VALUE]))], unknown=rules(f"{READS_PERMISSIONS} 022")
    )
    found += caught("", [("an empty list of managed policies", put(arns, []))])
    return found


ESCALATIONS = (
    "iam:PassRole",
    "iam:CreateAccessKey",
    "iam:CreateUser",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:AddUserToGroup",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:CreateServiceLinkedRole",
    "iam:GetRole",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "sts:GetFederationToken",
    "lambda:CreateFunction",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "lambda:AddPermission",
    "ec2:RunInstances",
    "ssm:SendCommand",
    "ssm:StartSession",
    "cloudformation:CreateStack",
    "cloudformation:UpdateStack",
    "cloudformation:CreateChangeSet",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:PutResourcePolicy",
    "IAM:passrole",
    "iam:Pass*",
    "i?m:PassRole",
    "st?:AssumeRole",
    "lambda:Update*",
    "ssm:S*",
)


PROPAGATIONS = (
    "CreateCodeInterpreter",
    "DeleteCodeInterpreter",
    "StartCodeInterpreterSession",
    "InvokeCodeInterpreter",
    "CreateBrowser",
    "StartBrowserSession",
    "CreateAgentRuntime",
    "UpdateAgentRuntime",
    "InvokeAgentRuntime",
    "CreateGateway",
    "Invoke*",
    "Start*",
    "*CodeInterpreter",
)


SETTINGS = (
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutBucketLogging",
    "s3:PutBucketNotification",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketCORS",
    "s3:PutBucketWebsite",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
    "s3:PutReplicationConfiguration",
    "s3:ReplicateObject",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutAccessPointPolicy",
    "s3:BypassGovernanceRetention",
    "s3:PutBucket*",
    "s3:*BucketPolicy",
)


def _dangerous() -> list[Mutant]:
    found = caught("020 025", permitted(ESCALATIONS, "*"))
    found += caught("020 026", permitted((f"bedrock-agentcore:{name}" for name in PROPAGATIONS), "*"))
    found += caught(
        "020 026",
        [
            (
                "role may invoke itself",
                grant(
                    "bedrock-agentcore:InvokeCodeInterpreter", att("Interpreter", "CodeInterpreterArn"), None
                ),
            )
        ],
    )
    found += caught("020 027", permitted(SETTINGS, [s3("data"), s3("data/*")]))
    found += caught(
        "020",
        permitted(["bedrock-agentcore:GetCodeInterpreter", "bedrock-agentcore:ListCodeInterpreters"], "*"),
    )
    found += caught(
        "",
        [
            (
                f"what is denied again: {action}",
                both(grant(action, "*"), add(MAY, {"Effect": "Deny", "Action": denied, "Resource": "*"})),
            )
            for action, denied in (
                ("iam:PassRole", "iam:*"),
                ("s3:PutBucketPolicy", "s3:Put*Policy"),
                ("bedrock-agentcore:InvokeCodeInterpreter", "bedrock-agentcore:*"),
                ("sts:AssumeRole", "*:Assume*"),
            )
        ],
    )
    return found


def _attachments() -> list[Mutant]:
    def certificate(arn: Any) -> Edit:
        return put(
            "Interpreter/Properties/Certificates", [{"Location": {"SecretsManager": {"SecretArn": arn}}}]
        )

    own = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:root-AbCdEf"
    found = caught(
        "070",
        [
            (
                "a certificate of another account",
                certificate(
                    own.replace("${AWS::Partition}", "aws")
                    .replace("${AWS::Region}", "us-east-1")
                    .replace("${AWS::AccountId}", "444455556666")
                ),
            ),
            ("a certificate from nowhere", put("Interpreter/Properties/Certificates", [{"Location": {}}])),
        ],
    )
    found += caught("", [("a certificate of any value", certificate(VALUE))], unknown=rules("070"))
    found += caught("", [("a certificate of the own account", certificate(sub(own)))])
    files = sub("arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:file-system/fs-1")
    mounts = [f"elasticfilesystem:Client{one}" for one in ("Mount", "Write", "RootAccess")]
    found += caught("020 070", [(f"role may {one}", grant(one, files)) for one in mounts])
    found += caught("020 021 070", [("role may all of s3files", grant("s3files:*", "*"))])

    def by_two(actions: Any, mine: Any, theirs: Any) -> Edit:
        reader = "ReaderRole/Properties/Policies/0/PolicyDocument/Statement"
        return both(grant(actions, mine), add(reader, allow(actions, theirs, OWN_ACCOUNT)))

    other = sub("arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:file-system/fs-2")
    found += caught(
        "020 070 071",
        [(f"two may {one}", by_two(one, files, files)) for one in mounts]
        + [("two may mount, one of them everything", by_two(mounts[0], files, "*"))],
        others=others("020 070 071", "Reader"),
    )
    found += caught(
        "020 070",
        [("two may mount, each its own", by_two(mounts[0], files, other))],
        others=others("020 070", "Reader"),
    )
    return found


def _keys() -> list[Mutant]:
    key = sub(
        "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/11111111-2222-3333-4444-555555555555"
    )
    through = {"StringEquals": {"kms:ViaService": sub("s3.${AWS::Region}.amazonaws.com")}}
    found = caught("020", [("a key through S3", grant("kms:Decrypt", key, through))])
    found += caught(
        "020 052",
        [
            ("a key directly", grant("kms:Decrypt", key)),
            ("every key through S3", grant("kms:Decrypt", "*", through)),
            (
                "every key of the account",
                grant(
                    "kms:GenerateDataKey", sub("arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*"), through
                ),
            ),
            (
                "a key through another service",
                grant(
                    "kms:Decrypt", key, {"StringEquals": {"kms:ViaService": "sqs.us-east-1.amazonaws.com"}}
                ),
            ),
            (
                "a key where it says nothing",
                grant(
                    "kms:Decrypt",
                    key,
                    {"StringEqualsIfExists": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
                ),
            ),
        ],
    )
    return found


ROWS = (
    *_managed(),
    *_dangerous(),
    *_keys(),
    *_attachments(),
)
