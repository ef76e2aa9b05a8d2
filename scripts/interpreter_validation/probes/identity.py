"""Does code act as the declared execution role, and is it refused what the declaration does not name?"""

import re
from typing import Any

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import ask
from interpreter_validation.places import partition_of, region_of, service_host
from interpreter_validation.result import ProbeError, ProbeResult, UntoldError
from interpreter_validation.session import Sessions
from interpreter_validation.settings import PATIENCE, Settings
from interpreter_validation.verdict import Verdict

NAME = "identity"
# AWS names the caller when it refuses: `User: arn:…:assumed-role/<role>/<session> is not authorized`.
_ASSUMED = re.compile(r"arn:[a-z-]+:sts::\d*:assumed-role/([\w+=,.@-]+)")
_DENIED = re.compile(r"AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized")

# Calls that change nothing and cost nothing; where only S3 is reached, only its own are tried.
_S3: list[tuple[str, str, dict[str, Any]]] = [("s3", "list_buckets", {})]
_OTHERS: list[tuple[str, str, dict[str, Any]]] = [
    ("sts", "get_caller_identity", {}),
    ("iam", "list_roles", {"MaxItems": 1}),
    ("dynamodb", "list_tables", {"Limit": 1}),
    ("secretsmanager", "list_secrets", {"MaxResults": 1}),
    ("ssm", "describe_parameters", {"MaxResults": 1}),
    ("sqs", "list_queues", {"MaxResults": 1}),
    ("kms", "list_keys", {"Limit": 1}),
    ("logs", "describe_log_groups", {"limit": 1}),
    ("bedrock-agentcore-control", "list_code_interpreters", {"maxResults": 1}),
]
# Anybody may ask who he is, whatever the policies say.
_WHO = "sts.get_caller_identity"


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """The role from STS where it is reached, else from the text with which S3 refuses."""
    calls = [*_S3, *_OTHERS]
    if record.bucket:
        at = {"Bucket": record.bucket}
        calls += [
            ("s3", "get_bucket_policy", at),
            ("s3", "get_bucket_acl", at),
            ("s3", "list_object_versions", at),
        ]
    with sessions.shared(record.id, record.base) as session:
        found = ask(
            sessions,
            session,
            "identity",
            calls=[[service, _host(record, service), call, more] for service, call, more in calls],
            # Whatever the mode, S3 is the one that should answer.
            patience=settings.seconds * PATIENCE,
            region=region_of(record),
            seconds=min(settings.seconds, 2.0) if record.network_mode == "SANDBOX" else settings.seconds,
        )
    role = record.role_arn.rpartition("/")[2]
    if not found["credentials"]:
        raise ProbeError(
            "code in a session has no credentials",
            expected=f"credentials of {role} from the metadata service",
            seen="none",
            todo=f"see whether {record.id} has an execution role, and whether that trusts the service for it",
        )
    answers: dict[str, dict[str, str]] = found["calls"]
    allowed = [name for name, one in answers.items() if one["ended"] == "allowed" and name != _WHO]
    # Refused for another reason than rights: the request was let through.
    allowed += [
        name for name, one in answers.items() if one["ended"] == "error" and not _DENIED.search(one["code"])
    ]
    if allowed:
        raise ProbeError(
            f"code may do what the declaration does not name: {', '.join(allowed)}",
            expected="AccessDenied",
            seen="; ".join(f"{name}: {answers[name].get('code') or 'allowed'}" for name in allowed),
            todo=f"read the policies of {record.role_arn}, inline and attached, and those that name it",
        )
    refused = [name for name, one in answers.items() if one["ended"] == "error"]
    who = sorted({name for one in answers.values() if (name := _role_in(one["said"]))})
    if not refused:
        raise UntoldError(
            "no AWS service answers code in a session: "
            + "; ".join(sorted({one["said"] for one in answers.values()})),
            todo="give the interpreter's network a way to S3 or STS, or leave this probe out of its `probes`",
        )
    if who and who != [role]:
        raise ProbeError(
            f"code acts as {', '.join(who)}, declared is {role}",
            expected=role,
            seen=", ".join(who),
            todo=f"see GetCodeInterpreter of {record.id} for its execution role, and stop its sessions",
        )
    if not who:
        raise UntoldError(
            f"{len(refused)} calls are refused as they must be, but no reply names the caller",
            todo="nothing reached names the role: compare the interpreter's role with the probe `declared`",
        )
    return ProbeResult(NAME, Verdict.PASS, f"acts as {role}; {len(refused)} harmless calls refused")


def _host(record: Record, service: str) -> str:
    # IAM is the one among them that has no Regional endpoint, but one for each partition.
    if service == "iam":
        return {"aws-cn": "iam.cn-north-1.amazonaws.com.cn", "aws-us-gov": "iam.us-gov.amazonaws.com"}.get(
            partition_of(record), "iam.amazonaws.com"
        )
    return service_host(record, service)


def _role_in(text: str) -> str:
    found = _ASSUMED.search(text)
    return found[1] if found else ""
