"""The mutation table: single edits of a compliant fleet, and the rules that have to catch each of them.

Every verdict here was reasoned from the rule's own words, none was taken from a run. An edit that changes
nothing (`caught_by` empty) is there too: a rule that cries wolf is switched off.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .compliant import ACCOUNT, OWN_ACCOUNT, SERVICE, Body, allow, att, document, fleet, resource, s3, sub

Edit = Callable[[Body], None]


@dataclass(frozen=True)
class Mutant:
    """One edit of the fleet `base`; each rule that it is not said to be caught by must judge as before.

    `caught_by` fails and `unknown` becomes UNKNOWN for the interpreter `subject`; `others` is what another
    interpreter gets by the same edit: (rule, logical id, status).
    """

    name: str
    base: str
    edit: Edit = field(repr=False)
    caught_by: frozenset[str]
    profile: str = "baseline"
    unknown: frozenset[str] = frozenset()
    others: frozenset[tuple[str, str, str]] = frozenset()
    subject: str = "Interpreter"

    def body(self) -> Body:
        """The whole template after the edit."""
        body = fleet(self.base)
        self.edit(body["Resources"])
        return body

    def expected(self) -> dict[tuple[str, str], str]:
        """(rule, logical id) → the status that differs from the compliant fleet's."""
        mine = {(f"ACCI-{rule}", self.subject): "fail" for rule in self.caught_by}
        mine |= {(f"ACCI-{rule}", self.subject): "unknown" for rule in self.unknown}
        return mine | {(f"ACCI-{rule}", logical_id): status for rule, logical_id, status in self.others}


# Paths into a template's resources: "Role/Properties/Policies/0".
TRUST = "Role/Properties/AssumeRolePolicyDocument/Statement"
MAY = "Role/Properties/Policies/0/PolicyDocument/Statement"
OBJECTS, LIST = f"{MAY}/0", f"{MAY}/1"
BLOCK = "Bucket/Properties/PublicAccessBlockConfiguration"
TLS = "BucketPolicy/Properties/PolicyDocument/Statement"
NETWORK = "Interpreter/Properties/NetworkConfiguration"
DECLARED = "Interpreter/Metadata/InterpreterFleet"
NO_VALUE = {"Ref": "AWS::NoValue"}
VALUE = {"Ref": "Value"}  # a parameter that may have any value


def _parent(resources: Body, path: str) -> tuple[Any, Any]:
    *steps, last = path.split("/")
    at: Any = resources
    for step in steps:
        at = at[int(step)] if isinstance(at, list) else at[step]
    return at, int(last) if isinstance(at, list) else last


def put(path: str, value: Any) -> Edit:
    """Sets one property; the ones above it must be there."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        at[last] = json.loads(json.dumps(value))

    return edit


def drop(path: str) -> Edit:
    """Removes one property, which must be there."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        del at[last]

    return edit


def add(path: str, value: Any) -> Edit:
    """Appends to a list."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        at[last].append(json.loads(json.dumps(value)))

    return edit


def rename(path: str, name: str) -> Edit:
    """Gives a property another name."""

    def edit(resources: Body) -> None:
        at, last = _parent(resources, path)
        at[name] = at.pop(last)

    return edit


def grant(actions: Any, on: Any, condition: Any = OWN_ACCOUNT, **more: Any) -> Edit:
    """Another Allow for the role, bound to the own account unless said otherwise."""
    return add(MAY, allow(actions, on, condition, **more))


def rules(text: str) -> frozenset[str]:
    """`"020 027"` → both."""
    return frozenset(text.split())


def others(text: str, *logical_ids: str, status: str = "fail") -> frozenset[tuple[str, str, str]]:
    """The same rules for other interpreters."""
    return frozenset((rule, one, status) for rule in text.split() for one in logical_ids)


Row = tuple[str, Edit]


def caught(by: str, rows: Iterable[Row], base: str = "sandbox", **more: Any) -> list[Mutant]:
    """Mutants that the same rules catch."""
    return [Mutant(name, base, edit, rules(by), **more) for name, edit in rows]


def each(prefix: str, path: str, values: Iterable[Any]) -> list[Row]:
    """One edit for each value of one property."""
    return [(f"{prefix} {json.dumps(value)}", put(path, value)) for value in values]


def permitted(actions: Iterable[str], on: Any) -> list[Row]:
    """One more action each."""
    return [(f"role may {action}", grant(action, on)) for action in actions]


# What reads every permission of the role, and so cannot judge one whose policies are not there.
READS_PERMISSIONS = "020 021 024 025 026 027 028 052 070 071"

SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
GROUPS = ["sg-0123456789abcdef0"]


def _network_mode() -> list[Mutant]:
    found = caught(
        "001",
        each(
            "network mode", f"{NETWORK}/NetworkMode", ["PUBLIC", "INTERNET", "sandbox", "Vpc", "SANDBOX ", ""]
        ),
    )
    found += caught(
        "001 003",
        [
            ("network mode is no value", put(f"{NETWORK}/NetworkMode", NO_VALUE)),
            ("no network configuration", drop(NETWORK)),
            ("network configuration is empty", put(NETWORK, {})),
        ],
    )
    found += caught(
        "003",
        [("network mode of any value", put(f"{NETWORK}/NetworkMode", VALUE))],
        unknown=rules("001 004 040 041"),
    )
    found += caught(
        "004",
        [
            (
                "VpcConfig with SANDBOX",
                put(f"{NETWORK}/VpcConfig", {"Subnets": SUBNETS, "SecurityGroups": GROUPS}),
            ),
            ("subnets with SANDBOX", put(f"{NETWORK}/VpcConfig", {"Subnets": SUBNETS})),
            ("groups with SANDBOX", put(f"{NETWORK}/VpcConfig", {"SecurityGroups": GROUPS})),
        ],
    )
    config = f"{NETWORK}/VpcConfig"
    found += caught(
        "004",
        [
            ("VPC without groups", drop(f"{config}/SecurityGroups")),
            ("VPC with an empty list of groups", put(f"{config}/SecurityGroups", [])),
            ("VPC with groups that are no value", put(f"{config}/SecurityGroups", [NO_VALUE])),
            ("VPC with 17 groups", put(f"{config}/SecurityGroups", [f"sg-{n:017x}" for n in range(17)])),
            ("VPC with 17 subnets", put(f"{config}/Subnets", [f"subnet-{n:017x}" for n in range(17)])),
        ],
        base="vpc",
    )
    found += caught(
        "004 041",
        [
            ("VPC without VpcConfig", drop(config)),
            ("VPC with an empty VpcConfig", put(config, {})),
            ("VPC without subnets", drop(f"{config}/Subnets")),
            ("VPC with an empty list of subnets", put(f"{config}/Subnets", [])),
        ],
        base="vpc",
    )
    found += caught(
        "041",
        [
            ("one subnet", put(f"{config}/Subnets", [{"Ref": "SubnetA"}])),
            ("one subnet twice", put(f"{config}/Subnets", [{"Ref": "SubnetA"}, {"Ref": "SubnetA"}])),
            ("one subnet and no value", put(f"{config}/Subnets", [{"Ref": "SubnetA"}, NO_VALUE])),
        ],
        base="vpc",
    )
    found += caught(
        "001 004",
        [
            ("PUBLIC with the network of VPC", put(f"{NETWORK}/NetworkMode", "PUBLIC")),
        ],
        base="vpc",
    )
    found += caught(
        "001 003 004", [("no mode with the network of VPC", drop(f"{NETWORK}/NetworkMode"))], base="vpc"
    )
    found += caught(
        "004", [("SANDBOX with the network of VPC", put(f"{NETWORK}/NetworkMode", "SANDBOX"))], base="vpc"
    )
    found += caught(
        "002",
        [("SANDBOX where VPC is asked for", put(NETWORK, {"NetworkMode": "SANDBOX"}))],
        base="vpc",
        profile="securityhub",
    )
    found += caught(
        "001 002 003",
        [("nothing where VPC is asked for", put(NETWORK, {}))],
        base="vpc",
        profile="securityhub",
    )
    found += caught(
        "001 002",
        [
            ("PUBLIC where VPC is asked for", put(NETWORK, {"NetworkMode": "PUBLIC"})),
            ("vpc in small letters where VPC is asked for", put(NETWORK, {"NetworkMode": "vpc"})),
        ],
        base="vpc",
        profile="securityhub",
    )
    return found


def _identity() -> list[Mutant]:
    name = "Interpreter/Properties/Name"
    found = caught(
        "005",
        each(
            "name",
            name,
            [
                "analytics__" + "a" * 38,
                "analytics__0a-1b",
                "analytics__0a.1b",
                "analytics__0a 1b",
                "analytics__0a/1b",
                "analytics__0a1b\n",
                "analytics__é",
                "analytics__*",
            ],
        ),
    )
    found += caught(
        "",
        each("name", name, ["analytics__" + "a" * 37, "analytics__ABC", "analytics__0_1"]),
    )
    found += caught("", [("name of any value", put(name, VALUE))], unknown=rules("005"))
    seconds = "Role/Properties/MaxSessionDuration"
    found += caught(
        "030", each("session duration", seconds, [3601, "3601", 7200, 14400, 43200, -1, "an hour"])
    )
    found += caught("", each("session duration", seconds, [900, 3600, "3600"]))
    found += caught("", [("session duration of any value", put(seconds, VALUE))], unknown=rules("030"))
    found += [
        Mutant(
            f"{subject} has the role of Interpreter",
            "sandbox",
            put(f"{subject}/Properties/ExecutionRoleArn", att("Role")),
            rules(by),
            subject=subject,
            others=others("006", "Interpreter"),
        )
        for subject, by in (
            ("Reader", "006 012 020"),
            ("Writer", "006 012 020"),
            ("Idle", "006 012 020"),
            ("Alone", "006 012 020"),
        )
    ]
    found += [
        Mutant(
            "Alone has the role of Idle",
            "sandbox",
            put("Alone/Properties/ExecutionRoleArn", att("IdleRole")),
            rules("006 012"),
            subject="Alone",
            others=others("006", "Idle"),
        )
    ]
    found += caught("", [("no execution role at all", drop("Interpreter/Properties/ExecutionRoleArn"))])
    found += caught(
        "029",
        [
            ("no permissions boundary", drop("Role/Properties/PermissionsBoundary")),
        ],
        base="vpc",
        profile="data-perimeter",
    )
    return found


ROOT = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
OTHER_SERVICES = ("lambda", "ec2", "bedrock", "ecs-tasks", "sagemaker", "states", "bedrock-agentcore-control")


def _trust() -> list[Mutant]:
    principal, action = f"{TRUST}/0/Principal", f"{TRUST}/0/Action"
    # Nobody but the service may: that the service no longer may is the finding of 012.
    found = caught(
        "010 012",
        [
            *each(
                "trusted is",
                principal,
                [
                    {"AWS": "*"},
                    {"AWS": ROOT},
                    {"AWS": ACCOUNT},
                    {"AWS": "111122223333"},
                    {"AWS": "arn:aws:iam::111122223333:role/Admin"},
                    {"AWS": att("Caller")},
                    {"Federated": "cognito-identity.amazonaws.com"},
                    {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
                    *({"Service": f"{name}.amazonaws.com"} for name in OTHER_SERVICES),
                    {"Service": "*.amazonaws.com"},
                ],
            ),
            ("nobody is trusted but the Caller", rename(principal, "NotPrincipal")),
        ],
    )
    found += caught(
        "010",
        each(
            "trusted is",
            principal,
            [
                "*",
                {"Service": [SERVICE, "lambda.amazonaws.com"]},
                {"Service": ["ec2.amazonaws.com", SERVICE]},
                {"Service": SERVICE, "AWS": ROOT},
                {"Service": SERVICE, "AWS": "*"},
                {"Service": SERVICE, "Federated": "accounts.google.com"},
            ],
        )
        + each(
            "trusted for",
            action,
            [
                "sts:*",
                "*",
                "sts:Assume*",
                ["sts:AssumeRole", "sts:TagSession"],
                ["sts:AssumeRole", "sts:SetSourceIdentity"],
                ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"],
            ],
        ),
    )
    found += caught(
        "010 012",
        each(
            "trusted for",
            action,
            ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML", "sts:TagSession"],
        ),
    )
    found += caught(
        "010 011 012",
        [
            (
                f"also trusted {json.dumps(one)}",
                add(TRUST, {"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"}),
            )
            for one in ({"AWS": ROOT}, {"Service": "lambda.amazonaws.com"})
        ],
    )
    # What everybody may assume, the other roles may as well.
    found += caught(
        "010 011 012",
        [
            (
                f"also trusted {json.dumps(one)}",
                add(TRUST, {"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"}),
            )
            for one in ({"AWS": "*"}, "*")
        ],
        others=others("020 025", "Reader", "Writer", "Idle"),
    )
    found += caught(
        "011 012",
        [
            (
                "also trusted without any condition",
                add(
                    TRUST, {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
                ),
            ),
            ("trust without any condition", drop(f"{TRUST}/0/Condition")),
            ("trust with an empty condition", put(f"{TRUST}/0/Condition", {})),
        ],
    )
    found += caught(
        "",
        each("trusted is", principal, [{"Service": [SERVICE]}])
        + each("trusted for", action, ["STS:AssumeRole", ["sts:AssumeRole"]])
        + [
            (
                "others are denied as well",
                add(TRUST, {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}),
            )
        ],
    )
    return found + _source_account() + _source_arn()


def _source_account() -> list[Mutant]:
    where = f"{TRUST}/0/Condition"
    key = "aws:SourceAccount"
    found = caught(
        "011",
        [
            ("source account not bound", drop(f"{where}/StringEquals")),
            *(
                (f"source account with {operator}", rename(f"{where}/StringEquals", operator))
                for operator in (
                    "StringEqualsIfExists",
                    "StringLikeIfExists",
                    "ForAllValues:StringEquals",
                )
            ),
            *each("source account", f"{where}/StringEquals/{key}", [[ACCOUNT, "111122223333"]]),
        ],
    )
    # The service cannot meet these on behalf of an interpreter of this account.
    found += caught(
        "011 012",
        [
            *each(
                "source account",
                f"{where}/StringEquals/{key}",
                ["111122223333", ["111122223333", "444455556666"], "*"],
            ),
            ("source account negated", rename(f"{where}/StringEquals", "StringNotEquals")),
            (
                "key of the source account misspelled",
                rename(f"{where}/StringEquals/{key}", "aws:SourceAcount"),
            ),
            (
                "account of the principal instead",
                rename(f"{where}/StringEquals/{key}", "aws:PrincipalAccount"),
            ),
            ("account of the resource instead", rename(f"{where}/StringEquals/{key}", "aws:ResourceAccount")),
        ],
    )
    found += caught(
        "",
        [
            *each("source account", f"{where}/StringEquals/{key}", [[ACCOUNT], sub("${AWS::AccountId}")]),
            (
                "key of the source account in small letters",
                rename(f"{where}/StringEquals/{key}", "aws:sourceaccount"),
            ),
        ],
    )
    found += caught(
        "",
        each("source account", f"{where}/StringEquals/{key}", [VALUE]),
        unknown=rules("010 011 012"),
    )
    return found


def source(
    tail: str,
    service: str = "bedrock-agentcore",
    region: str = "${AWS::Region}",
    account: str = "${AWS::AccountId}",
) -> Body:
    """An ARN pattern of an AgentCore resource."""
    return sub(f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{tail}")


def _source_arn() -> list[Mutant]:
    where = f"{TRUST}/0/Condition"
    at = f"{where}/ArnLike/aws:SourceArn"
    own = source("code-interpreter-custom/analytics__*")
    wrong = [
        *(
            source(tail)
            for tail in (
                "code-interpreter-custom/analytics*",
                "code-interpreter-custom/analytics_*",
                "code-interpreter-custom/a*",
                "code-interpreter-custom/*",
                "code-interpreter-custom/*__*",
                "code-interpreter-custom/?nalytics__*",
                "code-interpreter-custom/*analytics__*",
                "code-interpreter-custom/reports__*",
                "code-interpreter-custom/analytics-*",
                "code-interpreter*/analytics__*",
                "code-interpreter/analytics__*",
                "browser-custom/analytics__*",
                "runtime/analytics__*",
                "*/analytics__*",
                "*",
            )
        ),
        source("code-interpreter-custom/analytics__*", service="bedrock"),
        source("code-interpreter-custom/analytics__*", service="*"),
        source("code-interpreter-custom/analytics__*", region="*"),
        source("code-interpreter-custom/analytics__*", account="*"),
        source("code-interpreter-custom/analytics__*", account="111122223333"),
        sub("arn:*:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}:code-interpreter-custom/analytics__*"),
        "*",
        "arn:*",
        [own, source("code-interpreter-custom/*")],
        [own, source("code-interpreter-custom/reports__*")],
    ]
    found = caught("012", each("source ARN", at, wrong))
    found += caught(
        "012",
        [
            ("source ARN not bound", drop(f"{where}/ArnLike")),
            *(
                (f"source ARN with {operator}", rename(f"{where}/ArnLike", operator))
                for operator in (
                    "ArnLikeIfExists",
                    "ArnEqualsIfExists",
                    "ArnNotLike",
                    "ArnNotEquals",
                    "StringLikeIfExists",
                    "StringNotLike",
                    "ForAllValues:ArnLike",
                )
            ),
            ("key of the source ARN misspelled", rename(at, "aws:SourceARNs")),
            ("ARN of the principal instead", rename(at, "aws:PrincipalArn")),
            (
                "an external id that the service does not send",
                put(f"{where}/StringEquals/sts:ExternalId", "x"),
            ),
            (
                "an organisation that the service does not send",
                put(f"{where}/StringEquals/aws:PrincipalOrgID", "o-1"),
            ),
            (
                "an address that the service does not send",
                put(f"{where}/IpAddress", {"aws:SourceIp": "10.0.0.0/8"}),
            ),
            (
                "the service is denied again",
                add(TRUST, {"Effect": "Deny", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}),
            ),
            ("nobody is trusted", put(TRUST, [])),
            ("the service is denied, not allowed", put(f"{TRUST}/0/Effect", "Deny")),
            ("no source ARN, it says", put(f"{where}/Null", {"aws:SourceArn": "true"})),
            ("source ARN is not the own one", put(f"{where}/ArnNotLike", {"aws:SourceArn": own})),
            (
                "everybody is denied again",
                add(TRUST, {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}),
            ),
        ],
    )
    found += caught(
        "",
        [
            *each(
                "source ARN",
                at,
                [
                    own,
                    [own],
                    source("code-interpreter-custom/analytics__0a1b2c3d-*"),
                    source("code-interpreter-custom/analytics__????????-??????????"),
                    [own, source("code-interpreter-custom/analytics__0a1b2c3d-*")],
                ],
            ),
            ("source ARN with ArnEquals", rename(f"{where}/ArnLike", "ArnEquals")),
            ("source ARN with StringLike", rename(f"{where}/ArnLike", "StringLike")),
            ("source ARN and TLS", put(f"{where}/Bool", {"aws:SecureTransport": "true"})),
        ],
    )
    found += caught("", each("source ARN", at, [VALUE]), unknown=rules("010 011 012"))
    return found


OWN = s3("data/analytics/*")
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
    return found + _wildcards() + _listing() + _prefixes() + _account()


def _wildcards() -> list[Mutant]:
    found = caught(
        "020 021 024 027", each("allowed", f"{OBJECTS}/Action", ["s3:*", "S3:*", ["s3:GetObject", "s3:*"]])
    )
    found += caught(
        "020 021 024 025 026 027 052 070", each("allowed", f"{OBJECTS}/Action", ["*", ["s3:GetObject", "*"]])
    )
    found += caught(
        "020 027", each("allowed", f"{OBJECTS}/Action", ["s3:Put*", "s3:PutObject*", "s3:*Acl", "s3:*Object"])
    )
    found += caught(
        "020 024", each("allowed", f"{OBJECTS}/Action", ["s3:L*", "s3:List*", "s3:ListBucket?ersions"])
    )
    found += caught(
        "020 021",
        [("a whole other service", grant("dynamodb:*", "*")), ("a whole queue", grant(["sqs:*"], "*"))],
    )
    found += caught(
        "020 021 024 025 026 027 028 052 070", [("everything on everything", grant("*", "*", None))]
    )
    found += caught("020 021 024 025 026 027 052 070", [("everything of the own account", grant("*", "*"))])
    found += caught("020 021 024 027 028", [("all of S3", grant("s3:*", "*", None))])
    found += caught(
        "020 021 024 025 026 027 052 070", [("all but something", rename(f"{OBJECTS}/Action", "NotAction"))]
    )
    found += caught(
        "020 021",
        [
            ("all objects but one's own", rename(f"{OBJECTS}/Resource", "NotResource")),
            ("all buckets but one's own", rename(f"{LIST}/Resource", "NotResource")),
        ],
    )
    return found


def _listing() -> list[Mutant]:
    where = f"{LIST}/Condition"
    key = f"{where}/StringLike/s3:prefix"
    found = caught(
        "020 024",
        [
            ("listing not bound to a prefix", drop(f"{where}/StringLike")),
            *(
                (f"prefix of the listing with {operator}", rename(f"{where}/StringLike", operator))
                for operator in (
                    "StringLikeIfExists",
                    "StringEqualsIfExists",
                    "StringNotLike",
                    "StringNotEquals",
                    "StringNotLikeIfExists",
                    "StringNotEqualsIgnoreCase",
                    "ForAllValues:StringLike",
                    "ForAllValues:StringEquals",
                )
            ),
            *each(
                "listing below",
                key,
                ["*", "", ["analytics/*", ""], "analytics*", "analytics", "a*", "*/*", ["analytics/*", "*"]],
            ),
            ("listing bound to a delimiter", rename(key, "s3:delimiter")),
            ("listing bound to a number of keys", put(f"{where}/StringLike", {"s3:max-keys": "10"})),
            ("listing of the whole bucket beside", grant("s3:ListBucket", s3("data"))),
            ("listing of everything beside", grant("s3:ListBucket", "*")),
            ("versions without a prefix", grant("s3:ListBucketVersions", s3("data"))),
            ("uploads without a prefix", grant("s3:ListBucketMultipartUploads", s3("data"))),
        ],
    )
    found += caught(
        "020",
        [
            *each(
                "listing below",
                key,
                ["finance/*", ["analytics/*", "finance/*"], "a*/*", "?nalytics/*", "Analytics/*", "?*/*"],
            ),
            (
                "prefix of the listing in any letters",
                put(where, {"StringEqualsIgnoreCase": {"s3:prefix": "analytics/"}, **OWN_ACCOUNT}),
            ),
            *each(
                "listing of",
                f"{LIST}/Resource",
                [s3("data*"), s3("dat?"), s3("other"), s3("*"), "*", [s3("data"), s3("shared")]],
            ),
            *each(
                "listing by",
                f"{LIST}/Action",
                [
                    "s3:List*",
                    "s3:ListBucket*",
                    "s3:ListBucketVersions",
                    ["s3:ListBucket", "s3:GetBucketLocation"],
                ],
            ),
        ],
    )
    found += caught(
        "",
        [
            *each(
                "listing below",
                key,
                ["analytics/*", ["analytics/"], ["analytics/", "analytics/*"], "analytics/in/*"],
            ),
            (
                "listing below one prefix exactly",
                put(where, {"StringEquals": {"s3:prefix": "analytics/", "aws:ResourceAccount": ACCOUNT}}),
            ),
            ("key of the listing in capitals", rename(key, "S3:Prefix")),
            (
                "listing with a number of keys too",
                put(f"{where}/NumericLessThanEquals", {"s3:max-keys": "10"}),
            ),
        ],
    )
    return found


def _prefixes() -> list[Mutant]:
    prefix = f"{DECLARED}/Storage/Prefix"
    found = caught("023", each("declared prefix", prefix, ["analytics", "a", "", "analytics/*", "*", "a*/"]))
    found += caught(
        "020 023", each("declared prefix", prefix, ["/analytics/", "/", "analytics/?/", "${aws:username}/"])
    )
    theirs = "Reader/Metadata/InterpreterFleet/Storage/Prefix"
    found += caught(
        "020 023",
        each("prefix of another", theirs, ["uploads/", "uploads/in/"]),
        subject="Reader",
        others=others("023", "Writer"),
    )
    found += caught(
        "020 023",
        [
            (
                f"storage of another {prefix}",
                put(f"{DECLARED}/Storage", {"Bucket": "shared", "Prefix": prefix, "Access": "read"}),
            )
            for prefix in ("reports/", "reports/in/")
        ],
        others=others("023", "Reader"),
    )
    found += caught(
        "020",
        [
            (
                "another bucket, prefix that begins alike",
                put(f"{DECLARED}/Storage", {"Bucket": "shared", "Prefix": "report/", "Access": "read"}),
            )
        ],
    )
    return found


def _account() -> list[Mutant]:
    found = []
    for name, statement in (("objects", OBJECTS), ("listing", LIST)):
        where = f"{statement}/Condition/StringEquals"
        key = f"{where}/aws:ResourceAccount"
        found += caught(
            "028",
            [
                (f"{name} of any account", drop(where)),
                *(
                    (f"{name} of the account with {operator}", rename(where, operator))
                    for operator in ("StringEqualsIfExists", "StringNotEquals", "ForAllValues:StringEquals")
                ),
                *each(f"{name} of the account", key, ["111122223333", [ACCOUNT, "111122223333"]]),
                (f"{name} of the principal's account", rename(key, "aws:PrincipalAccount")),
                (f"{name} of an account misspelled", rename(key, "aws:ResourceAcount")),
            ],
        )
        found += caught(
            "",
            [
                *each(f"{name} of the account", key, [[ACCOUNT]]),
                (f"{name} of the organisation", put(where, {"aws:ResourceOrgID": "o-a1b2c3d4e5"})),
                (f"{name} of the account in small letters", rename(key, "aws:resourceaccount")),
            ],
        )
    return found


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


def both(*edits: Edit) -> Edit:
    """Several edits that are one in meaning."""

    def edit(resources: Body) -> None:
        for one in edits:
            one(resources)

    return edit


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
        ("without TLS denied if the key is there", rename(f"{TLS}/0/Condition/Bool", "BoolIfExists")),
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


def perimeter(by: str, rows: Iterable[Row], subject: str = "Interpreter", **more: Any) -> list[Mutant]:
    """The same for the fleet in VPC mode under the profile `data-perimeter`."""
    return caught(by, rows, base="vpc", profile="data-perimeter", subject=subject, **more)


EGRESS = "Group/Properties/SecurityGroupEgress"
NEIGHBOUR = "Neighbour"


def _egress() -> list[Mutant]:
    def both_fail(rows: Iterable[Row]) -> list[Mutant]:
        return perimeter("040", rows, others=others("040", NEIGHBOUR))

    found = both_fail(
        [
            *each(
                "lets out to", f"{EGRESS}/0/CidrIp", ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "52.0.0.0/7"]
            ),
            ("lets out to all by IPv6", put(f"{EGRESS}/0", {"IpProtocol": "-1", "CidrIpv6": "::/0"})),
            ("lets out to half of IPv6", add(EGRESS, {"IpProtocol": "-1", "CidrIpv6": "2000::/3"})),
            ("a second rule to all", add(EGRESS, {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"})),
            ("no list of rules", drop(EGRESS)),
            ("an empty list of rules", put(EGRESS, [])),
            ("a list of rules that is no value", put(EGRESS, NO_VALUE)),
            (
                "a rule of its own to all",
                put(
                    "Open",
                    resource(
                        "EC2::SecurityGroupEgress",
                        GroupId=att("Group", "GroupId"),
                        IpProtocol="-1",
                        CidrIp="0.0.0.0/0",
                    ),
                ),
            ),
        ]
    )
    groups = f"{NETWORK}/VpcConfig/SecurityGroups"
    found += perimeter("040", [("the default group", put(groups, [att("Vpc", "DefaultSecurityGroup")]))])
    found += perimeter(
        "",
        [("addresses of any value", put(f"{EGRESS}/0/CidrIp", VALUE))],
        unknown=rules("040"),
        others=others("040", NEIGHBOUR, status="unknown"),
    )
    found += perimeter("045", [("a group by its id", put(groups, GROUPS))])
    found += perimeter(
        "",
        [
            *each("lets out to", f"{EGRESS}/0/CidrIp", ["10.0.0.0/8", "172.16.0.0/12", "52.0.0.0/8"]),
            (
                "lets out to a prefix list",
                put(f"{EGRESS}/0", {"IpProtocol": "tcp", "DestinationPrefixListId": "pl-1"}),
            ),
            ("lets out to the VPC", put(f"{EGRESS}/0/CidrIp", att("Vpc", "CidrBlock"))),
        ],
    )
    return found


def _network_around() -> list[Mutant]:
    def both_fail(by: str, rows: Iterable[Row]) -> list[Mutant]:
        return perimeter(by, rows, others=others(by, NEIGHBOUR))

    public = {
        "Gateway": resource("EC2::InternetGateway"),
        "Out": resource(
            "EC2::Route",
            RouteTableId={"Ref": "RoutesA"},
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId={"Ref": "Gateway"},
        ),
    }
    policy = "Endpoint/Properties/PolicyDocument"
    found = both_fail(
        "041",
        [
            ("both subnets in one zone", put("SubnetB/Properties/AvailabilityZone", "eu-central-1a")),
            ("a subnet that gives public addresses", put("SubnetA/Properties/MapPublicIpOnLaunch", True)),
            ("a route to the internet", lambda resources: resources.update(json.loads(json.dumps(public)))),
        ],
    )
    found += perimeter("042", [("no endpoint for S3", drop("Endpoint"))])
    found += both_fail(
        "042",
        [
            ("endpoint without a policy", drop(policy)),
            (
                "endpoint for one of two subnets",
                put("Endpoint/Properties/RouteTableIds", [{"Ref": "RoutesA"}]),
            ),
            (
                "endpoint for everything",
                put(policy, document(allow("*", "*", None, Principal="*"))),
            ),
            (
                "endpoint for every bucket by name",
                put(f"{policy}/Statement/0", allow("s3:*", "arn:aws:s3:::*", None, Principal="*")),
            ),
            (
                "endpoint for accounts of any name",
                put(
                    f"{policy}/Statement/0",
                    allow("s3:*", "*", {"StringLike": {"aws:ResourceAccount": "*"}}, Principal="*"),
                ),
            ),
        ],
    )
    found += perimeter(
        "042",
        [
            (
                "endpoint of another service",
                put("Endpoint/Properties/ServiceName", "com.amazonaws.eu-central-1.dynamodb"),
            )
        ],
    )
    found += perimeter(
        "",
        [
            (
                "endpoint for the organisation",
                put(
                    f"{policy}/Statement/0",
                    allow(
                        "s3:*", "*", {"StringEquals": {"aws:ResourceOrgID": "o-abcdef1234"}}, Principal="*"
                    ),
                ),
            ),
            (
                "endpoint for the named buckets",
                put(f"{policy}/Statement/0", allow("s3:*", [s3("data"), s3("data/*")], None, Principal="*")),
            ),
        ],
    )
    found += both_fail(
        "043", [("no DNS firewall", drop("Firewall")), ("no log of DNS queries", drop("QueryLog"))]
    )
    found += both_fail("043", [("the firewall of another VPC", put("Firewall/Properties/VpcId", "vpc-1"))])
    found += both_fail(
        "044",
        [
            ("no flow log", drop("FlowLog")),
            *each("flow log of", "FlowLog/Properties/TrafficType", ["ACCEPT", "REJECT"]),
            ("flow log of a subnet", put("FlowLog/Properties/ResourceType", "Subnet")),
            ("flow log of another VPC", put("FlowLog/Properties/ResourceId", "vpc-1")),
        ],
    )
    found += perimeter(
        "",
        [("subnets by their ids", put(f"{NETWORK}/VpcConfig/Subnets", SUBNETS))],
        unknown=rules("042 043 044"),
    )
    return found


def _perimeter_of_role() -> list[Mutant]:
    inside = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:SourceVpc": {"Ref": "Vpc"}}},
    }

    def instead_of_tag(statement: Any) -> Edit:
        return both(drop("Role/Properties/Tags"), add(MAY, statement))

    endpoint = {"StringNotEquals": {"aws:SourceVpce": {"Ref": "Endpoint"}}}
    found = perimeter(
        "031",
        [
            ("a role without the tag", drop("Role/Properties/Tags")),
            ("the tag is false", put("Role/Properties/Tags/0/Value", "false")),
            ("another tag", put("Role/Properties/Tags/0/Key", "dp:exclude:network")),
            (
                "a Deny outside the network for reading only",
                instead_of_tag({**inside, "Action": "s3:GetObject"}),
            ),
            (
                "a Deny outside the network where the key is there",
                instead_of_tag(
                    {
                        **inside,
                        "Condition": {
                            "StringNotEqualsIfExists": {"aws:SourceVpc": {"Ref": "Vpc"}},
                            "Null": {"aws:SourceVpc": "false"},
                        },
                    }
                ),
            ),
        ],
    )
    found += perimeter(
        "",
        [
            ("a Deny outside the VPC", instead_of_tag(inside)),
            ("a Deny outside the endpoint", instead_of_tag({**inside, "Condition": endpoint})),
            (
                "a Deny outside the VPC, but for services",
                instead_of_tag(
                    {
                        **inside,
                        "Condition": {**inside["Condition"], "BoolIfExists": {"aws:ViaAWSService": "false"}},
                    }
                ),
            ),
        ],
    )
    found += perimeter(
        "080",
        [
            ("no tags", drop("Interpreter/Properties/Tags")),
            ("no class of data", drop("Interpreter/Properties/Tags/data-class")),
            ("an empty class of data", put("Interpreter/Properties/Tags/data-class", "")),
        ],
    )
    found += perimeter("", [("no tenant", drop("Interpreter/Properties/Tags/tenant"))])
    lock = "BucketPolicy/Properties/PolicyDocument/Statement/1"
    found += perimeter(
        "051",
        [
            ("one lock only", drop(lock)),
            ("a second lock on reading only", put(f"{lock}/Action", "s3:GetObject")),
            ("a second lock for the neighbour", put(f"{lock}/Principal", {"AWS": att("NeighbourRole")})),
            ("a second lock that leaves another prefix", add(f"{lock}/NotResource", s3("data/b/*"))),
            (
                "a second lock with a way around",
                put(f"{lock}/Condition", {"StringNotEquals": {"aws:PrincipalTag/a": "b"}}),
            ),
            (
                "a second lock on a part",
                both(drop(f"{lock}/NotResource"), put(f"{lock}/Resource", s3("data/b/*"))),
            ),
        ],
    )
    found += perimeter(
        "",
        [
            (
                "a second lock by the ARN of whoever asks",
                both(
                    put(f"{lock}/Principal", "*"),
                    put(f"{lock}/Condition", {"ArnEquals": {"aws:PrincipalArn": att("Role")}}),
                ),
            ),
            ("a second lock for everybody", put(f"{lock}/Principal", "*")),
        ],
    )
    return found


def _callers() -> list[Mutant]:
    everyone = ("Reader", "Writer", "Idle", "Alone")
    with_role = ("Reader", "Writer", "Idle")
    on = "Caller/Properties/Policies/0/PolicyDocument/Statement/0/Resource"
    actions = on.replace("Resource", "Action")
    custom = "arn:${AWS::Partition}:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}:"
    found = caught(
        "060",
        [
            *each("caller of", on, ["*", ["*"], "arn:aws:bedrock-agentcore:*:*:*"]),
            ("caller of every custom interpreter", put(on, sub(f"{custom}code-interpreter-custom/*"))),
            ("caller by AWS's own sample", put(on, sub(f"{custom}code-interpreter/*"))),
            (
                "caller of the managed interpreter",
                put(on, "arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/aws.codeinterpreter.v1"),
            ),
            ("caller by NotResource", both(rename(on, "NotResource"))),
        ],
        others=others("060", *everyone),
    )
    found += caught(
        "",
        [
            ("caller by name", put(on, sub(f"{custom}code-interpreter-custom/analytics__*"))),
            (
                "caller of two",
                put(on, [att("Interpreter", "CodeInterpreterArn"), att("Reader", "CodeInterpreterArn")]),
            ),
            ("no caller", drop("Caller")),
            (
                "caller without actions of sessions",
                both(put(actions, "bedrock-agentcore:ListCodeInterpreters"), put(on, "*")),
            ),
        ],
    )
    arns = "Caller/Properties/ManagedPolicyArns"
    found += caught(
        "060 062",
        [
            *each(
                "caller with",
                arns,
                [
                    ["arn:aws:iam::aws:policy/AdministratorAccess"],
                    ["arn:aws:iam::aws:policy/BedrockAgentCoreFullAccess"],
                ],
            )
        ],
        others=others("060", *everyone) | others("062", *with_role),
    )
    found += caught(
        "",
        each("caller with", arns, [["arn:aws:iam::aws:policy/SecurityAudit"]]),
        unknown=rules("060 062"),
        others=others("060", *everyone, status="unknown") | others("062", *with_role, status="unknown"),
    )
    found += caught(
        "", each("caller with", arns, [["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]])
    )
    passing = "Deployer/Properties/Policies/0/PolicyDocument/Statement/1"
    found += caught(
        "062",
        [
            ("deployer that passes to anybody", drop(f"{passing}/Condition")),
            (
                "deployer that passes to another service",
                put(f"{passing}/Condition/StringEquals/iam:PassedToService", "lambda.amazonaws.com"),
            ),
            (
                "deployer that passes to two services",
                put(
                    f"{passing}/Condition/StringEquals/iam:PassedToService", [SERVICE, "lambda.amazonaws.com"]
                ),
            ),
            (
                "deployer that passes by a negated condition",
                put(f"{passing}/Condition", {"StringNotEquals": {"iam:PassedToService": SERVICE}}),
            ),
            (
                "deployer that passes where the key is there",
                put(f"{passing}/Condition", {"StringEqualsIfExists": {"iam:PassedToService": SERVICE}}),
            ),
        ],
    )
    found += caught(
        "062",
        [
            *each("deployer passes", f"{passing}/Resource", ["*", "arn:aws:iam::*:role/*"]),
            (
                "deployer passes all roles of the account",
                put(f"{passing}/Resource", sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*")),
            ),
        ],
        others=others("062", *with_role),
    )
    found += caught(
        "",
        [
            (
                "deployer that creates nothing",
                drop("Deployer/Properties/Policies/0/PolicyDocument/Statement/0"),
            ),
            (
                "deployer that passes the role of another interpreter",
                put(f"{passing}/Resource", att("ReaderRole")),
            ),
        ],
    )
    of_caller = "Caller/Properties/Policies/0/PolicyDocument/Statement"
    found += perimeter(
        "061",
        [
            ("caller who may not read", drop(f"{of_caller}/1")),
            ("caller who may not list", drop(f"{of_caller}/2")),
            ("caller of another prefix", put(f"{of_caller}/1/Resource", s3("data/other/*"))),
            ("caller who may only read", put(f"{of_caller}/1/Action", "s3:GetObject")),
            (
                "caller with a second factor",
                put(f"{of_caller}/1/Condition/Bool", {"aws:MultiFactorAuthPresent": "true"}),
            ),
        ],
    )
    found += perimeter(
        "",
        [
            ("caller who may do more", put(f"{of_caller}/1/Action", "s3:*")),
            ("caller of nobody", drop("Caller")),
            (
                "caller of the neighbour",
                put(f"{of_caller}/0/Resource", att("Neighbour", "CodeInterpreterArn")),
            ),
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


def _names() -> list[Mutant]:
    name = "Interpreter/Properties/Name"
    fixed = ["analytics", "analytics__", "analytics_1a2b3c4d", "other__1a2b3c4d"]
    found = perimeter("007", each("name", name, fixed))
    found += perimeter("", each("name", name, ["analytics__2", "analytics__ffffffff"]))
    found += perimeter("", [("a name of any value", put(name, VALUE))], unknown=rules("005 007"))
    return found


def _near_misses() -> list[Mutant]:
    """Edits that look like the compliant thing."""
    role_boundary = "Role/Properties/PermissionsBoundary"
    encryption = "Bucket/Properties/BucketEncryption"
    endpoint = "Endpoint/Properties/PolicyDocument/Statement/0"
    found = caught("050", each("encryption", encryption, [{}, {"ServerSideEncryptionConfiguration": []}]))
    found += perimeter(
        "029", each("boundary", role_boundary, ["arn:aws:iam::aws:policy/AdministratorAccess"])
    )
    found += perimeter(
        "029",
        [
            (
                "a boundary for everything",
                put("Boundary/Properties/PolicyDocument", document(allow("*", "*", None))),
            )
        ],
        others=others("029", NEIGHBOUR),
    )
    foreign = ["?*", "444455556666", [ACCOUNT, "444455556666"]]
    found += perimeter(
        "042",
        [
            (
                f"endpoint for accounts {one}",
                put(
                    endpoint, allow("s3:*", "*", {"StringLike": {"aws:ResourceAccount": one}}, Principal="*")
                ),
            )
            for one in foreign
        ],
        others=others("042", NEIGHBOUR),
    )

    def outside(condition: Any) -> Edit:
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
        return both(drop("Role/Properties/Tags"), add(MAY, deny))

    found += perimeter(
        "031",
        [
            ("a Deny without any VPC", outside({"Null": {"aws:SourceVpc": "true"}})),
            ("a Deny outside all VPCs", outside({"StringNotLike": {"aws:SourceVpc": "vpc-*"}})),
            (
                "a Deny outside another VPC",
                outside({"StringNotEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}}),
            ),
        ],
    )
    found += caught(
        "012",
        [
            (
                "source ARN with wildcards, compared literally",
                _compare_literally,
            )
        ],
    )
    on = "Caller/Properties/Policies/0/PolicyDocument/Statement/0/Resource"
    custom = (
        "arn:${AWS::Partition}:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}:code-interpreter-custom/"
    )
    found += caught(
        "060",
        [("caller of all whose name begins alike", put(on, sub(f"{custom}analytics*")))],
        others=others("060", "Reader", "Writer", "Idle", "Alone"),
    )
    key = resource("KMS::Key", KeyPolicy=document(allow("kms:*", "*", None, Principal={"AWS": att("Role")})))
    found += caught("020 021 025 052", [("a key whose policy has the role", put("Key", key))])
    return found


def _compare_literally(resources: Body) -> None:
    condition = resources["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
    condition.setdefault("StringEquals", {})["aws:SourceArn"] = condition.pop("ArnLike")["aws:SourceArn"]


def _literal() -> list[Mutant]:
    mode = f"{NETWORK}/NetworkMode"
    return caught(
        "003",
        [
            ("mode by the same value twice", put(mode, {"Fn::If": ["Any", "SANDBOX", "SANDBOX"]})),
            ("mode by Fn::Sub", put(mode, {"Fn::Sub": "SANDBOX"})),
            ("mode by Fn::Join", put(mode, {"Fn::Join": ["", ["SAND", "BOX"]]})),
            ("mode by Fn::Select", put(mode, {"Fn::Select": [0, ["SANDBOX", "PUBLIC"]]})),
        ],
    ) + caught("001 003", [("PUBLIC by Fn::Select", put(mode, {"Fn::Select": ["1", ["SANDBOX", "PUBLIC"]]}))])


MUTANTS: tuple[Mutant, ...] = (
    *_egress(),
    *_network_around(),
    *_perimeter_of_role(),
    *_callers(),
    *_attachments(),
    *_keys(),
    *_names(),
    *_near_misses(),
    *_literal(),
    *_network_mode(),
    *_identity(),
    *_trust(),
    *_reach(),
    *_managed(),
    *_dangerous(),
    *_bucket(),
)
