"""One CloudFormation template; intrinsic functions become text with symbols.

`{"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::data"]]}` is read as
`arn:<AWS::Partition>:s3:::data`. A symbol stands for one unknown value without wildcards; equal symbols are
equal values. What has a few possible values raises Undecided; a reader then takes each in turn with
`choosing`. The functions are in `intrinsics`, the reading of files in `files`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .intrinsics import ABSENT, AMBIGUOUS, Parts, Undecided, UnresolvedError, condition, resolve, taken

__all__ = ["Parts", "Template", "Undecided", "UnresolvedError", "together"]

_SYMBOL = re.compile(r"<([^<>]+)>")
_WORD = re.compile(r"\w+")
_NO_VALUE = {"Ref": "AWS::NoValue"}
# Macros of AWS that add to a template, or resolve references, and leave what is written as it is.
# What the language extensions add are functions: those that rewrite are looked for by name.
_HARMLESS_TRANSFORMS = ("AWS::Serverless-2016-10-31", "AWS::SecretsManager-", "AWS::LanguageExtensions")


@dataclass(frozen=True, eq=False)
class Template:
    """One template and the path it was read from; equal to itself only, as what was read from it is kept.

    `chosen` are the possibilities taken, `scope` is what its symbols begin with where several templates are
    read together, `exports` what their outputs are worth, by export name and by `stack.output`.
    """

    path: Path
    body: dict[str, Any] = field(repr=False)
    stack: str = ""
    scope: str = ""
    chosen: tuple[tuple[str, str], ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict, repr=False)

    def choosing(self, choices: Mapping[str, str]) -> "Template":
        """The same template with these possibilities taken: parameter values, conditions."""
        return replace(self, chosen=tuple(sorted({**dict(self.chosen), **choices}.items())))

    @property
    def name(self) -> str:
        """The stack's name, as far as it is known: else the file's."""
        return self.stack or self.path.name.split(".")[0]

    def beside(self, name: str) -> str:
        """What an export or output is called among those of its own folder: a stage has one."""
        return f"{self.path.parent}: {name}"

    @cached_property
    def choices(self) -> dict[str, str]:
        return dict(self.chosen)

    @cached_property
    def unreadable(self) -> str | None:
        """Why nothing in the template can be judged, None if it can: a macro may rewrite it."""
        named = self.body.get("Transform", [])
        for macro in named if isinstance(named, list) else [named]:
            name = macro.get("Name") if isinstance(macro, dict) else macro
            if not str(name).startswith(_HARMLESS_TRANSFORMS):
                return f"macro {name} may rewrite the template; check what it makes"
        loop = next(_keys_like(self.body, ("Fn::Transform", "Fn::ForEach")), None)
        if loop is not None:
            return f"{loop} rewrites the template at deployment; check what it makes"
        return next(
            (f"the text {one!r} would be read as an unknown value" for one in self._look_alikes()), None
        )

    def _look_alikes(self) -> Iterator[str]:
        """Texts that look like this reader's own symbols: a placeholder that nobody has filled in."""
        known = {*self.resources, *self.body.get("Parameters", {})}
        for text in _texts(self.body.get("Resources", {})):
            for inner in _SYMBOL.findall(text) if "<" in text else ():
                if inner.startswith("AWS::") or not known.isdisjoint(_WORD.findall(inner)):
                    yield text

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Logical id → resource, whatever its condition."""
        found = self.body.get("Resources", {})
        return {name: one for name, one in found.items() if isinstance(one, dict)}

    def exists(self, logical_id: str) -> bool:
        """Whether a resource is created; Undecided if its condition is open."""
        return self._exists(self.resources[logical_id])

    def _exists(self, resource: dict[str, Any]) -> bool:
        return "Condition" not in resource or condition(self, str(resource["Condition"]))

    def may_exist(self, logical_id: str) -> bool:
        """Whether a resource may be created: its condition holds, or is open."""
        try:
            return self.exists(logical_id)
        except UnresolvedError:
            return True

    def of_type(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of these types that exist, with their logical ids; Undecided if that is open."""
        for kind in types:
            for logical_id, resource in self._by_type.get(kind, ()):
                if self._exists(resource):
                    yield logical_id, resource

    @cached_property
    def _by_type(self) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for logical_id, resource in self.resources.items():
            found.setdefault(str(resource.get("Type")), []).append((logical_id, resource))
        return found

    def ids_of_type(self, kind: str) -> list[str]:
        """The logical ids of a type, whatever the conditions of the resources."""
        return [logical_id for logical_id, _ in self._by_type.get(kind, ())]

    def possible(self, *kinds: str) -> list[str]:
        """The logical ids of these types, of resources that may be created. Asks about no condition."""
        return [one for kind in kinds for one in self.ids_of_type(kind) if self.may_exist(one)]

    def plain(self, value: Any) -> Any:
        """The value with each intrinsic function replaced by text; members that are AWS::NoValue left out."""
        if isinstance(value, dict):
            if len(value) == 1:
                (key,) = value
                if key == "Ref" or key.startswith("Fn::"):
                    return resolve(self, key, value[key])
            found = {key: self.plain(part) for key, part in value.items() if part != _NO_VALUE}
            return {key: part for key, part in found.items() if part is not ABSENT}
        if isinstance(value, list):
            parts = (self.plain(part) for part in value if part != _NO_VALUE)
            return [part for part in parts if part is not ABSENT]
        if isinstance(value, str) and "{{resolve:" in value:
            raise UnresolvedError(f"{value!r} is looked up at deployment, and may be anything")
        return value

    def text(self, value: Any) -> str:
        """The value as one text; UnresolvedError if it is none."""
        found = self.plain(value)
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, (str, int, float)):
            return str(found)
        if isinstance(found, Parts):
            raise UnresolvedError(f"{found.of} is a list of which only the deployment tells the length")
        if value is None:
            raise UnresolvedError("found nothing, expected a text")
        raise UnresolvedError(f"{json.dumps(value)} is {type(found).__name__}, expected a text")

    def branch(self, value: Any) -> Any:
        """The value with Fn::If around it decided, the rest as written; None for AWS::NoValue."""
        while isinstance(value, dict) and set(value) == {"Fn::If"}:
            value = taken(self, value["Fn::If"])
        return None if value == _NO_VALUE else value

    def listed(self, value: Any) -> list[Any]:
        """The elements of a list as written, with Fn::If decided around the list and around each element."""
        value = self.branch(value)
        if value is None:
            return []
        if not isinstance(value, list):
            # One element, or a function that gives a list: the latter is resolved or refused.
            resolved = self.plain(value) if isinstance(value, dict) and len(value) == 1 else value
            return resolved if isinstance(resolved, list) else [value]
        return [found for one in value if (found := self.branch(one)) is not None]

    def reference(self, value: Any) -> str | None:
        """The logical id in this template that a `Ref` or `Fn::GetAtt` points to, else None."""
        value = self.branch(value)
        if not isinstance(value, dict) or len(value) != 1:
            return None
        (key, target), *_ = value.items()
        if key == "Fn::GetAtt":
            target = next(iter(target), "") if isinstance(target, list) else str(target).partition(".")[0]
        elif key != "Ref":
            return None
        return target if isinstance(target, str) and target in self.resources else None

    def symbol(self, text: str) -> str:
        """The symbol of something in this template: `<Role.Arn>`, or `<stack/Role.Arn>` among several."""
        return f"<{self.scope}/{text}>" if self.scope else f"<{text}>"


def together(templates: Sequence[Template]) -> tuple[Template, ...]:
    """Templates that are deployed side by side: symbols told apart by stack, exports known to each other."""
    if len(templates) < 2:
        return tuple(templates)
    exports: dict[str, str] = {}
    scoped = []
    for number, one in enumerate(templates):
        same = any(one.name == other.name for other in templates[:number])
        scoped.append(replace(one, scope=f"{one.name}#{number}" if same else one.name, exports=exports))
    # All before any is known: what an output imports itself is not known yet.
    for owner, name, value in [(one, *pair) for one in scoped for pair in _outputs(one)]:
        # Two stacks of one name (two stages, two regions): which of them is meant cannot be told.
        for key in (name, owner.beside(name)):
            exports[key] = value if exports.get(key, value) == value else AMBIGUOUS
    return tuple(scoped)


def _outputs(template: Template) -> Iterator[tuple[str, str]]:
    """What other stacks can ask of this one, by how `intrinsics` names it; what is not known is left out."""
    for output, declared in template.body.get("Outputs", {}).items():
        try:
            value = template.text(declared["Value"])
            yield f"stack output {f'{template.name}.{output}'!r}", value
            if "Export" in declared:
                yield f"export {template.text(declared['Export']['Name'])!r}", value
        except (UnresolvedError, KeyError, TypeError):
            continue  # whoever imports it is told that it is not known


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value


def _keys_like(value: Any, starts: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if str(key).startswith(starts):
                yield str(key)
            yield from _keys_like(part, starts)
    elif isinstance(value, list):
        for part in value:
            yield from _keys_like(part, starts)
