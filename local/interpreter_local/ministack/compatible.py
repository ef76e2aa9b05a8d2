"""What is used of MiniStack, looked at before it is used: none of it is a stable interface."""

import inspect
from typing import Any

from ministack import app as gateway
from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import cloudtrail, cloudwatch_logs, iam, s3, sts
from ministack.services.cloudformation import provisioners

from interpreter_local.network.aws_names import SERVED

from . import ec2

# Our services, as MiniStack calls them.
NAME = "code-interpreter"
QUOTAS = "servicequotas"
# MiniStack's names of services, where they are not those in endpoints' names.
BACKENDS = {
    "bedrock-agentcore": NAME,
    "bedrock-agentcore-control": NAME,
    "servicequotas": QUOTAS,
    "streams.dynamodb": "dynamodbstreams",
}

# What this adapter reaches into: (object, attribute, parameters it is called with).
USED: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (gateway, "app", ("scope", "receive", "send")),
    (gateway, "detect_service", ("method", "path", "headers", "query_params")),
    (gateway, "_ct_event_name", ("service", "method", "path", "headers", "query_params")),
    (
        gateway,
        "_dispatch_service_request",
        ("method", "path", "headers", "body", "query_params", "request_id"),
    ),
    (gateway, "_routing_params", ("method", "path", "headers", "body", "query_params")),
    (gateway, "_decompress_request_body", ("body", "headers")),
    (gateway, "_lazy_handler", ("module_name",)),
    (
        gateway,
        "_maybe_record_cloudtrail",
        ("service", "method", "path", "headers", "body", "query_params", "request_id", "region"),
    ),
    (cloudtrail, "_get_event_queue", ()),
    (gateway, "extract_access_key_id", ("headers", "query_params")),
    (gateway, "_extract_s3_vhost_bucket", ("host",)),
    (gateway, "_handle_pre_body_request", ("method", "path", "headers", "query_params", "request_id")),
    (
        gateway,
        "_handle_post_body_shortcuts",
        ("method", "path", "headers", "body", "query_params", "request_id"),
    ),
    (
        gateway,
        "_handle_special_data_plane_request",
        ("method", "path", "headers", "body", "query_params", "request_id"),
    ),
    (iam_actions, "extract_iam_action", ("service", "method", "path", "headers", "body", "query_params")),
    (
        iam_actions,
        "extract_resource_arn",
        ("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
    ),
    (iam_actions, "_s3_source_object", ("headers",)),
    (cloudwatch_logs, "_resolve_query_log_groups", ("data",)),
    (iam_actions, "_s3_batch_delete_targets", ("bucket", "body")),
    (iam_actions, "fromstring", ("text",)),
    (iam_actions, "request_tag_context", ("service", "iam_action", "body", "params")),
    (iam_actions, "access_denied_response", ("service", "action", "principal_arn", "request_id")),
    (
        iam_evaluator,
        "enforce",
        ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
    ),
    (iam_evaluator, "_fnmatch_compile", ("pattern", "ignore_case")),
    (iam_evaluator, "caller_arn", ()),
    (iam_evaluator, "resolve_credential", ("access_key_id", "account_id")),
    (iam_evaluator, "evaluate_resource_policy", ("doc", "ctx", "service")),
    (iam_evaluator, "is_root_access_key", ("access_key_id",)),
    (iam_evaluator, "resolve_principal", ("access_key_id", "account_id")),
    (s3, "handle_request", ("method", "path", "headers", "body", "query_params", "signed_path")),
    (s3, "_bucket_owner_account", ("name",)),
    (s3, "_error", ("code", "message", "status")),
    (s3, "bucket_region", ("name",)),
    (sts, "register_session", ("access_key", "session")),
    (responses, "get_account_id", ()),
    (responses, "get_region", ()),
    (responses, "get_request_client_ip", ()),
    (responses, "request_scope", ("account_id", "region")),
    (responses, "StreamingResponse", ("runner",)),
    *ec2.USED,
)
TABLES: tuple[tuple[Any, str], ...] = (
    (gateway, "SERVICE_REGISTRY"),
    (gateway, "SERVICE_HANDLERS"),
    (gateway, "_loaded_modules"),
    (gateway, "_state_map"),
    (iam_actions, "SERVICE_TO_IAM_NAMESPACE"),
    (iam, "_roles"),
    (sts, "_sessions"),
    (s3, "_MALFORMED_XML"),
    (provisioners, "_RESOURCE_HANDLERS"),
    (provisioners, "_STACK_TAG_PROPERTY"),
    *ec2.TABLES,
)


class IncompatibleError(RuntimeError):
    """This MiniStack is not the one that the adapter was written for."""


def check() -> None:
    """Raises IncompatibleError naming everything that is missing or has other parameters."""
    wrong = [f"{module.__name__}.{name} is missing" for module, name in TABLES if not hasattr(module, name)]
    for module, name, parameters in USED:
        found = getattr(module, name, None)
        if found is None:
            wrong.append(f"{module.__name__}.{name} is missing")
            continue
        known = inspect.signature(found).parameters
        if absent := [parameter for parameter in parameters if parameter not in known]:
            wrong.append(f"{module.__name__}.{name} has no parameter {', '.join(absent)}")
    for label in SERVED:
        backend = BACKENDS.get(label, label)
        if backend not in (NAME, QUOTAS) and backend not in gateway.SERVICE_HANDLERS:
            wrong.append(f"MiniStack has no service {backend}")
    if not gateway.AUTH:
        wrong.append("MiniStack does not check credentials: AUTH=true must be set before it is imported")
    if wrong:
        raise IncompatibleError("; ".join(wrong))
