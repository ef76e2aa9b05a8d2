"""Names, roles and whom they trust."""

import json

from .compliant import ACCOUNT, SERVICE, Body, att, sub
from .edits import (
    ROOT,
    TRUST,
    VALUE,
    Mutant,
    add,
    caught,
    drop,
    each,
    others,
    perimeter,
    put,
    rename,
    rules,
)


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


def _names() -> list[Mutant]:
    name = "Interpreter/Properties/Name"
    fixed = ["analytics", "analytics__", "analytics_1a2b3c4d", "other__1a2b3c4d"]
    found = perimeter("007", each("name", name, fixed))
    found += perimeter("", each("name", name, ["analytics__2", "analytics__ffffffff"]))
    found += perimeter("", [("a name of any value", put(name, VALUE))], unknown=rules("005 007"))
    return found


ROWS = (
    *_identity(),
    *_names(),
    *_trust(),
)
