"""Replies that cannot be trusted: boto3 reads what is left of a broken one as an empty one."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.model import OperationModel

# Where the model requires more than the service was recorded to send: its own, built-in interpreter.
_INCOMPLETE = frozenset({"GetCodeInterpreter"})


class ReplyError(BotoCoreError):  # type: ignore[misc]
    """A reply of success that is not what the API's model says."""

    fmt = "the reply of {operation} cannot be read: {problem}"


def watch(client: Any) -> None:
    """Lets every call of a boto3 client raise ReplyError instead of giving a reply that is not whole.

    botocore takes a JSON body that ends in the middle for one without members (`_parse_body_as_json`), so
    that a list comes back empty, or without the key that the model promises.
    """
    client.meta.events.register("after-call", _look)


def _look(http_response: Any, parsed: dict[str, Any], model: OperationModel, **_: object) -> None:
    output = model.output_shape
    if http_response.status_code >= 300 or output is None or model.has_streaming_output:
        return
    if model.has_event_stream_output:
        return
    if problem := _problem(model, http_response.content, parsed):
        raise ReplyError(operation=model.name, problem=problem)


def _problem(model: OperationModel, body: bytes, parsed: dict[str, Any]) -> str:
    output = model.output_shape
    in_body = [name for name, one in output.members.items() if "location" not in one.serialization]
    if in_body and not body:
        return "its body is empty"
    if body and "json" in model.service_model.metadata["protocol"]:
        try:
            found = json.loads(body)
        except ValueError:
            return f"its body is not JSON ({len(body)} bytes)"
        if not isinstance(found, dict):
            return "its body is no object"
    required = () if model.name in _INCOMPLETE else output.required_members
    missing = sorted(set(required) - parsed.keys())
    return f"{', '.join(missing)} is missing" if missing else ""
