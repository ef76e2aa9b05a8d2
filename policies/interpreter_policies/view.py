"""Each interpreter of a template as the rules see it: network, role, permissions, declaration."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .iam.document import DocumentError, Statement, parse
from .template import Template, UnresolvedError

TYPE = "AWS::BedrockAgentCore::CodeInterpreterCustom"
METADATA_KEY = "InterpreterFleet"


@dataclass(frozen=True)
class Storage:
    """The part of a bucket that an interpreter was declared to reach: bucket name, prefix, access."""

    bucket: str
    prefix: str
    access: str

    @property
    def reads(self) -> bool:
        """Whether `access` includes reading."""
        return self.access in ("read", "read-write")

    @property
    def writes(self) -> bool:
        """Whether `access` includes writing."""
        return self.access in ("write", "read-write")


Assembly = tuple[Template, ...]
_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")


@dataclass(frozen=True)
class Role:
    """An execution role that is in the template."""

    template: Template = field(repr=False)
    logical_id: str
    assembly: Assembly = field(repr=False)

    @property
    def properties(self) -> dict[str, Any]:
        """As written in the template."""
        return dict(self.template.resources[self.logical_id].get("Properties", {}))

    @property
    def trust(self) -> Any:
        """The trust policy, intrinsics resolved. Raises UnresolvedError."""
        return self.template.plain(self.properties.get("AssumeRolePolicyDocument"))

    @property
    def managed_policies(self) -> list[str]:
        """The managed policies that are not in the template, as ARNs. Raises UnresolvedError."""
        arns = self.properties.get("ManagedPolicyArns", [])
        return [self.template.text(arn) for arn in arns if self.template.reference(arn) is None]

    @property
    def permissions(self) -> tuple[Statement, ...]:
        """Every statement that allows or denies the role something, wherever it is written in the assembly.

        Raises UnresolvedError for policies that are elsewhere, DocumentError for ones that cannot be read.
        """
        if self.managed_policies:
            raise UnresolvedError(f"managed policy {self.managed_policies[0]} is not in the template")
        return self.written_permissions

    @cached_property
    def written_permissions(self) -> tuple[Statement, ...]:
        """The same without managed policies that are elsewhere."""
        documents = [
            (self.template, policy.get("PolicyDocument")) for policy in self.properties.get("Policies", [])
        ]
        managed = {self.template.reference(arn) for arn in self.properties.get("ManagedPolicyArns", [])}
        for template in self.assembly:
            for logical_id, resource in template.of_type(*_POLICIES):
                properties = resource.get("Properties", {})
                roles = [*properties.get("Roles", []), *filter(None, [properties.get("RoleName")])]
                by_role = template == self.template and logical_id in managed
                if by_role or any(self._is(template, role) for role in roles):
                    documents.append((template, properties.get("PolicyDocument")))
        own = [statement for template, document in documents for statement in parse(template.plain(document))]
        return (*own, *self._from_bucket_policies())

    def _is(self, template: Template, role: Any) -> bool:
        """Whether a policy's `Roles` entry means this role: by reference, or by a name that it was given."""
        target = template.reference(role)
        if target is not None:
            return template == self.template and target == self.logical_id
        name = self.properties.get("RoleName")
        return name is not None and template.text(role) == self.template.text(name)

    def _from_bucket_policies(self) -> Iterable[Statement]:
        """A bucket's policy can allow a role of its account what the role's own policies do not."""
        for template in self.assembly:
            mine = {"*", f"<{self.logical_id}.Arn>"} if template == self.template else {"*"}
            for _, resource in template.of_type("AWS::S3::BucketPolicy"):
                for statement in parse(template.plain(resource["Properties"].get("PolicyDocument"))):
                    principal = statement.principal
                    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
                    names = {named} if isinstance(named, str) else set(named or ())
                    if statement.effect == "Allow" and (names & mine or "Not" in (principal or {})):
                        yield statement


@dataclass(frozen=True)
class Interpreter:
    """One `AWS::BedrockAgentCore::CodeInterpreterCustom`; `assembly` is every template read with its own."""

    template: Template = field(repr=False)
    logical_id: str
    assembly: Assembly = field(repr=False)

    @cached_property
    def properties(self) -> dict[str, Any]:
        """As written in the template."""
        return dict(self.template.resources[self.logical_id].get("Properties", {}))

    @cached_property
    def _declared(self) -> dict[str, Any]:
        metadata = self.template.resources[self.logical_id].get("Metadata", {})
        found = metadata.get(METADATA_KEY, {}) if isinstance(metadata, dict) else {}
        return found if isinstance(found, dict) else {}

    @property
    def title(self) -> str:
        """What a report calls it: the declared name, else the logical id."""
        return str(self._declared.get("Base") or self.logical_id)

    @property
    def id_pattern(self) -> str:
        """What its id always matches, replacements included, and no other interpreter's does.

        `<base>__*` for a declared one, else `<name>-*`: an id is the name, a hyphen and ten characters.
        """
        base = self._declared.get("Base")
        return f"{base}__*" if base else f"{self.template.text(self.properties.get('Name'))}-*"

    @property
    def network(self) -> dict[str, Any]:
        """NetworkConfiguration, intrinsics resolved; empty when none is declared."""
        found = self.template.plain(self.properties.get("NetworkConfiguration"))
        return found if isinstance(found, dict) else {}

    @property
    def network_mode(self) -> str | None:
        """SANDBOX, PUBLIC, VPC, or None when none is declared."""
        mode = self.network.get("NetworkMode")
        return None if mode is None else str(mode)

    @cached_property
    def role(self) -> Role | None:
        """The execution role, None when there is none; UnresolvedError when it is not in the template."""
        arn = self.properties.get("ExecutionRoleArn")
        if arn is None:
            return None
        target = self.template.reference(arn)
        if target is None or self.template.resources[target].get("Type") != "AWS::IAM::Role":
            raise UnresolvedError(f"execution role {arn!r} is not in the template")
        return Role(self.template, target, self.assembly)

    @cached_property
    def storage(self) -> Storage | None:
        """What was declared, None when nothing was."""
        raw = self._declared.get("Storage")
        if raw is None:
            return None
        if not isinstance(raw, dict) or not {"Bucket", "Prefix", "Access"} <= set(raw):
            raise DocumentError(f"declared Storage is {raw!r}, expected Bucket, Prefix and Access")
        return Storage(self.template.text(raw["Bucket"]), str(raw["Prefix"]), str(raw["Access"]))

    @property
    def waivers(self) -> list[Any]:
        """The waivers as declared, not checked yet."""
        raw = self._declared.get("Waivers", [])
        return raw if isinstance(raw, list) else [raw]


def interpreters(templates: Iterable[Template]) -> list[Interpreter]:
    """Every interpreter of these templates."""
    assembly = tuple(templates)
    return [Interpreter(one, logical_id, assembly) for one in assembly for logical_id, _ in one.of_type(TYPE)]
