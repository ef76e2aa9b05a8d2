"""How a request to a service other than S3 names its operation: once, where the service's protocol has it.

MiniStack looks for the name in the query, the body, a header and the path, its IAM in another order than its
services, and what IAM finds nowhere is not authorized at all. A request that named two operations would be
authorized as one and carried out as the other.
"""

import re
from urllib.parse import parse_qs, parse_qsl

# Services that are asked in JSON, and what stands before the operation in `x-amz-target` (botocore's models).
TARGETS = {
    "cloudtrail": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    "dynamodb": "DynamoDB_20120810",
    "kinesis": "Kinesis_20131202",
    "kms": "TrentService",
    "logs": "Logs_20140328",
    "monitoring": "GraniteServiceVersion20100801",
    "organizations": "AWSOrganizationsV20161128",
    "secretsmanager": "secretsmanager",
    "servicequotas": "ServiceQuotasV20190624",
    "sqs": "AmazonSQS",
    "ssm": "AmazonSSM",
    "streams.dynamodb": "DynamoDBStreams_20120810",
    "tagging": "ResourceGroupsTaggingAPI_20170126",
}
# Services that are asked in forms, by POST or in the query of a GET; two of them in either way.
FORMS = frozenset({"iam", "monitoring", "sqs", "sts"})
# More that are asked in forms, by requests from this machine.
_MORE_FORMS = FORMS | {
    "autoscaling",
    "cloudformation",
    "ec2",
    "elasticache",
    "elasticloadbalancing",
    "rds",
    "sns",
}
_JSON = re.compile(r"application/x-amz-json-1\.[01]")
_FORM = re.compile(r"application/x-www-form-urlencoded(; *charset=utf-8)?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9]+")


def fault(
    service: str, path: str, headers: dict[str, str], query: dict[str, list[str]], body: bytes
) -> str | None:
    """What is wrong with how a request names its operation, None when it can be read in one way only.

    `service` is the label in the endpoint's name; header names are in lower case. Services with an operation
    for each method and path have no other place to name it in.
    """
    if service not in TARGETS and service not in FORMS:
        return None
    if path != "/" and service != "sqs":
        return f"the path is {path}, expected /"
    target = headers.get("x-amz-target")
    if target is not None:
        return _fault_of_json(service, target, headers, query)
    if service not in FORMS:
        return f"the header x-amz-target is missing, expected {TARGETS[service]} and an operation"
    if not body:
        pairs = [(key, value) for key, values in query.items() for value in values]
    elif query:
        return "a query and a body were sent, expected one of them"
    elif "content-encoding" in headers or not _FORM.fullmatch(headers.get("content-type", "")):
        return "the body is no plain application/x-www-form-urlencoded"
    else:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return _fault_of_form(pairs)


def doubled(
    service: str, path: str, headers: dict[str, str], query: dict[str, list[str]], body: bytes
) -> str | None:
    """What is wrong with a request from this machine that names two operations; None for all others.

    It may be to any of MiniStack's services, so nothing is known of which places its protocol has.
    """
    kind = headers.get("content-type", "")
    form = kind.startswith("application/x-www-form-urlencoded")
    target = headers.get("x-amz-target")
    json_too = service in TARGETS and target is not None and _JSON.fullmatch(kind)
    if service in _MORE_FORMS and body and path == "/" and not (form or json_too):
        return f"the content type is {kind!r}, expected application/x-www-form-urlencoded"
    sent = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True) if form else {}
    places = [f"the header x-amz-target ({target})"] if target is not None else []
    places += [f"the query ({value})" for value in query.get("Action", ())]
    places += [f"the body ({value})" for value in sent.get("Action", ())]
    if path != "/" and service != "sqs":
        places.append(f"the path ({path})")
    return f"the operation is named by {' and by '.join(places)}, expected once" if len(places) > 1 else None


def _fault_of_json(
    service: str, target: str, headers: dict[str, str], query: dict[str, list[str]]
) -> str | None:
    prefix, _, operation = target.rpartition(".")
    if prefix != TARGETS.get(service) or not _NAME.fullmatch(operation):
        return f"the header x-amz-target is {target!r}, expected {TARGETS.get(service, 'none')}"
    if query:
        return "a query was sent beside the header x-amz-target"
    if not _JSON.fullmatch(headers.get("content-type", "")):
        return (
            f"the content type is {headers.get('content-type')!r}, expected application/x-amz-json-1.0 or 1.1"
        )
    return None


def _fault_of_form(pairs: list[tuple[str, str]]) -> str | None:
    values = dict(pairs)
    if len(values) != len(pairs):
        return "a parameter was sent twice"
    if not _NAME.fullmatch(values.get("Action", "")):
        return f"the parameter Action is {values.get('Action')!r}, expected an operation"
    return None
