"""The one adapter to MiniStack's insides: puts our services into its process, behind its SigV4 and IAM.

MiniStack is pinned exactly, and `check()` runs at every start: what is used here is looked at first.
"""

import asyncio
import inspect
import json
import logging
import re
import secrets
import string
import time
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from ministack import app as gateway
from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import cloudtrail, iam, s3, sts
from ministack.services.cloudformation import provisioners

from . import cloudformation, metrics, ministack_ec2, quotas, service
from .home import REGION
from .identity import SERVICE_PRINCIPAL
from .network import Attachment, Credentials, NotAssumableError, Routed, vpc
from .network.aws_names import SERVED
from .service import EVENT_STREAM, Answer, Service
from .state import Scope
from .trail import Caller

_log = logging.getLogger(__name__)
NAME = "code-interpreter"
QUOTAS = "servicequotas"
_ROLE = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/(?:.*/)?([^/]+)")
_CLOUDWATCH, _CLOUDTRAIL = "monitoring", "cloudtrail"
_PUT_METRICS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
}
# PutMetricData takes so many at once (CloudWatch API reference).
_METRICS_A_CALL = 1000


@dataclass(frozen=True)
class _Request:
    """A request to our service, as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: Any


_access_key: ContextVar[str] = ContextVar("access_key", default="")
_request: ContextVar[_Request] = ContextVar("request")
_answer: ContextVar[Answer] = ContextVar("answer")
# Where the current request goes when it comes from inside a session.
_routed: ContextVar[Routed | None] = ContextVar("routed", default=None)
# The longest that AWS lets a role session last that another role's session (here: the service) starts.
_ROLE_SESSION_SECONDS = 3600
# MiniStack's names of services, where they are not those in endpoints' names.
_BACKENDS = {
    "bedrock-agentcore": NAME,
    "bedrock-agentcore-control": NAME,
    "servicequotas": QUOTAS,
    "streams.dynamodb": "dynamodbstreams",
}
_KEY_ALPHABET = string.ascii_uppercase + "234567"

# What this module reaches into: (object, attribute, parameters it is called with).
_USED: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (gateway, "app", ("scope", "receive", "send")),
    (gateway, "detect_service", ("method", "path", "headers", "query_params")),
    (gateway, "_ct_event_name", ("service", "method", "path", "headers", "query_params")),
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
    (iam_actions, "request_tag_context", ("service", "iam_action", "body", "params")),
    (iam_actions, "access_denied_response", ("service", "action", "principal_arn", "request_id")),
    (
        iam_evaluator,
        "enforce",
        ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
    ),
    (iam_evaluator, "caller_arn", ()),
    (iam_evaluator, "resolve_credential", ("access_key_id", "account_id")),
    (iam_evaluator, "evaluate_resource_policy", ("doc", "ctx", "service")),
    (iam_evaluator, "is_root_access_key", ("access_key_id",)),
    (iam_evaluator, "resolve_principal", ("access_key_id", "account_id")),
    (s3, "handle_request", ("method", "path", "headers", "body", "query_params", "signed_path")),
    (s3, "_bucket_owner_account", ("name",)),
    (s3, "bucket_region", ("name",)),
    (sts, "register_session", ("access_key", "session")),
    (responses, "get_account_id", ()),
    (responses, "get_region", ()),
    (responses, "get_request_client_ip", ()),
    (responses, "request_scope", ("account_id", "region")),
    (responses, "StreamingResponse", ("runner",)),
    *ministack_ec2.USED,
)
_TABLES: tuple[tuple[Any, str], ...] = (
    (gateway, "SERVICE_REGISTRY"),
    (gateway, "SERVICE_HANDLERS"),
    (gateway, "_loaded_modules"),
    (gateway, "_state_map"),
    (iam_actions, "SERVICE_TO_IAM_NAMESPACE"),
    (iam, "_roles"),
    (sts, "_sessions"),
    (provisioners, "_RESOURCE_HANDLERS"),
    (provisioners, "_STACK_TAG_PROPERTY"),
    *ministack_ec2.TABLES,
)


class IncompatibleError(RuntimeError):
    """This MiniStack is not the one that the adapter was written for."""


def check() -> None:
    """Raises IncompatibleError naming everything that is missing or has other parameters."""
    wrong = [f"{module.__name__}.{name} is missing" for module, name in _TABLES if not hasattr(module, name)]
    for module, name, parameters in _USED:
        found = getattr(module, name, None)
        if found is None:
            wrong.append(f"{module.__name__}.{name} is missing")
            continue
        known = inspect.signature(found).parameters
        if absent := [parameter for parameter in parameters if parameter not in known]:
            wrong.append(f"{module.__name__}.{name} has no parameter {', '.join(absent)}")
    for label in SERVED:
        backend = _BACKENDS.get(label, label)
        if backend not in (NAME, QUOTAS) and backend not in gateway.SERVICE_HANDLERS:
            wrong.append(f"MiniStack has no service {backend}")
    if not gateway.AUTH:
        wrong.append("MiniStack does not check credentials: AUTH=true must be set before it is imported")
    if wrong:
        raise IncompatibleError("; ".join(wrong))


class RequestIdentity:
    """IAM's answers for the caller of the current request."""

    def cannot_pass(self, role_arn: str) -> str | None:
        """See `identity.Identity`."""
        denied = iam_evaluator.enforce(
            _access_key.get(),
            "iam:PassRole",
            "iam",
            responses.get_region(),
            resource_arn=role_arn,
            service_context={"iam:PassedToService": SERVICE_PRINCIPAL},
        )
        if denied is None:
            return None
        caller = getattr(denied, "principal_arn", "")
        return f"User: {caller} is not authorized to perform: iam:PassRole on resource: {role_arn}"

    def not_assumable(self, scope: Scope, role_arn: str, interpreter_arn: str) -> str | None:
        """See `identity.Identity`: the trust policy is evaluated with the source that AWS would send."""
        matched = _ROLE.fullmatch(role_arn)
        if matched is None or matched[1] != scope.account:
            return f"{role_arn} is not a role of account {scope.account}"
        with responses.request_scope(scope.account, scope.region):
            role = iam._roles.get(matched[2])
        if role is None or role["Arn"] != role_arn:
            return f"role {role_arn} does not exist"
        context = iam_evaluator.EvalContext(
            principal_arn=SERVICE_PRINCIPAL,
            principal_type="Service",
            principal_account=scope.account,
            action="sts:AssumeRole",
            resource_arn=role_arn,
            region=scope.region,
            service_context={"aws:sourceaccount": scope.account, "aws:sourcearn": interpreter_arn},
        )
        trust = role["AssumeRolePolicyDocument"]
        decided = iam_evaluator.evaluate_resource_policy(trust, context, service=SERVICE_PRINCIPAL)
        if decided.decision == "Allow":
            return None
        return (
            f"the trust policy of {role_arn} does not let {SERVICE_PRINCIPAL} assume it "
            f"with aws:SourceAccount {scope.account} and aws:SourceArn {interpreter_arn}"
        )

    def network_problems(self, scope: Scope, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """See `identity.Identity`."""
        return vpc.problems(ministack_ec2.records(scope), config)


class SessionIdentities:
    """Role sessions for the sessions of interpreters; see `network.Identities`."""

    def mint(self, session: Attachment) -> Credentials:
        """An hour of the execution role, its trust policy asked once more.

        The role session's name is unrecorded; ours is the session's id.
        """
        role_arn = session.role_arn or ""
        scope = Scope(session.account, session.region, session.partition)
        if refusal := RequestIdentity().not_assumable(scope, role_arn, session.interpreter_arn):
            raise NotAssumableError(refusal)
        with responses.request_scope(session.account, session.region):
            role = iam._roles.get(role_arn.rpartition("/")[2])
        made = Credentials(
            access_key="ASIA" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(16)),
            secret_key=secrets.token_urlsafe(30),
            token=secrets.token_urlsafe(240),
            expiration=time.time() + _ROLE_SESSION_SECONDS,
        )
        name = f"{role['RoleName']}/{session.session_id}"
        sts.register_session(
            made.access_key,
            {
                "Arn": f"arn:{session.partition}:sts::{session.account}:assumed-role/{name}",
                "UserId": f"{role['RoleId']}:{session.session_id}",
                "SecretAccessKey": made.secret_key,
                "SessionToken": made.token,
                "Expiration": made.expiration,
                "AccountId": session.account,
                "PrincipalType": "AssumedRole",
            },
        )
        return made

    def forget(self, access_key: str) -> None:
        """From now on nobody knows this key."""
        sts._sessions.pop(access_key, None)


class SessionAws:
    """AWS for requests from inside sessions; see `network.Aws`."""

    def usable(self, access_key: str, headers: dict[str, str], query: dict[str, list[str]]) -> bool:
        """Not for keys that stand for root, nor for one that MiniStack would not read from this request."""
        if gateway.extract_access_key_id(headers, query) != access_key:
            return False
        if iam_evaluator.is_root_access_key(access_key):
            return False
        return bool(sts._sessions.get(access_key, {}).get("PrincipalType") != "Root")

    def bucket_region(self, bucket: str) -> str | None:
        """Where a bucket is, whoever owns it; None when there is none."""
        owner = s3._bucket_owner_account(bucket)
        if owner is None:
            return None
        with responses.request_scope(owner, REGION):
            return str(s3.bucket_region(bucket))

    async def forward(self, scope: Any, receive: Any, send: Any, routed: Routed) -> None:
        """MiniStack's application, in which only AWS's own APIs are left: see `_install_routing`."""
        token = _routed.set(routed)
        try:
            await gateway.app({**scope, "path": routed.path}, receive, send)
        finally:
            _routed.reset(token)


def _install_routing() -> None:
    """Sends requests from sessions to the service that the gateway chose, past every other entrance.

    MiniStack finds services and its administration by path, whatever the host; in a bucket a path is a key.
    """

    async def without_shortcuts(old: Any, *args: Any, **kwargs: Any) -> Any:
        return None if _routed.get() else await old(*args, **kwargs)

    async def handle_s3(old: Any, *args: Any, **kwargs: Any) -> Any:
        routed = _routed.get()
        if routed and routed.service == "s3":
            # The bucket stands in the path now, which is not what was signed.
            return await s3.handle_request(*args, **kwargs, signed_path=routed.signed_path)
        return await old(*args, **kwargs)

    _wrap(gateway, "_handle_pre_body_request", without_shortcuts)
    _wrap(gateway, "_handle_post_body_shortcuts", without_shortcuts)
    _wrap(gateway, "_handle_special_data_plane_request", without_shortcuts)
    _wrap(gateway, "_extract_s3_vhost_bucket", lambda old, host: None if _routed.get() else old(host))
    old = gateway.SERVICE_HANDLERS["s3"]
    gateway.SERVICE_HANDLERS["s3"] = lambda *args, **kwargs: handle_s3(old, *args, **kwargs)


def _refused_by_endpoint(
    policy: str, key: str, action: str, region: str, resource: str, context: dict[str, Any]
) -> Any:
    """What a VPC endpoint's policy says against a request that IAM allows; None when it allows it too."""
    account = responses.get_account_id()
    anonymous = not key
    principal = None if anonymous else iam_evaluator.resolve_principal(key, account)
    if isinstance(principal, iam_evaluator.AuthError):
        return principal
    evaluated = iam_evaluator.EvalContext(
        principal_arn="" if principal is None else principal.arn,
        principal_type="Anonymous" if principal is None else principal.type,
        principal_account="" if principal is None else principal.account,
        action=action,
        resource_arn=resource,
        region=region,
        service_context={name.lower(): value for name, value in context.items()},
        principal_keys={} if principal is None else principal.keys,
    )
    decided = iam_evaluator.evaluate_resource_policy(policy, evaluated)
    if decided.decision == "Allow":
        return None
    decided.principal_arn = evaluated.principal_arn
    return decided


def ec2_of(session: Attachment) -> vpc.Ec2:
    """The emulated EC2 of a session's account and region, as it is now."""
    return ministack_ec2.records(Scope(session.account, session.region, session.partition))


class StackIdentity(RequestIdentity):
    """The same for CloudFormation, which acts with the rights of whoever may deploy the stack."""

    def cannot_pass(self, role_arn: str) -> str | None:
        """Nothing: MiniStack does not evaluate the rights of a stack's resources."""
        return None


def install(ours: Service) -> Callable[[], Coroutine[Any, Any, None]]:
    """Makes MiniStack answer for the Code Interpreter and Service Quotas. Once per process.

    CloudWatch and CloudTrail learn of our calls when somebody asks them. What is returned tells CloudWatch
    at other times too, so that its alarms see them.
    """
    check()
    stack_identity = StackIdentity()

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        _access_key.set(gateway.extract_access_key_id(headers, query) or "")
        # A session's timers keep the context in which it started: let them not keep a large body too.
        _request.set(replace(_request.get(), body=b""))
        answer = await ours.answer(_scope(), method, path, query, headers, body)
        _answer.set(answer)
        status, sent, content = answer.reply
        if sent.get("content-type") == EVENT_STREAM:
            return status, sent, responses.StreamingResponse(_stream(content))
        return status, sent, content

    async def handle_quotas(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        return quotas.handle(ours.store, _scope(), headers, body, iam_evaluator.caller_arn())

    def reset() -> None:
        asyncio.run_coroutine_threadsafe(ours.reset(), gateway._MAIN_LOOP)

    _add(NAME, handle, reset)
    _add(QUOTAS, handle_quotas, lambda: None)
    iam_actions.SERVICE_TO_IAM_NAMESPACE[NAME] = "bedrock-agentcore"
    iam_actions.SERVICE_TO_IAM_NAMESPACE[QUOTAS] = "servicequotas"

    _wrap(gateway, "detect_service", _detect)
    _wrap(gateway, "_ct_event_name", _event_name)
    _wrap(iam_actions, "extract_iam_action", _iam_action)
    _wrap(iam_actions, "extract_resource_arn", _resource_arn)

    def denied(old: Any, name: str, action: str, principal: str, request_id: str, **rest: Any) -> Any:
        if name != NAME or rest.get("error_code"):
            return old(name, action, principal, request_id, **rest)
        asked = _request.get()
        message = _refusal(action, principal, **rest)
        answer = ours.denied(
            _scope(), asked.method, asked.path, asked.query, asked.headers, asked.body, message
        )
        _record(ours, answer, asked.headers, asked.query, len(asked.body), request_id)
        status, headers, content = answer.reply
        # MiniStack adds it to every reply but these.
        return status, {**headers, "x-amzn-requestid": request_id}, content

    def record(old: Any, name: str, *request: Any) -> None:
        """Ours in place of MiniStack's record, which has code in it and names nobody."""
        if name != NAME:
            old(name, *request)
            return
        _method, _path, headers, body, query, request_id, _region = request
        _record(ours, _answer.get(), headers, query, len(body), request_id)

    _wrap(iam_actions, "access_denied_response", denied)
    _wrap(gateway, "_maybe_record_cloudtrail", record)
    cloudwatch, trails = gateway.SERVICE_HANDLERS[_CLOUDWATCH], gateway.SERVICE_HANDLERS[_CLOUDTRAIL]

    async def publish() -> None:
        await _write_metrics(ours, cloudwatch)

    async def after_metrics(*asked: Any) -> Any:
        await publish()
        return await cloudwatch(*asked)

    async def after_events(*asked: Any) -> Any:
        _write_trail(ours)
        return await trails(*asked)

    gateway.SERVICE_HANDLERS[_CLOUDWATCH] = after_metrics
    gateway.SERVICE_HANDLERS[_CLOUDTRAIL] = after_events

    def tag_context(old: Any, name: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
        return (
            _tag_context(ours, action, body, params)
            if name == NAME
            else dict(old(name, action, body, params))
        )

    def enforce(old: Any, key: str, action: str, name: str, region: str, **rest: Any) -> Any:
        if name == NAME:
            tags = service.tags_of(ours.store, _scope(), rest.get("resource_arn", "*"))
            keys = {f"aws:ResourceTag/{tag}": value for tag, value in tags.items()}
            rest["service_context"] = {**(rest.get("service_context") or {}), **keys}
        routed = _routed.get()
        if routed is None:
            return old(key, action, name, region, **rest)
        context = {**(rest.get("service_context") or {}), **routed.way.context}
        denied = old(key, action, name, region, **{**rest, "service_context": context})
        if denied is not None or routed.way.policy is None:
            return denied
        return _refused_by_endpoint(
            routed.way.policy, key, action, region, rest.get("resource_arn", "*"), context
        )

    _wrap(iam_actions, "request_tag_context", tag_context)
    _wrap(iam_evaluator, "enforce", enforce)
    _install_routing()
    ministack_ec2.install(_wrap)

    provisioners._STACK_TAG_PROPERTY[cloudformation.TYPE] = ("Tags", "map")
    provisioners._RESOURCE_HANDLERS[cloudformation.TYPE] = {
        "create": lambda logical_id, properties, stack: cloudformation.create(
            ours.store, _scope(), stack_identity, properties
        ),
        "update": lambda identifier, old, new, stack: cloudformation.update(
            ours.store, _scope(), stack_identity, identifier, old, new
        ),
        "delete": lambda identifier, properties: cloudformation.delete(ours.store, _scope(), identifier),
    }
    return publish


def _scope() -> Scope:
    return Scope(responses.get_account_id(), responses.get_region())


def _add(name: str, handle: Callable[..., Any], reset: Callable[[], None]) -> None:
    module = SimpleNamespace(
        handle_request=handle,
        reset=reset,
        get_state=dict,
        load_persisted_state=lambda data: None,
    )
    gateway.SERVICE_REGISTRY[name] = {"module": name}
    gateway._loaded_modules[name] = module
    gateway.SERVICE_HANDLERS[name] = gateway._lazy_handler(name)
    gateway._state_map[name] = name


def _wrap(module: Any, name: str, ours: Callable[..., Any]) -> None:
    """Replaces a function by ours, which gets the old one first."""
    old = getattr(module, name)
    setattr(module, name, lambda *args, **kwargs: ours(old, *args, **kwargs))


async def _write_metrics(ours: Service, put: Callable[..., Any]) -> None:
    """What was gathered goes to CloudWatch, which then judges its alarms."""
    for scope, data in ours.metrics.take().items():
        for first in range(0, len(data), _METRICS_A_CALL):
            content = {"Namespace": metrics.NAMESPACE, "MetricData": data[first : first + _METRICS_A_CALL]}
            with responses.request_scope(scope.account, scope.region):
                status, _, said = await put("POST", "/", _PUT_METRICS, json.dumps(content).encode(), {})
            if status != 200:
                _log.error("CloudWatch took no metrics: %s", said)


def _write_trail(ours: Service) -> None:
    """Events that were not written yet join those of other services, in the order of their times."""
    for scope, events in ours.trail.take().items():
        with responses.request_scope(scope.account, scope.region):
            queue = cloudtrail._get_event_queue()
        queue.extend(events)
        ordered = sorted(queue, key=lambda event: float(event["EventTime"]))
        queue.clear()
        queue.extend(ordered)


def _record(
    ours: Service, answer: Answer, headers: dict[str, str], query: Any, size: int, request_id: str
) -> None:
    scope = _scope()
    key = gateway.extract_access_key_id(headers, query) or ""
    ours.record(scope, answer, _caller(scope, key, headers.get("user-agent", "")), request_id, size)


def _caller(scope: Scope, access_key: str, user_agent: str) -> Caller:
    """CloudTrail's userIdentity (AWS docs, "CloudTrail userIdentity element")."""
    found = iam_evaluator.resolve_credential(access_key, scope.account)
    address = responses.get_request_client_ip()
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        # A session that ran out while its call was on the way.
        return Caller({"type": "Unknown", "accessKeyId": access_key}, "", access_key, address, user_agent)
    identity: dict[str, Any] = {
        "type": {"User": "IAMUser"}.get(found.principal_type, found.principal_type),
        "principalId": found.principal_id,
        "arn": found.principal_arn,
        "accountId": found.account_id,
        "accessKeyId": access_key,
    }
    name = found.principal_arn.rpartition("/")[2]
    if found.principal_type == "Root":
        name = "root"
    elif found.principal_type == "User":
        identity["userName"] = name = found.principal_name
    elif found.principal_type == "AssumedRole":
        identity["sessionContext"] = _session_context(found.account_id, found.principal_arn, access_key)
    return Caller(identity, name, access_key, address, user_agent)


def _session_context(account: str, principal_arn: str, access_key: str) -> dict[str, Any]:
    role_name = principal_arn.split("/")[1]
    with responses.request_scope(account, responses.get_region()):
        role = iam._roles.get(role_name) or {}
    issued = sts._sessions.get(access_key, {}).get("IssuedAt", time.time())
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": role.get("RoleId", ""),
            "arn": role.get("Arn", f"arn:aws:iam::{account}:role/{role_name}"),
            "accountId": account,
            "userName": role_name,
        },
        "attributes": {
            "creationDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(issued)),
            "mfaAuthenticated": "false",
        },
    }


def _stream(content: bytes) -> Callable[[Any, Any], Any]:
    async def run(send: Any, receive: Any) -> None:
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return run


def _signed_for(headers: dict[str, str]) -> str:
    found = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    return found[1] if found else ""


def _detect(old: Any, method: str, path: str, headers: dict[str, str], query: Any) -> Any:
    if routed := _routed.get():
        return _BACKENDS.get(routed.service, routed.service)
    if path == "/code-interpreters" or path.startswith("/code-interpreters/"):
        return NAME
    signed_for = _signed_for(headers)
    if signed_for == "bedrock-agentcore" and service.action(method, path) is not None:
        return NAME
    return QUOTAS if signed_for == QUOTAS else old(method, path, headers, query)


def _event_name(old: Any, name: str, method: str, path: str, headers: Any, query: Any) -> Any:
    found = service.action(method, path) if name == NAME else None
    return found or old(name, method, path, headers, query)


def _iam_action(old: Any, name: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
    if name == NAME:
        _request.set(_Request(method, path, headers, body, query))
        found = service.action(method, path)
        return f"bedrock-agentcore:{found}" if found else None
    if name == QUOTAS:
        return f"servicequotas:{quotas.action(headers)}" if quotas.action(headers) else None
    return old(name, method, path, headers, body, query)


def _resource_arn(
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
    return old(name, method, path, headers, body, query, region, account_id)


def _tag_context(ours: Service, action: str, body: bytes, params: Any) -> dict[str, Any]:
    """aws:RequestTag, aws:TagKeys, and the two condition keys of CreateCodeInterpreter."""
    try:
        sent = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        sent = {}
    sent = sent if isinstance(sent, dict) else {}
    context: dict[str, Any] = {}
    tags = sent.get("tags")
    if isinstance(tags, dict) and tags:
        context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        context["aws:TagKeys"] = list(tags)
    if params.get("tagKeys"):
        context["aws:TagKeys"] = list(params["tagKeys"])
    network = sent.get("networkConfiguration")
    config = network.get("vpcConfig") if isinstance(network, dict) else None
    if action.endswith(":CreateCodeInterpreter") and isinstance(config, dict):
        for key, member in (("securityGroups", "securityGroups"), ("subnets", "subnets")):
            if isinstance(config.get(member), list):
                context[f"bedrock-agentcore:{key}"] = config[member]
    return context


def _refusal(action: str, principal_arn: str, **rest: Any) -> str:
    reason = (
        "with an explicit deny in an identity-based policy"
        if rest.get("explicit_deny")
        else f"because no identity-based policy allows the {action} action"
    )
    on = rest.get("resource_arn", "*")
    return f"User: {principal_arn} is not authorized to perform: {action} on resource: {on} {reason}"
