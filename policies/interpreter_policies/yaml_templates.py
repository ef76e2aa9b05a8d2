"""Reads CloudFormation's YAML: its short forms (`!Ref`), dates as text, no key twice."""

import re
from typing import Any

import yaml

_FUNCTIONS = (
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAZs",
    "GetAtt",
    "GetStackOutput",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with CloudFormation's tags."""


def parse(text: str) -> Any:
    """The document. yaml.YAMLError, with the place, if it is not YAML or holds a key twice."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - built on SafeLoader


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        # A key is a text, `on` and 111122223333 too.
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "found a key that is no text, expected one", key_node.start_mark
            )
        key = key_node.value
        if key in found:
            raise yaml.constructor.ConstructorError(
                None, None, f"found key {key!r} twice, expected each key once", key_node.start_mark
            )
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _short(name: str) -> Any:
    def construct(loader: _Loader, node: yaml.Node) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
            if name == "Fn::GetAtt":
                value = value.split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = _mapping(loader, node)  # type: ignore[arg-type]
        return {name: value}

    return construct


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("!Ref", _short("Ref"))
_Loader.add_constructor("!Condition", _short("Condition"))
for _name in _FUNCTIONS:
    _Loader.add_constructor(f"!{_name}", _short(f"Fn::{_name}"))
# `Version: 2012-10-17` is a text, as in JSON; so are 012345670123 (no octal) and 12:30 (no base 60).
_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":int", ":float"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_SIGNED = list("-+0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), _SIGNED)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+\.[0-9]+\Z"), _SIGNED)
