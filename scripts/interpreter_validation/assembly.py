"""What `cdk synth` made: the stacks of a cloud assembly (cdk.out), read as JSON, and what they would change.

Contract: the CDK's cloud assembly schema (`manifest.json`, artifacts of type aws:cloudformation:stack and
cdk:cloud-assembly). CloudFormation: AWS docs, template reference. The CDK itself is not needed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INTERPRETER = "AWS::BedrockAgentCore::CodeInterpreterCustom"
ROLE = "AWS::IAM::Role"
BUCKET = "AWS::S3::Bucket"
# AWS docs, CloudFormation quotas.
MAX_RESOURCES = 500
_ENVIRONMENT = re.compile(r"aws://(?P<account>[^/]+)/(?P<region>.+)")
_UNKNOWN = {"unknown-account", "unknown-region"}
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
# Properties whose change replaces the resource; None: all but the tags (AWS docs, template reference).
_CREATE_ONLY: Mapping[str, frozenset[str] | None] = {
    INTERPRETER: None,
    ROLE: frozenset({"Path", "RoleName"}),
}


class AssemblyError(ValueError):
    """The folder is no cloud assembly; the text says what was looked for."""


@dataclass(frozen=True)
class Stack:
    """One stack as it would be deployed. Account and region are None where the deployment decides them."""

    name: str
    template: Mapping[str, Any]
    account: str | None
    region: str | None
    bootstrap_version: int | None
    bootstrap_parameter: str | None

    @property
    def nested(self) -> tuple[str, ...]:
        """Its nested stacks, by logical id: their templates are not read."""
        return tuple(sorted(self.of_type("AWS::CloudFormation::Stack")))

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Its resources of one CloudFormation type, by logical id."""
        return of_type(self.template, kind)


@dataclass(frozen=True)
class Change:
    """Logical ids of one type in one stack: what a deployment creates, replaces, deletes and leaves."""

    creates: tuple[str, ...]
    replaces: tuple[str, ...]
    deletes: tuple[str, ...]
    keeps: tuple[str, ...]


def read(folder: Path) -> tuple[Stack, ...]:
    """The stacks of an assembly and of those within it (stages), by name; one at least.

    Everything of the shape that is relied on is checked: what a killed `cdk synth` left may hold anything.
    """
    stacks = tuple(sorted(_stacks(folder), key=lambda stack: stack.name))
    if not stacks:
        raise AssemblyError(f"{folder / 'manifest.json'}: found no stack; make it with cdk synth")
    return stacks


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a template that have one type."""
    return {key: one for key, one in template.get("Resources", {}).items() if one.get("Type") == kind}


def change(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> dict[str, Change]:
    """For interpreters and roles: the template against the one that is deployed, None for a new stack.

    A resource is replaced when a property differs that only creation sets, or when it names one that is.
    """
    old = old or {}
    replaced: set[str] = set()
    changes = {}
    # Roles first: an interpreter whose role is replaced is replaced as well.
    for kind in (ROLE, INTERPRETER):
        before, after = of_type(old, kind), of_type(new, kind)
        both = sorted(before.keys() & after.keys())
        replaces = tuple(
            key
            for key in both
            if _create_only(after[key], kind) != _create_only(before[key], kind)
            or (kind == INTERPRETER and replaced & set(_mentions(after[key].get("Properties", {}))))
        )
        replaced |= set(replaces)
        changes[kind] = Change(
            creates=tuple(sorted(after.keys() - before.keys())),
            replaces=replaces,
            deletes=tuple(sorted(before.keys() - after.keys())),
            keeps=tuple(key for key in both if key not in replaces),
        )
    return changes


def network(interpreter: Mapping[str, Any]) -> Mapping[str, Any]:
    """The network configuration of an interpreter's resource; empty if it has none that can be read."""
    given = interpreter.get("Properties", {}).get("NetworkConfiguration", {})
    return given if isinstance(given, Mapping) else {}


def text(value: object, variables: Mapping[str, str]) -> str | None:
    """A property as text: literals, Ref, Fn::Join and Fn::Sub over `variables`; None if it needs more."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    [(function, argument)] = value.items()
    if function == "Ref":
        return variables.get(argument)
    if function == "Fn::Join":
        separator, parts = argument
        if not isinstance(parts, list):
            return None
        texts = [text(part, variables) for part in parts]
        return None if None in texts else separator.join(part for part in texts if part is not None)
    if function == "Fn::Sub" and isinstance(argument, str):
        if any(name not in variables for name in _VARIABLE.findall(argument)):
            return None
        return _VARIABLE.sub(lambda match: variables[match[1]], argument)
    return None


def reference(value: object) -> str | None:
    """The logical id that a Ref or an Fn::GetAtt names."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    [(function, argument)] = value.items()
    if function == "Ref":
        return str(argument)
    if function == "Fn::GetAtt":
        return str(argument[0] if isinstance(argument, list) else str(argument).partition(".")[0])
    return None


def _stacks(folder: Path) -> Iterator[Stack]:
    file = folder / "manifest.json"
    for name, artifact in _objects(_json(file), "artifacts", file).items():
        kind = artifact.get("type")
        if kind not in ("cdk:cloud-assembly", "aws:cloudformation:stack"):
            continue
        properties = artifact.get("properties")
        key = "directoryName" if kind == "cdk:cloud-assembly" else "templateFile"
        if not isinstance(properties, Mapping) or not isinstance(properties.get(key), str):
            raise AssemblyError(f"{file}: artifact {name} has no {key}; make it with cdk synth")
        if kind == "cdk:cloud-assembly":
            yield from _stacks(folder / properties[key])
        else:
            match = _ENVIRONMENT.fullmatch(str(artifact.get("environment", "")))
            account, region = (match["account"], match["region"]) if match else (None, None)
            yield Stack(
                name=properties.get("stackName", name),
                template=_template(folder / properties[key]),
                account=None if account in _UNKNOWN else account,
                region=None if region in _UNKNOWN else region,
                bootstrap_version=properties.get("requiresBootstrapStackVersion"),
                bootstrap_parameter=properties.get("bootstrapStackVersionSsmParameter"),
            )


def _template(path: Path) -> dict[str, Any]:
    template = _json(path)
    for name, resource in _objects(template, "Resources", path).items():
        for key in ("Properties", "Metadata"):
            if not isinstance(resource.get(key, {}), dict):
                raise AssemblyError(f"{path}: {key} of {name} is {resource[key]!r:.60}, expected an object")
    return template


def _objects(of: Mapping[str, Any], key: str, path: Path) -> dict[str, dict[str, Any]]:
    found = of.get(key, {})
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise AssemblyError(f"{path}: {key} is {found!r:.60}, expected an object of objects")
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise AssemblyError(f"no cloud assembly: {path}: {error.strerror}; make it with cdk synth") from error
    except ValueError as error:
        raise AssemblyError(f"{path}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise AssemblyError(f"{path}: found no JSON object")
    return found


def _create_only(resource: Mapping[str, Any], kind: str) -> dict[str, Any]:
    names = _CREATE_ONLY[kind]
    properties = resource.get("Properties", {})
    return {
        key: value for key, value in properties.items() if (key != "Tags" if names is None else key in names)
    }


def _mentions(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if (named := reference(value)) is not None:
            yield named
        for part in value.values():
            yield from _mentions(part)
    elif isinstance(value, list):
        for part in value:
            yield from _mentions(part)
