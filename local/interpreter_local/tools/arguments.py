"""Reads a tool's arguments."""

import base64
import binascii
from typing import Any


class ToolInputError(ValueError):
    """An argument of the wrong type or value: a ValidationException on the wire."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class MissingArgumentError(ValueError):
    """An argument that the tool needs is absent. Unrecorded: taken as a failed call, not as a bad request."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Missing required argument: {name}")


def required(arguments: dict[str, Any], name: str) -> str:
    """A text that must be there."""
    value = optional(arguments, name)
    if value is None:
        raise MissingArgumentError(name)
    return value


def command(arguments: dict[str, Any], name: str) -> str:
    """A shell command that must be there. Unrecorded: what a null character in it means."""
    value = required(arguments, name)
    if "\0" in value:
        raise ToolInputError(f"arguments.{name}", "found a null character, expected none")
    return value


def optional(arguments: dict[str, Any], name: str) -> str | None:
    """A text, or None."""
    value = arguments.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(name, "a string", value)
    return value


def choice(arguments: dict[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    """One of the allowed texts."""
    value = optional(arguments, name)
    if value is not None and value not in allowed:
        raise ToolInputError(f"arguments.{name}", f"found {value!r}, expected one of {', '.join(allowed)}")
    return default if value is None else value


def flag(arguments: dict[str, Any], name: str) -> bool:
    """True or False; False when absent."""
    value = arguments.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, "a boolean", value)
    return bool(value)


def texts(arguments: dict[str, Any], name: str) -> list[str]:
    """A list of texts that must be there and not be empty."""
    values = _list(arguments, name)
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise _wrong(f"{name}[{index}]", "a string", value)
    return values


def files(arguments: dict[str, Any], name: str) -> list[dict[str, str]]:
    """The files to write: `path` with `text` or base64 `blob`."""
    found = []
    for index, value in enumerate(_list(arguments, name)):
        field = f"{name}[{index}]"
        if not isinstance(value, dict):
            raise _wrong(field, "an object", value)
        file = {key: value[key] for key in ("path", "text", "blob") if value.get(key) is not None}
        for key, part in file.items():
            if not isinstance(part, str):
                raise _wrong(f"{field}.{key}", "a string", part)
        if "path" not in file:
            raise ToolInputError(f"arguments.{field}.path", "is required")
        if ("text" in file) == ("blob" in file):
            raise ToolInputError(f"arguments.{field}", "expected either text or blob")
        if "blob" in file:
            _check_base64(f"{field}.blob", file["blob"])
        found.append(file)
    return found


def _check_base64(field: str, value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ToolInputError(f"arguments.{field}", f"not base64: {error}") from error


def _list(arguments: dict[str, Any], name: str) -> list[Any]:
    value = arguments.get(name)
    if value is None or value == []:
        raise MissingArgumentError(name)
    if not isinstance(value, list):
        raise _wrong(name, "a list", value)
    return value


def _wrong(field: str, expected: str, value: object) -> ToolInputError:
    return ToolInputError(f"arguments.{field}", f"found {type(value).__name__}, expected {expected}")
