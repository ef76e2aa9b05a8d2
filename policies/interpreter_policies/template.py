"""Reads synthesized CloudFormation templates; intrinsic functions become text with symbols.

`{"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::data"]]}` is read as
`arn:<AWS::Partition>:s3:::data`. A symbol stands for one unknown value without wildcards; equal symbols are
equal values. What could hold a wildcard, or is not understood, raises UnresolvedError: it is never guessed.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

PSEUDO = (
    "AWS::AccountId",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
)
_NO_VALUE = {"Ref": "AWS::NoValue"}
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class UnresolvedError(ValueError):
    """A value that the template alone does not tell."""


class TemplateError(ValueError):
    """A file that is no template; the message names it."""


@dataclass(frozen=True)
class Template:
    """One template and the path it was read from."""

    path: Path
    body: dict[str, Any] = field(hash=False, compare=False)

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Logical id → resource."""
        return {
            key: value for key, value in self.body.get("Resources", {}).items() if isinstance(value, dict)
        }

    def of_type(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of these types, with their logical ids."""
        for kind in types:
            yield from self._by_type.get(kind, ())

    @cached_property
    def _by_type(self) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for logical_id, resource in self.resources.items():
            found.setdefault(str(resource.get("Type")), []).append((logical_id, resource))
        return found

    def plain(self, value: Any) -> Any:
        """The value with each intrinsic function replaced by text; members that are AWS::NoValue left out."""
        if isinstance(value, dict):
            if len(value) == 1:
                (key,) = value
                if key == "Ref" or key.startswith("Fn::"):
                    return self._resolve(key, value[key])
            return {key: self.plain(part) for key, part in value.items() if part != _NO_VALUE}
        if isinstance(value, list):
            return [self.plain(part) for part in value if part != _NO_VALUE]
        return value

    def text(self, value: Any) -> str:
        """The value as one text; UnresolvedError if it is none."""
        found = self.plain(value)
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, (str, int, float)):
            return str(found)
        raise UnresolvedError(f"{json.dumps(value)} is {type(found).__name__}, expected a text")

    def reference(self, value: Any) -> str | None:
        """The logical id in this template that a `Ref` or `Fn::GetAtt` points to, else None."""
        if not isinstance(value, dict) or len(value) != 1:
            return None
        (key, target), *_ = value.items()
        if key == "Fn::GetAtt":
            target = target[0] if isinstance(target, list) else str(target).partition(".")[0]
        elif key != "Ref":
            return None
        return target if isinstance(target, str) and target in self.resources else None

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

    def _ref(self, name: str) -> str:
        if name in PSEUDO:
            return f"<{name}>"
        if name not in self.resources:
            raise UnresolvedError(f"parameter {name} may have any value")
        if self.resources[name].get("Type") == "AWS::S3::Bucket":
            return self._bucket_name(name)
        return f"<{name}>"

    def _get_att(self, target: Any) -> str:
        name, _, attribute = target.partition(".") if isinstance(target, str) else (target[0], "", target[1])
        resource = self.resources.get(name)
        if resource is None:
            raise UnresolvedError(f"Fn::GetAtt names {name!r}, which is not in the template")
        kind = str(resource.get("Type"))
        if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
            raise UnresolvedError(f"attribute {attribute} of custom resource {name} may have any value")
        if kind == "AWS::S3::Bucket" and attribute == "Arn":
            return f"arn:<AWS::Partition>:s3:::{self._bucket_name(name)}"
        return f"<{name}.{attribute}>"

    def _bucket_name(self, name: str) -> str:
        given = self.resources[name].get("Properties", {}).get("BucketName")
        return f"<{name}>" if given is None else self.text(given)

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
            return self._get_att(name) if "." in name else self._ref(name)

        return _SUB.sub(one, text)

    def _if(self, argument: Any) -> Any:
        _, yes, no = argument
        if yes == no:
            return self.plain(yes)
        raise UnresolvedError(f"Fn::If on {argument[0]!r}: the branches differ")


_FUNCTIONS: dict[str, Callable[[Template, Any], Any]] = {
    "Ref": Template._ref,
    "Fn::GetAtt": Template._get_att,
    "Fn::Join": Template._join,
    "Fn::Sub": Template._sub,
    "Fn::If": Template._if,
}


def load(path: Path) -> list[Template]:
    """The templates of a cloud assembly (cdk.out and below) or of one file. TemplateError if none."""
    if not path.exists():
        raise TemplateError(f"{path}: no such file or folder; run `cdk synth` first")
    if path.is_dir():
        files = sorted(path.rglob("*.template.json"))
        if not files:
            raise TemplateError(
                f"{path}: holds no *.template.json; expected a cloud assembly such as cdk.out"
            )
    else:
        files = [path]
    return [read(file) for file in files]


def read(path: Path) -> Template:
    """One template file. TemplateError names the file and what is wrong."""
    try:
        body = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise TemplateError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(body, dict) or not isinstance(body.get("Resources", {}), dict):
        raise TemplateError(f"{path}: is no CloudFormation template: expected an object with Resources")
    return Template(path, body)
