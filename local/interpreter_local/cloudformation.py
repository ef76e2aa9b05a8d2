"""`AWS::BedrockAgentCore::CodeInterpreterCustom`: a template's properties to the API and back.

Everything but Tags is create-only (CloudFormation resource reference), so an update of anything else creates
a new interpreter; CloudFormation deletes the old one afterwards.
"""

from typing import Any

from . import control_plane, errors, wire
from .identity import Identity
from .state import Scope, Store

TYPE = "AWS::BedrockAgentCore::CodeInterpreterCustom"
# Property → member of CreateCodeInterpreter. FilesystemConfigurations is not in the resource type.
_MEMBERS = {
    "Name": "name",
    "Description": "description",
    "ExecutionRoleArn": "executionRoleArn",
    "NetworkConfiguration": "networkConfiguration",
    "Certificates": "certificates",
    "Tags": "tags",
}

Created = tuple[str, dict[str, str]]


def create(store: Store, scope: Scope, identity: Identity, properties: dict[str, Any]) -> Created:
    """The interpreter's id (what Ref gives) and its attributes (Fn::GetAtt). ValueError with the reason."""
    params = _parameters(properties)
    problems: wire.Problems = []
    route = next(route for route in wire.routes() if route.name == "CreateCodeInterpreter")
    params = wire.check(route.model.input_shape, params, "", problems)
    try:
        if problems:
            raise errors.invalid(problems)
        reply = control_plane.create(store, scope, params, identity)
    except errors.ServiceError as error:
        raise _failure(error) from error
    return reply["codeInterpreterId"], _attributes(store, scope, reply["codeInterpreterId"])


def update(
    store: Store, scope: Scope, identity: Identity, identifier: str, old: dict[str, Any], new: dict[str, Any]
) -> Created:
    """In place if only tags differ, else a new interpreter beside the old one."""
    if _without_tags(old) != _without_tags(new):
        return create(store, scope, identity, new)
    try:
        found = control_plane.find(store, scope, identifier)
    except errors.ServiceError as error:
        raise _failure(error) from error
    # Tags of CloudFormation itself (aws:…) stay; the template's replace what the template had set.
    kept = {key: value for key, value in found.tags.items() if key not in old.get("Tags", {})}
    found.tags = {**kept, **new.get("Tags", {})}
    return identifier, _attributes(store, scope, identifier)


def delete(store: Store, scope: Scope, identifier: str) -> None:
    """Deletes it; one that is gone already is no error."""
    if identifier not in store.of(scope).interpreters:
        return
    try:
        control_plane.delete(store, scope, {"codeInterpreterId": identifier})
    except errors.ServiceError as error:
        raise _failure(error) from error


def _parameters(properties: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(properties) - set(_MEMBERS))
    if unknown:
        raise ValueError(f"extraneous key [{unknown[0]}] is not permitted, allowed are {', '.join(_MEMBERS)}")
    return {
        member: properties[name] if name == "Tags" else _lowered(properties[name])
        for name, member in _MEMBERS.items()
        if name in properties
    }


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lowered(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_lowered(part) for part in value]
    return value


def _attributes(store: Store, scope: Scope, identifier: str) -> dict[str, str]:
    got = control_plane.get(store, scope, {"codeInterpreterId": identifier})
    return {
        "CodeInterpreterId": got["codeInterpreterId"],
        "CodeInterpreterArn": got["codeInterpreterArn"],
        "Status": got["status"],
        "CreatedAt": got["createdAt"],
        "LastUpdatedAt": got["lastUpdatedAt"],
        "FailureReason": "",
    }


def _without_tags(properties: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key != "Tags"}


def _failure(error: errors.ServiceError) -> ValueError:
    status = errors.STATUS[error.code]
    return ValueError(
        f"{error.message} (Service: BedrockAgentCoreControl, Status Code: {status}, {error.code})"
    )
