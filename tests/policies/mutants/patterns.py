"""Wildcards, lists, prefixes, accounts."""

from .compliant import ACCOUNT, OWN_ACCOUNT, s3
from .edits import DECLARED, LIST, OBJECTS, Mutant, caught, drop, each, grant, others, put, rename


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


ROWS = (
    *_wildcards(),
    *_listing(),
    *_prefixes(),
    *_account(),
)
