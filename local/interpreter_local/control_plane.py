"""Interpreters: create, get, list, delete, and their tags. Parameters and replies as in the API model."""

import time
from typing import Any

from . import errors, quotas
from .identity import Identity
from .pages import page, with_token
from .state import MANAGED_ID, Interpreter, Scope, Store, interpreter_id, timestamp

# AWS takes minutes (recorded: 4 min 24 s); long enough here for CREATING to be seen.
VPC_CREATING_SECONDS = 0.5
# Client tokens that each account and region remembers, of what is there and of what was deleted.
_TOKENS = 2_000
# Recorded: the managed interpreter answers with these five members and no more.
_MANAGED_NAME = "AgentCore Code Interpreter"
_MANAGED_DESCRIPTION = "AWS built-in code interpreter sandbox for secure code execution"


def arn_of(scope: Scope, identifier: str) -> str:
    """The ARN of an interpreter; the managed one belongs to the account `aws`."""
    account, family = (
        ("aws", "code-interpreter")
        if identifier == MANAGED_ID
        else (scope.account, "code-interpreter-custom")
    )
    return f"arn:{scope.partition}:bedrock-agentcore:{scope.region}:{account}:{family}/{identifier}"


def create(store: Store, scope: Scope, params: dict[str, Any], identity: Identity) -> dict[str, Any]:
    """CreateCodeInterpreter. A role must be one that the caller may pass and that trusts the service.

    Unrecorded: 400 for subnets and security groups that do not exist, or not in one VPC.
    400 for a role that cannot be assumed is known from other clients' retries; unrecorded are 409 for a name
    that is taken and 402 at the quota.
    """
    mine = store.of(scope)
    token = params.pop("clientToken", None)
    if token and (before := mine.tokens.get(("create", token))):
        if before[0] != params:
            reason = "IdempotentParameterMismatchException"
            raise errors.invalid([("clientToken", "was used with other parameters")], reason)
        return dict(before[1])
    _check_network(params)
    if (config := params["networkConfiguration"].get("vpcConfig")) is not None and (
        problems := identity.network_problems(scope, config)
    ):
        raise errors.invalid(problems)
    name = params["name"]
    if any(other.created["name"] == name for other in mine.interpreters.values()):
        raise errors.conflict(f"A code interpreter with name {name} already exists")
    if len(mine.interpreters) >= (limit := int(quotas.value(store, scope, quotas.INTERPRETERS))):
        raise errors.ServiceError(
            "ServiceQuotaExceededException", f"{quotas.INTERPRETERS.name}: {limit} of {limit} are in use"
        )
    identifier = interpreter_id(name)
    arn = arn_of(scope, identifier)
    if role := params.get("executionRoleArn"):
        if refusal := identity.cannot_pass(role):
            raise errors.ServiceError("AccessDeniedException", refusal)
        if refusal := identity.not_assumable(scope, role, arn):
            raise errors.invalid([("executionRoleArn", f"CodeInterpreter role validation failed: {refusal}")])
    tags = params.get("tags", {})
    slow = params["networkConfiguration"]["networkMode"] == "VPC"
    ready_at = time.monotonic() + (VPC_CREATING_SECONDS if slow else 0)
    created = {key: value for key, value in params.items() if key != "tags"}
    made = Interpreter(identifier, arn, created, timestamp(), ready_at, dict(tags), token or "")
    mine.interpreters[identifier] = made
    reply = {
        "codeInterpreterId": identifier,
        "codeInterpreterArn": arn,
        "createdAt": made.created_at,
        "status": made.status,
    }
    if token:
        mine.tokens["create", token] = (dict(params), reply)
    return reply


def get(store: Store, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
    """GetCodeInterpreter; absent optional members are left out."""
    identifier = params["codeInterpreterId"]
    if identifier == MANAGED_ID:
        return {
            "codeInterpreterId": MANAGED_ID,
            "codeInterpreterArn": arn_of(scope, MANAGED_ID),
            "name": _MANAGED_NAME,
            "description": _MANAGED_DESCRIPTION,
            "status": "READY",
        }
    found = find(store, scope, identifier)
    return {
        "codeInterpreterId": found.id,
        "codeInterpreterArn": found.arn,
        **{key: value for key, value in found.created.items() if value not in ([], None)},
        "status": found.status,
        "createdAt": found.created_at,
        "lastUpdatedAt": found.created_at,
    }


def list_(store: Store, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
    """ListCodeInterpreters. Unrecorded: the newest first, the managed one last, ten to a page."""
    kind = params.get("type")
    summaries = []
    if kind != "CUSTOM":
        managed = get(store, scope, {"codeInterpreterId": MANAGED_ID})
        summaries.append({**managed, "createdAt": timestamp(0)})
    if kind != "SYSTEM":
        for one in store.of(scope).interpreters.values():
            summary = {
                "codeInterpreterId": one.id,
                "codeInterpreterArn": one.arn,
                "name": one.created["name"],
                "description": one.created.get("description"),
                "status": one.status,
                "createdAt": one.created_at,
                "lastUpdatedAt": one.created_at,
            }
            summaries.append({key: value for key, value in summary.items() if value is not None})
    wanted, token = page(
        summaries,
        lambda item: (item["createdAt"], item["codeInterpreterId"]),
        params.get("maxResults"),
        params.get("nextToken"),
    )
    return with_token("codeInterpreterSummaries", wanted, token)


def delete(store: Store, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
    """DeleteCodeInterpreter. Unrecorded: 409 while sessions are READY, 400 for the managed one."""
    identifier = params["codeInterpreterId"]
    if identifier == MANAGED_ID:
        raise errors.invalid([("codeInterpreterId", f"{MANAGED_ID} is managed by AWS and cannot be deleted")])
    mine = store.of(scope)
    token = params.get("clientToken")
    if token and (before := mine.tokens.get(("delete", token))) and before[0] == params:
        return dict(before[1])
    found = find(store, scope, identifier)
    live = [s.id for s in mine.sessions.values() if s.interpreter_id == identifier and s.status == "READY"]
    if live:
        raise errors.conflict(f"Code interpreter {identifier} has active sessions: {', '.join(sorted(live))}")
    del mine.interpreters[identifier]
    # Unrecorded: how long a token counts. Here as long as the interpreter that it made.
    mine.tokens.pop(("create", found.token), None)
    slow = found.created["networkConfiguration"]["networkMode"] == "VPC"
    reply = {
        "codeInterpreterId": identifier,
        "status": "DELETING" if slow else "DELETED",
        "lastUpdatedAt": timestamp(),
    }
    if token:
        mine.tokens["delete", token] = (dict(params), reply)
        if len(mine.tokens) > _TOKENS:
            del mine.tokens[next(iter(mine.tokens))]
    return reply


def tag(store: Store, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
    """TagResource."""
    found = _by_arn(store, scope, params["resourceArn"])
    merged = {**found.tags, **params["tags"]}
    if len(merged) > 50:
        raise errors.invalid([("tags", f"{len(merged)} tags in all, expected at most 50")])
    found.tags = merged
    return {}


def untag(store: Store, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
    """UntagResource."""
    found = _by_arn(store, scope, params["resourceArn"])
    found.tags = {key: value for key, value in found.tags.items() if key not in params["tagKeys"]}
    return {}


def list_tags(store: Store, scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
    """ListTagsForResource."""
    return {"tags": dict(_by_arn(store, scope, params["resourceArn"]).tags)}


def find(store: Store, scope: Scope, identifier: str) -> Interpreter:
    """A custom interpreter of this account and region; 404 with the recorded text."""
    found = store.of(scope).interpreters.get(identifier)
    if found is None:
        raise errors.not_found(f"Code interpreter with ID {identifier} does not exist")
    return found


def _by_arn(store: Store, scope: Scope, arn: str) -> Interpreter:
    for one in store.of(scope).interpreters.values():
        if one.arn == arn:
            return one
    raise errors.not_found(f"Resource {arn} does not exist")


def _check_network(params: dict[str, Any]) -> None:
    network = params["networkConfiguration"]
    if network["networkMode"] == "VPC" and "vpcConfig" not in network:
        raise errors.invalid([("networkConfiguration.vpcConfig", "is required when networkMode is VPC")])
    if network["networkMode"] != "VPC" and "vpcConfig" in network:
        raise errors.invalid(
            [
                (
                    "networkConfiguration.vpcConfig",
                    f"is not allowed when networkMode is {network['networkMode']}",
                )
            ]
        )
