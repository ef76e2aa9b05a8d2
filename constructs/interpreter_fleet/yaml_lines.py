"""YAML in, plain data out, with the line and the written text of every key path.

Narrower than PyYAML's YAML 1.1, so that a file holds what a reader sees: only `true` and `false` are
booleans (`no` and `on` are text), dates stay text, numbers are decimal (`0123` is text), and a key stands
once in a mapping.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]


class YamlError(ValueError):
    """The text is not usable as YAML: `problems` holds (line, what is wrong) pairs."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {what}" for line, what in problems))
        self.problems = problems


@dataclass(slots=True)
class Lines:
    """Where each key path is written: the line of its key, and its value as written when that is a scalar."""

    line: dict[KeyPath, int] = field(default_factory=dict)
    text: dict[KeyPath, str] = field(default_factory=dict)

    def of(self, path: KeyPath) -> int:
        """The line of a path, or of the nearest part of it that the file has."""
        while path and path not in self.line:
            path = path[:-1]
        return self.line.get(path, 1)


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema, less its octal and hexadecimal numbers."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML reads a class attribute

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Keys are the text that stands there: `1:` and `true:` too."""
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


_DIGITS = list("-0123456789")
for _tag, _pattern, _first in [
    ("bool", r"(true|false)\Z", ["t", "f"]),
    ("null", r"(~|null|)\Z", ["~", "n", ""]),
    ("int", r"-?(0|[1-9][0-9]*)\Z", _DIGITS),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+\Z", _DIGITS),
    ("merge", r"<<\Z", ["<"]),
]:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def parse(text: str) -> tuple[Any, Lines]:
    """The one document of `text` as plain data (None when empty) and its lines, or YamlError."""
    lines = Lines()
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None, lines
            problems = list(_problems(node, ()))
            if problems:
                raise YamlError(problems)
            # Merge keys (`<<`) are resolved here, in the node itself, so walk it afterwards.
            data = loader.construct_document(node)
            _walk(node, (), lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = mark.line + 1 if mark else 1
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError([(where, f"not YAML: {what}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError([(line, f"not YAML: {error.reason}: character #x{error.character:04x}")]) from error
    return data, lines


def _problems(node: yaml.Node, above: tuple[int, ...]) -> Iterator[tuple[int, str]]:
    if id(node) in above:
        yield node.start_mark.line + 1, "an alias refers to the value that it stands in"
        return
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _problems(item, (*above, id(node)))
    elif isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield line, "a key is a list or a mapping; allowed: text"
                continue
            if key.value in first:
                yield line, f"the key {key.value!r} stands here again, first on line {first[key.value]}"
            first.setdefault(key.value, line)
            yield from _problems(value, (*above, id(node)))


def _walk(node: yaml.Node, path: KeyPath, lines: Lines) -> None:
    lines.line.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        lines.text[path] = node.value
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            _walk(item, (*path, i), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, key.value)
            lines.line[below] = key.start_mark.line + 1
            _walk(value, below, lines)
