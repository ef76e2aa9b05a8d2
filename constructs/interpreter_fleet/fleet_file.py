"""Read fleet.yaml: every error of the file, one line each, as `file:line: key path: what is wrong`."""

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from interpreter_fleet.spec import (
    CONFLICT,
    MAX_SHARDS,
    BucketSpec,
    CanaryScheduleSpec,
    FleetSpec,
    InterpreterSpec,
    StorageSpec,
    VpcSpec,
    Waiver,
    conflicts,
)
from interpreter_fleet.yaml_lines import KeyPath, Lines, YamlError, parse

_ALLOWED_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "list_type": "a list",
}


class FleetFileError(ValueError):
    """The file is no fleet: one line for each error, in the order of the file."""


def load(path: Path) -> FleetSpec:
    """The fleet of a file; FleetFileError with every error in it when it is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FleetFileError(
            f"{path}:{line}: not UTF-8 text: byte 0x{error.object[error.start]:02x}"
        ) from error
    except OSError as error:
        raise FleetFileError(f"{path}: {error.strerror or error}") from error
    return loads(text, str(path))


def loads(text: str, name: str = "fleet.yaml") -> FleetSpec:
    """The fleet of a text; `name` is what errors call it."""
    try:
        data, lines = parse(text)
    except YamlError as error:
        raise FleetFileError("\n".join(f"{name}:{line}: {what}" for line, what in error.problems)) from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else _shown((), data, lines)
        raise FleetFileError(f"{name}:1: found {found}; allowed: a mapping with 'fleet' and 'interpreters'")
    try:
        return FleetSpec.model_validate(data)
    except ValidationError as error:
        errors = {*_model_errors(error, lines), *_conflict_errors(data, lines)}
    raise FleetFileError(
        "\n".join(
            f"{name}:{line}: {_dotted(path)}: {what}" if path else f"{name}:{line}: {what}"
            for line, path, what in sorted(errors, key=lambda e: (e[0], str(e[1]), e[2]))
        )
    )


def _model_errors(error: ValidationError, lines: Lines) -> Iterator[tuple[int, KeyPath, str]]:
    for detail in error.errors():
        if detail["type"] != CONFLICT:
            path = tuple(part for part in detail["loc"] if part != "[key]")
            if at := detail.get("ctx", {}).get("at"):
                path = (*path[:-1], at)
            yield lines.of(path), path, _explained(detail, path, lines)


def _conflict_errors(data: dict[Any, Any], lines: Lines) -> Iterator[tuple[int, KeyPath, str]]:
    """Conflicts between the interpreters that are valid by themselves, so that one error hides no other."""
    valid = {}
    listed = data.get("interpreters")
    for base, one in listed.items() if isinstance(listed, dict) else ():
        try:
            valid[base] = InterpreterSpec.model_validate(one)
        except ValidationError:
            continue  # Reported already: the whole fleet was validated first.
    shards = data.get("shards", 1)
    known = type(shards) is int and 1 <= shards <= MAX_SHARDS
    for conflict in conflicts(valid, shards if known else sys.maxsize):
        other = lines.of(conflict.other) if conflict.other else None
        yield lines.of(conflict.path), conflict.path, conflict.text(other)


def _explained(detail: ErrorDetails, path: KeyPath, lines: Lines) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    found = _shown(path, detail["input"], lines)
    if kind == "missing":
        return "required key is missing"
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "literal_error":
        return (
            f"found {found}; allowed: {str(context['expected']).replace(chr(39), '').replace(' or ', ', ')}"
        )
    if kind in _ALLOWED_TYPES:
        hint = (
            "; put it in quotes" if kind == "string_type" and isinstance(detail["input"], int | float) else ""
        )
        return f"found {found}; allowed: {_ALLOWED_TYPES[kind]}{hint}"
    if kind in {"greater_than_equal", "less_than_equal"}:
        bound = f"{context['ge']} or more" if "ge" in context else f"{context['le']} or less"
        return f"found {found}; allowed: {bound}"
    if kind == "too_short":
        return f"found {context['actual_length']} entries; allowed: {context['min_length']} or more"
    if kind == "too_long":
        return f"found more than {context['max_length']} entries; allowed: {context['max_length']} or fewer"
    if kind == "value_error":
        return str(context["error"])
    if kind == "spec_rule":
        return detail["msg"]
    return f"found {found}: {detail['msg']}"


def _unknown_key(path: KeyPath) -> str:
    allowed = _keys_at(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), allowed, n=1)
    meant = f", did you mean {near[0]!r}" if near else ""
    return f"unknown key {path[-1]!r}{meant}; allowed: {', '.join(allowed)}"


def _keys_at(path: KeyPath) -> list[str]:
    """The keys that a mapping at this path may have."""
    inner = {"vpc": VpcSpec, "storage": StorageSpec, "waivers": Waiver}
    if not path:
        model: type = FleetSpec
    elif path == ("bucket",):
        model = BucketSpec
    elif path == ("canary_schedule",):
        model = CanaryScheduleSpec
    else:
        model = inner[str(path[2])] if len(path) > 2 else InterpreterSpec
    return list(model.model_fields)  # type: ignore[attr-defined]


def _shown(path: KeyPath, value: object, lines: Lines) -> str:
    """A value as its author wrote it, short enough for a line."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = lines.text.get(path, str(value))
    text = text if len(text) <= 60 else text[:57] + "..."
    return repr(text) if isinstance(value, str) else text


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
