"""Reads CloudFormation templates; intrinsic functions become text with symbols.

`{"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::data"]]}` is read as
`arn:<AWS::Partition>:s3:::data`. A symbol stands for one unknown value without wildcards; equal symbols are
equal values. What could hold a wildcard, or is not understood, raises UnresolvedError: it is never guessed.
What has a few possible values (a parameter with allowed ones, a condition) raises Undecided; a reader then
takes each in turn with `choosing`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from . import yaml_templates

PSEUDO = (
    "AWS::AccountId",
    "AWS::Partition",
    "AWS::Region",
    "AWS::URLSuffix",
)
# These differ from one stack of a deployment to the next.
_OF_STACK = ("AWS::StackId", "AWS::StackName")
_NO_VALUE = {"Ref": "AWS::NoValue"}
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")
_SYMBOL = re.compile(r"<[^<>]+>")
_MARK = re.compile("\0")
_SUFFIXES = (".json", ".yaml", ".yml", ".template")
# Macros of AWS that add to a template, or resolve references, and leave what is written as it is.
_HARMLESS_TRANSFORMS = ("AWS::Serverless-2016-10-31", "AWS::SecretsManager-")
# Values of these parameter types are names of things that exist, or numbers: no wildcard is among them.
_PLAIN_PARAMETER = re.compile(r"Number|AWS::EC2::[A-Za-z]+::Id|AWS::Route53::HostedZone::Id")


class UnresolvedError(ValueError):
    """A value that the template alone does not tell."""


class Undecided(UnresolvedError):  # noqa: N818 - a question, and only an error when nobody asks it
    """A value with a few possibilities: `key` is what to give `Template.choosing`, with one of `options`."""

    def __init__(self, template: "Template", key: str, options: Iterable[str]) -> None:
        super().__init__(f"{key} may be {', '.join(options)}")
        self.template = template
        self.key = key
        self.options = tuple(options)


class TemplateError(ValueError):
    """A file that is no template; the message names it."""


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

    @cached_property
    def _choices(self) -> dict[str, str]:
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
        return f"{loop} rewrites the template at deployment; check what it makes" if loop else None

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Logical id → resource, whatever its condition."""
        found = self.body.get("Resources", {})
        return {name: one for name, one in found.items() if isinstance(one, dict)}

    def exists(self, logical_id: str) -> bool:
        """Whether a resource is created; Undecided if its condition is open."""
        return self._exists(self.resources[logical_id])

    def _exists(self, resource: dict[str, Any]) -> bool:
        return "Condition" not in resource or self._condition(str(resource["Condition"]))

    def of_type(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of these types that exist, with their logical ids."""
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

    def plain(self, value: Any) -> Any:
        """The value with each intrinsic function replaced by text; members that are AWS::NoValue left out."""
        if isinstance(value, dict):
            if len(value) == 1:
                (key,) = value
                if key == "Ref" or key.startswith("Fn::"):
                    return self._resolve(key, value[key])
            found = {key: self.plain(part) for key, part in value.items() if part != _NO_VALUE}
            return {key: part for key, part in found.items() if part is not _ABSENT}
        if isinstance(value, list):
            parts = (self.plain(part) for part in value if part != _NO_VALUE)
            return [part for part in parts if part is not _ABSENT]
        return value

    def text(self, value: Any) -> str:
        """The value as one text; UnresolvedError if it is none."""
        found = self.plain(value)
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, (str, int, float)):
            return str(found)
        raise UnresolvedError(f"{json.dumps(value)} is {type(found).__name__}, expected a text")

    def branch(self, value: Any) -> Any:
        """The value with Fn::If around it decided, the rest as written; None for AWS::NoValue."""
        while isinstance(value, dict) and set(value) == {"Fn::If"}:
            value = self._taken(value["Fn::If"])
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
            target = target[0] if isinstance(target, list) else str(target).partition(".")[0]
        elif key != "Ref":
            return None
        return target if isinstance(target, str) and target in self.resources else None

    def symbol(self, text: str) -> str:
        """The symbol of something in this template: `<Role.Arn>`, or `<stack/Role.Arn>` among several."""
        return f"<{self.scope}/{text}>" if self.scope else f"<{text}>"

    def _resolve(self, function: str, argument: Any) -> Any:
        resolver = _FUNCTIONS.get(function)
        if resolver is None:
            raise UnresolvedError(f"{function} cannot be resolved from the template")
        try:
            return resolver(self, argument)
        except UnresolvedError:
            raise
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise UnresolvedError(f"{function} has an argument it does not take: {argument!r}") from error

    def _ref(self, name: str) -> Any:
        if name in self._choices:
            return self._choices[name]
        if name in PSEUDO:
            return f"<{name}>"
        if name in _OF_STACK:
            return self.symbol(name)
        if name == "AWS::NoValue":
            return _ABSENT
        if name in self.resources:
            if self.resources[name].get("Type") == "AWS::S3::Bucket":
                return self._bucket_name(name)
            return self.symbol(name)
        return self._parameter(name)

    def _parameter(self, name: str) -> Any:
        declared = self.body.get("Parameters", {}).get(name)
        if declared is None:
            raise UnresolvedError(f"Ref names {name!r}, which is not in the template")
        options = declared.get("AllowedValues")
        kind = str(declared.get("Type"))
        if options and kind in ("String", "Number"):
            raise Undecided(self, name, [str(option) for option in options])
        if _PLAIN_PARAMETER.fullmatch(kind):
            return self.symbol(name)
        default = f", {declared['Default']!r} is only its default" if "Default" in declared else ""
        raise UnresolvedError(f"parameter {name} may have any value{default}")

    def _get_att(self, target: Any) -> str:
        name, _, attribute = target.partition(".") if isinstance(target, str) else (target[0], "", target[1])
        resource = self.resources.get(name)
        if resource is None:
            raise UnresolvedError(f"Fn::GetAtt names {name!r}, which is not in the template")
        kind = str(resource.get("Type"))
        if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
            raise UnresolvedError(f"attribute {attribute} of custom resource {name} may have any value")
        if kind == "AWS::CloudFormation::Stack":
            raise UnresolvedError(f"output {attribute} of nested stack {name} may have any value")
        if kind == "AWS::S3::Bucket" and attribute == "Arn":
            return f"arn:<AWS::Partition>:s3:::{self._bucket_name(name)}"
        return self.symbol(f"{name}.{self.text(attribute)}")

    def _bucket_name(self, name: str) -> str:
        given = self.branch(self.resources[name].get("Properties", {}).get("BucketName"))
        return self.symbol(name) if given is None else self.text(given)

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        parts = self.plain(parts)
        if not isinstance(parts, list):
            raise UnresolvedError(f"Fn::Join of {parts!r}")
        return str(separator).join(self.text(part) for part in parts)

    def _sub(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def one(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in given:
                return self.text(given[name])
            return self.text({"Fn::GetAtt": name} if "." in name else {"Ref": name})

        return _SUB.sub(one, text)

    def _select(self, argument: Any) -> Any:
        index, parts = argument
        return self.plain(parts)[_position(self.text(index))]

    def _split(self, argument: Any) -> "list[str] | _Parts":
        delimiter, text = argument[0], self.text(argument[1])
        hiding = [one for one in _SYMBOL.findall(text) if not one.startswith("<AWS::")]
        if not hiding:
            kept = iter(_SYMBOL.findall(text))
            return [
                _MARK.sub(lambda _: next(kept), part) for part in _SYMBOL.sub("\0", text).split(delimiter)
            ]
        if hiding == [text]:
            return _Parts(text, delimiter)
        raise UnresolvedError(f"Fn::Split of {text!r}: {hiding[0]} may hold {delimiter!r}")

    def _find_in_map(self, argument: Any) -> Any:
        name, *keys = argument
        found = self.body["Mappings"][self.text(name)]
        for key in (self.text(key) for key in keys[:2]):
            if _SYMBOL.search(key):
                choice = f"{name}[{key}]"
                if choice not in self._choices:
                    raise Undecided(self, choice, sorted(found))
                key = self._choices[choice]
            if key not in found:
                raise UnresolvedError(f"mapping {name} has no {key!r}")
            found = found[key]
        return found

    def _import(self, argument: Any) -> str:
        return self._exported(self.text(argument), "export")

    def _stack_output(self, argument: dict[str, Any]) -> str:
        name = f"{self.text(argument['StackName'])}.{self.text(argument['OutputName'])}"
        return self._exported(name, "stack output")

    def _exported(self, name: str, kind: str) -> str:
        if name not in self.exports:
            raise UnresolvedError(f"{kind} {name!r} is not in these templates")
        return self.exports[name]

    def _zones(self, argument: Any) -> "_Parts":
        return _Parts(f"zones of {self.text(argument) or '<AWS::Region>'}".replace("<", "").replace(">", ""))

    def _if(self, argument: Any) -> Any:
        return self.plain(self._taken(argument))

    def _taken(self, argument: Any) -> Any:
        name, yes, no = argument
        return yes if yes == no or self._condition(name) else no

    def _condition(self, name: str) -> bool:
        choice = f"condition {name}"
        if choice in self._choices:
            return self._choices[choice] == "true"
        expression = self.body.get("Conditions", {}).get(name)
        if expression is None:
            raise UnresolvedError(f"condition {name!r} is not in the template")
        decided = self._truth(expression)
        if decided is None:
            raise Undecided(self, choice, ("true", "false"))
        return decided

    def _any_or_all(self, parts: list[Any], *, decisive: bool) -> bool | None:
        """Fn::Or (True decides) and Fn::And (False does): one part that decides settles it."""
        open_part: Undecided | None = None
        unknown = False
        for one in parts:
            try:
                found = self._truth(one)
            except Undecided as choice:
                open_part = open_part or choice
                continue
            if found is decisive:
                return decisive
            unknown = unknown or found is None
        if open_part is not None:
            raise open_part
        return None if unknown else not decisive

    def _truth(self, expression: Any) -> bool | None:
        """Whether a condition holds; None if that hangs on what only the deployment tells."""
        (function, argument), *_ = expression.items()
        if function == "Condition":
            return self._condition(argument)
        if function == "Fn::Not":
            found = self._truth(argument[0])
            return None if found is None else not found
        if function in ("Fn::And", "Fn::Or"):
            return self._any_or_all(argument, decisive=function == "Fn::Or")
        if function == "Fn::Equals":
            try:
                left, right = (self.text(one) for one in argument)
            except Undecided:
                raise
            except UnresolvedError:
                return None
            if left == right:
                return True
            return None if _SYMBOL.search(left + right) else False
        raise UnresolvedError(f"{function} is no condition function")


class _Absent:
    """What AWS::NoValue leaves: its key or element is not there."""


_ABSENT = _Absent()


@dataclass(frozen=True)
class _Parts:
    """The parts of an unknown text: each an unknown value of its own, how many is not known."""

    of: str
    delimiter: str = ""

    def __getitem__(self, index: int) -> str:
        return "<" + " ".join((self.of.strip("<>"), f"{self.delimiter}{index}")) + ">"


def _position(text: str) -> int:
    if not text.isdigit():
        raise UnresolvedError(f"Fn::Select has index {text!r}, expected a number, 0 for the first")
    return int(text)


_FUNCTIONS: dict[str, Callable[[Template, Any], Any]] = {
    "Ref": Template._ref,
    "Fn::GetAtt": Template._get_att,
    "Fn::GetAZs": Template._zones,
    "Fn::GetStackOutput": Template._stack_output,
    "Fn::FindInMap": Template._find_in_map,
    "Fn::If": Template._if,
    "Fn::ImportValue": Template._import,
    "Fn::Join": Template._join,
    "Fn::Select": Template._select,
    "Fn::Split": Template._split,
    "Fn::Sub": Template._sub,
}


def together(templates: Sequence[Template]) -> tuple[Template, ...]:
    """Templates that are deployed side by side: symbols told apart by stack, exports known to each other."""
    if len(templates) < 2:
        return tuple(templates)
    exports: dict[str, str] = {}
    scoped = []
    for number, one in enumerate(templates):
        name = one.stack or one.path.name.split(".")[0]
        same = any(name == (other.stack or other.path.name.split(".")[0]) for other in templates[:number])
        scoped.append(replace(one, scope=f"{name}#{number}" if same else name, exports=exports))
    for one in scoped:
        for output, declared in one.body.get("Outputs", {}).items():
            try:
                value = one.text(declared["Value"])
                exports[f"{one.stack or one.path.name.split('.')[0]}.{output}"] = value
                if "Export" in declared:
                    exports[one.text(declared["Export"]["Name"])] = value
            except (UnresolvedError, KeyError, TypeError):
                continue  # whoever imports it is told that it is not known
    return tuple(scoped)


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
        stacks = _stack_names(path)
        return [replace(read(file), stack=stacks.get(file.name, "")) for file in files]
    found = [
        read(file)
        for file in sorted(path.rglob("*"))
        if file.suffix in _SUFFIXES and file.is_file() and re.search(r"\bResources\b", file.read_text())
    ]
    if not found:
        raise TemplateError(f"{path}: holds no template; expected *.template.json (a cloud assembly) or YAML")
    return found


def _stack_names(folder: Path) -> dict[str, str]:
    """Template file → name of its stack, from the assembly's manifest."""
    try:
        artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"].values()
    except (OSError, ValueError, KeyError, AttributeError):
        return {}  # names by file serve as well
    properties = [one.get("properties", {}) for one in artifacts]
    return {
        one["templateFile"]: one["stackName"] for one in properties if {"templateFile", "stackName"} <= {*one}
    }


def read(path: Path) -> Template:
    """One template file, JSON or YAML. TemplateError names the file and what is wrong."""
    try:
        return parse_text(path.read_text(), path)
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: cannot be read: {error}") from error


def parse_text(text: str, path: Path) -> Template:
    """A template as text; `path` is what errors and reports call it."""
    # JSON unless it does not look like it: a JSON error is clearer than YAML's about the same text.
    as_json = path.suffix == ".json" or text.lstrip().startswith("{")
    try:
        body = json.loads(text) if as_json else yaml_templates.parse(text)
    except ValueError as error:
        raise TemplateError(f"{path}: cannot be read as JSON: {error}") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(body, dict) or not isinstance(body.get("Resources", {}), dict):
        raise TemplateError(f"{path}: is no CloudFormation template: expected an object with Resources")
    for name, resource in body.get("Resources", {}).items():
        if not isinstance(resource, dict) and not str(name).startswith("Fn::"):
            raise TemplateError(f"{path}: resource {name} is {type(resource).__name__}, expected an object")
        if isinstance(resource, dict) and not isinstance(resource.get("Properties", {}), dict):
            raise TemplateError(f"{path}: Properties of {name} is no object")
    return Template(path, body)


def _keys_like(value: Any, starts: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if str(key).startswith(starts):
                yield str(key)
            yield from _keys_like(part, starts)
    elif isinstance(value, list):
        for part in value:
            yield from _keys_like(part, starts)
