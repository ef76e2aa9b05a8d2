"""Puts our services into MiniStack's process, behind its SigV4 and IAM."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from ministack import app as gateway
from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services.cloudformation import provisioners

from interpreter_local import cloudformation, quotas, service
from interpreter_local.service import EVENT_STREAM, Service

from . import boundaries, context, ec2, inside, patterns, records, requests
from .compatible import NAME, QUOTAS, check
from .identities import StackIdentity

_CLOUDWATCH, _CLOUDTRAIL = "monitoring", "cloudtrail"
_PIECE = 256 * 1024


def install(ours: Service) -> Callable[[], Coroutine[Any, Any, None]]:
    """Makes MiniStack answer for the Code Interpreter and Service Quotas. Once per process.

    CloudWatch and CloudTrail learn of our calls when somebody asks them. What is returned tells CloudWatch
    at other times too, so that its alarms see them.
    """
    check()
    stack_identity = StackIdentity()

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        context.access_key.set(gateway.extract_access_key_id(headers, query) or "")
        # A session's timers keep the context in which it started: let them not keep a large body too.
        context.request.set(replace(context.request.get(), body=b""))
        answer = await ours.answer(context.scope(), method, path, query, headers, body)
        status, sent, content = answer.reply
        # For the records, which do not show it; what a vanished client leaves would hold it in memory.
        context.answer.set(replace(answer, reply=(status, sent, b"")))
        if sent.get("content-type") == EVENT_STREAM:
            return status, sent, responses.StreamingResponse(_stream(content))
        return status, sent, content

    async def handle_quotas(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        return quotas.handle(ours.store, context.scope(), headers, body, iam_evaluator.caller_arn())

    def reset() -> None:
        asyncio.run_coroutine_threadsafe(ours.reset(), gateway._MAIN_LOOP)

    _add(NAME, handle, reset)
    _add(QUOTAS, handle_quotas, lambda: None)
    iam_actions.SERVICE_TO_IAM_NAMESPACE[NAME] = "bedrock-agentcore"
    iam_actions.SERVICE_TO_IAM_NAMESPACE[QUOTAS] = "servicequotas"

    context.wrap(gateway, "detect_service", requests.detect)
    context.wrap(gateway, "_dispatch_service_request", requests.dispatch)
    context.wrap(gateway, "_ct_event_name", requests.event_name)
    context.wrap(iam_actions, "extract_iam_action", requests.iam_action)
    context.wrap(iam_actions, "extract_resource_arn", requests.resource_arn)
    context.wrap(iam_actions, "_s3_source_object", requests.source_object)
    context.wrap(iam_actions, "_s3_batch_delete_targets", requests.batch_delete_targets)

    def denied(old: Any, name: str, action: str, principal: str, request_id: str, **rest: Any) -> Any:
        if name != NAME or rest.get("error_code"):
            return old(name, action, principal, request_id, **rest)
        asked = context.request.get()
        message = requests.refusal(action, principal, **rest)
        answer = ours.denied(
            context.scope(), asked.method, asked.path, asked.query, asked.headers, asked.body, message
        )
        records.record(ours, answer, asked.headers, asked.query, len(asked.body), request_id)
        status, headers, content = answer.reply
        # MiniStack adds it to every reply but these.
        return status, {**headers, "x-amzn-requestid": request_id}, content

    def record(old: Any, name: str, *request: Any) -> None:
        """Ours in place of MiniStack's record, which has code in it and names nobody."""
        if name != NAME:
            old(name, *request)
            return
        _method, _path, headers, body, query, request_id, _region = request
        records.record(ours, context.answer.get(), headers, query, len(body), request_id)

    context.wrap(iam_actions, "access_denied_response", denied)
    context.wrap(gateway, "_maybe_record_cloudtrail", record)
    cloudwatch, trails = gateway.SERVICE_HANDLERS[_CLOUDWATCH], gateway.SERVICE_HANDLERS[_CLOUDTRAIL]

    async def publish() -> None:
        await records.write_metrics(ours, cloudwatch)

    async def after_metrics(*asked: Any) -> Any:
        await publish()
        return await cloudwatch(*asked)

    async def after_events(*asked: Any) -> Any:
        records.write_trail(ours)
        return await trails(*asked)

    gateway.SERVICE_HANDLERS[_CLOUDWATCH] = after_metrics
    gateway.SERVICE_HANDLERS[_CLOUDTRAIL] = after_events

    def tag_context(old: Any, name: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
        return (
            requests.tag_context(ours, action, body, params)
            if name == NAME
            else dict(old(name, action, body, params))
        )

    def enforce(old: Any, key: str, action: str, name: str, region: str, **rest: Any) -> Any:
        if name == NAME:
            tags = service.tags_of(ours.store, context.scope(), rest.get("resource_arn", "*"))
            keys = {f"aws:ResourceTag/{tag}": value for tag, value in tags.items()}
            rest["service_context"] = {**(rest.get("service_context") or {}), **keys}
        routed = context.routed.get()
        if routed is None:
            return old(key, action, name, region, **rest)
        asked = {**(rest.get("service_context") or {}), **routed.way.context}
        denied = old(key, action, name, region, **{**rest, "service_context": asked})
        if denied is not None or routed.way.policy is None:
            return denied
        return inside.refused_by_endpoint(
            routed.way.policy, key, action, region, rest.get("resource_arn", "*"), asked
        )

    context.wrap(iam_actions, "request_tag_context", tag_context)
    context.wrap(iam_evaluator, "enforce", enforce)
    context.wrap(iam_evaluator, "_fnmatch_compile", patterns.compiled)
    inside.install_routing()
    ec2.install(context.wrap)
    boundaries.install(provisioners._RESOURCE_HANDLERS)

    provisioners._STACK_TAG_PROPERTY[cloudformation.TYPE] = ("Tags", "map")
    provisioners._RESOURCE_HANDLERS[cloudformation.TYPE] = {
        "create": lambda logical_id, properties, stack: cloudformation.create(
            ours.store, context.scope(), stack_identity, properties
        ),
        "update": lambda identifier, old, new, stack: cloudformation.update(
            ours.store, context.scope(), stack_identity, identifier, old, new
        ),
        "delete": lambda identifier, properties: cloudformation.delete(
            ours.store, context.scope(), identifier
        ),
    }
    return publish


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


def _stream(content: bytes) -> Callable[[Any, Any], Any]:
    async def run(send: Any, receive: Any) -> None:
        # In pieces: a connection keeps buffers for the largest one, and waits for a slow client after each.
        for at in range(0, len(content), _PIECE):
            await send({"type": "http.response.body", "body": content[at : at + _PIECE], "more_body": True})
            # Others get their turn, and that the client hung up is noticed.
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return run
