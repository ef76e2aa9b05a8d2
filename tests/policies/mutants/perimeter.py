"""The data perimeter, callers, and edits that look like the compliant thing."""

from typing import Any

from .compliant import ACCOUNT, SERVICE, Body, allow, att, document, resource, s3, sub
from .edits import (
    MAY,
    NEIGHBOUR,
    Edit,
    Mutant,
    add,
    both,
    caught,
    drop,
    each,
    others,
    perimeter,
    put,
    rename,
    rules,
)


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


ROWS = (
    *_perimeter_of_role(),
    *_callers(),
    *_near_misses(),
)
