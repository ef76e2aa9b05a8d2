"""How MiniStack reads requests to our services: which service, which IAM action, on what, with which keys."""

import gzip
import io
import json
import re
import zlib
from typing import Any
from urllib.parse import parse_qs
from xml.etree.ElementTree import ParseError

from ministack import app as gateway
from ministack.core import iam_actions
from ministack.services import cloudwatch_logs, iam, s3

from interpreter_local import quotas, service
from interpreter_local.network import operations
from interpreter_local.service import Service
from interpreter_local.state import Scope

from . import context
from .compatible import BACKENDS, NAME, QUOTAS

# What a compressed body may become: 16 times what CloudWatch, whose requests SDKs compress, takes. A megabyte
# of zeroes can be a gigabyte.
MOST_INFLATED = 16 * 1024**2
_PIECE = 64 * 1024
# DeleteObjects takes so many keys (S3 API reference). IAM is asked for each, before S3 counts them.
MOST_DELETED = 1000
_OBJECT = re.compile(rb"<(?:[\w.-]+:)?Object[\s>/]")


def _signed_for(headers: dict[str, str]) -> str:
    found = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    return found[1] if found else ""


def detect(old: Any, method: str, path: str, headers: dict[str, str], query: Any) -> Any:
    if routed := context.routed.get():
        return BACKENDS.get(routed.service, routed.service)
    if path == "/code-interpreters" or path.startswith("/code-interpreters/"):
        return NAME
    signed_for = _signed_for(headers)
    if signed_for == "bedrock-agentcore" and service.action(method, path) is not None:
        return NAME
    return QUOTAS if signed_for == QUOTAS else old(method, path, headers, query)


def refused(fault: str, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """The reply to a request that cannot be read in one way only."""
    code = "SerializationException"
    headers = {"content-type": "application/json", "x-amzn-errortype": code, "x-amzn-requestid": request_id}
    return 400, headers, json.dumps({"__type": code, "message": fault}).encode()


def _objects(body: bytes) -> int:
    return sum(1 for _ in _OBJECT.finditer(body))


def fault_of_compressed(headers: dict[str, str], body: bytes) -> str | None:
    """What is wrong with a gzipped body, None for a good one and for one that is not compressed."""
    if "gzip" not in headers.get("content-encoding", "").lower():
        return None
    left = MOST_INFLATED
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as inflating:
            while left >= 0 and (piece := inflating.read(_PIECE)):
                left -= len(piece)
    except (OSError, EOFError, zlib.error) as error:
        return f"the body is not gzip: {error}"
    return f"the body inflates to more than {MOST_INFLATED} bytes" if left < 0 else None


async def dispatch(
    old: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: Any, request_id: str
) -> Any:
    """Passes a request on that IAM and the service read in the same way, and in bounded time.

    Refused: one that names two operations, and, before anybody looks into it, a body of which too much would
    become.
    """
    name = gateway.detect_service(
        method, path, headers, gateway._routing_params(method, path, headers, body, query)
    )
    # In S3 it is a property of the object.
    if name != "s3" and (fault := fault_of_compressed(headers, body)):
        return refused(fault, request_id)
    if name == "s3" and method == "POST" and "delete" in query and _objects(body) > MOST_DELETED:
        return s3._error("MalformedXML", s3._MALFORMED_XML, 400)
    # Ours and S3 find theirs in one place; the others in the inflated body.
    if context.routed.get() is None and name not in (NAME, QUOTAS, "s3"):
        body = gateway._decompress_request_body(body, headers)
        if fault := operations.doubled(name, path, headers, query, body):
            return refused(fault, request_id)
    try:
        return await old(method, path, headers, body, query, request_id)
    except RecursionError:
        # With a traceback of 3 KB for each such request sessions could fill the log.
        return refused("the body is nested deeper than can be read", request_id)


def event_name(old: Any, name: str, method: str, path: str, headers: Any, query: Any) -> Any:
    found = service.action(method, path) if name == NAME else None
    return found or old(name, method, path, headers, query)


def iam_action(old: Any, name: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
    if name == NAME:
        context.request.set(context.Request(method, path, headers, body, query))
        found = service.action(method, path)
        return f"bedrock-agentcore:{found}" if found else None
    if name == QUOTAS:
        return f"servicequotas:{quotas.action(headers)}" if quotas.action(headers) else None
    if name == "s3":
        # In these, which say nothing to S3, MiniStack would find another action than the one it carries out.
        headers = {key: value for key, value in headers.items() if key.lower() != "x-amz-target"}
        query = {key: value for key, value in query.items() if key != "Action"}
        bucket, key = _s3_names(path)
        path, body = f"/{bucket}/key" if key else f"/{bucket}", b""
    return old(name, method, path, headers, body, query)


def _s3_names(path: str) -> tuple[str, str]:
    """Bucket and key as S3 reads them; MiniStack's IAM takes a slash too many out of a key."""
    bucket, _, key = path.lstrip("/").partition("/")
    return bucket, key


def batch_delete_targets(old: Any, bucket: str, body: bytes) -> list[tuple[str, str]]:
    """Object ARNs and versions that a DeleteObjects body names: all of them, where one object has two keys.

    Of two, S3 takes the first and MiniStack's IAM the last.
    """
    try:
        document = iam_actions.fromstring(body)
    except (ParseError, ValueError):
        return list(old(bucket, body))
    found = []
    for one in document.iter():
        if _local(one) == "Object":
            keys = [child.text for child in one if _local(child) == "Key" and child.text]
            versions = [child.text or "" for child in one if _local(child) == "VersionId"] or [""]
            found += [(f"arn:aws:s3:::{bucket}/{key}", version) for key in keys for version in versions]
    return found


def source_object(old: Any, headers: dict[str, str]) -> tuple[str, str] | None:
    """ARN and version of what is copied; the version as S3 reads it, which decodes its name."""
    found = old(headers)
    if found is None:
        return None
    query = headers["x-amz-copy-source"].partition("?")[2]
    return found[0], parse_qs(query, keep_blank_values=True).get("versionId", [""])[0]


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _header(headers: Any, name: str) -> str:
    return next((str(value) for key, value in headers.items() if str(key).lower() == name), "")


def _path_of_parameters(body: bytes) -> str:
    try:
        path = json.loads(body).get("Path")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return path.strip("/") if isinstance(path, str) else ""


def _log_groups(body: bytes) -> list[str]:
    """The log groups that a query reads, as the service finds them."""
    try:
        return list(cloudwatch_logs._resolve_query_log_groups(json.loads(body)))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []


def _role(account_id: str, body: bytes, query: Any) -> str | None:
    """The ARN of the role that a call to IAM is about, with its path; None if it is about none."""
    sent = {**query, **parse_qs(body.decode(errors="replace"))}

    def value(name: str) -> str:
        found = sent.get(name, "")
        return str(found[0] if isinstance(found, list) and found else found or "")

    name = value("RoleName")
    if not name:
        return None
    if there := iam._roles.get(name):
        return str(there["Arn"])
    return f"arn:aws:iam::{account_id}:role{value('Path') or '/'}{name}"


def resource_arn(
    old: Any,
    name: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query: Any,
    region: str,
    account_id: str,
) -> Any:
    if name == NAME:
        return service.resource(Scope(account_id, region), method, path)
    if name == QUOTAS:
        return "*"
    if name == "s3" and all(_s3_names(path)):
        return "arn:aws:s3:::" + "/".join(_s3_names(path))
    # MiniStack takes any path for "*", and no policy that names a path would let anybody read it.
    if name == "ssm" and _header(headers, "x-amz-target").endswith(".GetParametersByPath"):
        asked = _path_of_parameters(body)
        return f"arn:aws:ssm:{region}:{account_id}:parameter/{asked}" if asked else "*"
    # One ARN is asked about: several groups are "*", which is narrower than AWS.
    if name == "logs" and _header(headers, "x-amz-target").endswith(".StartQuery"):
        groups = _log_groups(body)
        return f"arn:aws:logs:{region}:{account_id}:log-group:{groups[0]}" if len(groups) == 1 else "*"
    # It looks for the role's name in the query alone, where no SDK puts it, and knows no paths.
    if name == "iam" and (role := _role(account_id, body, query)):
        return role
    return old(name, method, path, headers, body, query, region, account_id)


def tag_context(ours: Service, action: str, body: bytes, params: Any) -> dict[str, Any]:
    """aws:RequestTag, aws:TagKeys, and the two condition keys of CreateCodeInterpreter."""
    try:
        sent = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        sent = {}
    sent = sent if isinstance(sent, dict) else {}
    keys: dict[str, Any] = {}
    tags = sent.get("tags")
    if isinstance(tags, dict) and tags:
        keys = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        keys["aws:TagKeys"] = list(tags)
    if params.get("tagKeys"):
        keys["aws:TagKeys"] = list(params["tagKeys"])
    network = sent.get("networkConfiguration")
    config = network.get("vpcConfig") if isinstance(network, dict) else None
    if action.endswith(":CreateCodeInterpreter") and isinstance(config, dict):
        for key, member in (("securityGroups", "securityGroups"), ("subnets", "subnets")):
            if isinstance(config.get(member), list):
                keys[f"bedrock-agentcore:{key}"] = config[member]
    return keys


def refusal(action: str, principal_arn: str, **rest: Any) -> str:
    reason = (
        "with an explicit deny in an identity-based policy"
        if rest.get("explicit_deny")
        else f"because no identity-based policy allows the {action} action"
    )
    on = rest.get("resource_arn", "*")
    return f"User: {principal_arn} is not authorized to perform: {action} on resource: {on} {reason}"
