"""Reads template files, JSON or YAML: cloud assemblies, folders, single files. Strictly, or not at all."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from . import yaml_templates
from .template import Template

_SECTIONS = ("Parameters", "Mappings", "Conditions", "Outputs")
_SUFFIXES = (".json", ".yaml", ".yml", ".template")


class TemplateError(ValueError):
    """A file that is no template; the message names it."""


def load(path: Path) -> list[Template]:
    """The templates of a cloud assembly (cdk.out and below), of a folder, or of one file.

    TemplateError if there is none, or one cannot be read.
    """
    if not path.exists():
        raise TemplateError(f"{path}: no such file or folder; run `cdk synth` first")
    if not path.is_dir():
        return [read(path)]
    files = sorted(path.rglob("*.template.json"))
    if files:
        return [read(file) for file in files]
    others = (file for file in sorted(path.rglob("*")) if file.suffix in _SUFFIXES and file.is_file())
    found = [parse_text(text, file) for file in others if re.search(r"\bResources\b", text := _text(file))]
    if not found:
        raise TemplateError(f"{path}: holds no template; expected *.template.json (a cloud assembly) or YAML")
    return found


def read(path: Path) -> Template:
    """One template file, JSON or YAML. TemplateError names the file and what is wrong."""
    return replace(parse_text(_text(path), path), stack=stack_name(path))


def stack_name(path: Path) -> str:
    """The stack of a template in a cloud assembly, from the manifest beside it; "" if there is none."""
    try:
        artifacts = json.loads((path.parent / "manifest.json").read_text())["artifacts"].values()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return ""  # the file's name serves as well
    properties = (one.get("properties", {}) for one in artifacts)
    return next(
        (str(one.get("stackName", "")) for one in properties if one.get("templateFile") == path.name), ""
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: cannot be read: {error}") from error


def parse_text(text: str, path: Path) -> Template:
    """A template as text; `path` is what errors and reports call it."""
    # JSON unless it does not look like it: a JSON error is clearer than YAML's about the same text.
    as_json = path.suffix == ".json" or text.lstrip().startswith("{")
    try:
        body = json.loads(text, object_pairs_hook=_once) if as_json else yaml_templates.parse(text)
    except ValueError as error:
        raise TemplateError(f"{path}: cannot be read as JSON: {error}") from error
    except RecursionError as error:
        raise TemplateError(f"{path}: is nested too deeply") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(body, dict) or not isinstance(body.get("Resources", {}), dict):
        raise TemplateError(f"{path}: is no CloudFormation template: expected an object with Resources")
    for section in _SECTIONS:
        if not isinstance(found := body.get(section, {}), dict):
            raise TemplateError(f"{path}: {section} is {_kind(found)}, expected an object")
        for name, one in found.items():
            if not (isinstance(one, dict) or str(name).startswith("Fn::")):
                raise TemplateError(f"{path}: {name} in {section} is {_kind(one)}, expected an object")
    for name, resource in body.get("Resources", {}).items():
        if not isinstance(resource, dict) and not str(name).startswith("Fn::"):
            raise TemplateError(f"{path}: resource {name} is {type(resource).__name__}, expected an object")
        if isinstance(resource, dict) and not isinstance(resource.get("Properties", {}), dict):
            raise TemplateError(f"{path}: Properties of {name} is no object")
    return Template(path, body)


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"found key {twice!r} twice, expected each key once")
    return found
