"""Each interpreter of a template as the rules see it: network, role, permissions, declaration."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from .iam.document import DocumentError, Statement
from .iam_resources import (
    Assembly,
    Place,
    arns_of,
    attached_arns,
    managed_policies,
    names_of,
    properties_of,
    read,
    referred,
    roles,
    written,
)
from .resource_policies import granted_to
from .template import Template, Undecided, UnresolvedError, together

TYPE = "AWS::BedrockAgentCore::CodeInterpreterCustom"
_NESTED = "AWS::CloudFormation::Stack"
# Resources that allow a principal something without a policy of IAM's, and where they name it.
_OTHER_GRANTS = {
    "AWS::EKS::AccessEntry": "PrincipalArn",
    "AWS::Lambda::LayerVersionPermission": "Principal",
    "AWS::Lambda::Permission": "Principal",
    "AWS::LakeFormation::Permissions": "DataLakePrincipal",
    "AWS::LakeFormation::PrincipalPermissions": "Principal",
    "AWS::OpenSearchServerless::AccessPolicy": "Policy",
    "AWS::S3::AccessGrant": "Grantee",
}
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

    @cached_property
    def trust(self) -> tuple[Statement, ...]:
        """The trust policy's statements. Raises UnresolvedError, DocumentError."""
        return read(self.template, self.properties.get("AssumeRolePolicyDocument"))

    @cached_property
    def arns(self) -> frozenset[str]:
        """Every way that the templates write its ARN."""
        return arns_of(self.template, self.logical_id)

    @property
    def managed_policies(self) -> list[str]:
        """The managed policies that are not in the templates, as ARNs. Raises UnresolvedError."""
        known = managed_policies(self.assembly)
        return [arn for arn in attached_arns(self.template, self.properties) if arn not in known]

    @cached_property
    def permissions(self) -> tuple[Statement, ...]:
        """Every statement that allows or denies the role something, wherever it is written in the assembly.

        Raises UnresolvedError for policies that are elsewhere, DocumentError for ones that cannot be read.
        """
        if self.managed_policies:
            raise UnresolvedError(f"managed policy {self.managed_policies[0]} is not in the template")
        for template, logical_id in _granting_unread(self.assembly):
            kind = str(template.resources[logical_id].get("Type"))
            properties = properties_of(template, logical_id)
            if kind == _NESTED:
                if self._is_named(template, properties.get("Parameters", {})):
                    what = f"nested stack {logical_id} is given the role, and may attach policies"
                    raise UnresolvedError(what)
                continue
            named = properties.get(_OTHER_GRANTS[kind])
            if named == "*" or self._is_named(template, named):
                raise UnresolvedError(f"{kind} {logical_id} allows the role something, by no policy of IAM")
        return self.written_permissions

    def _is_named(self, template: Template, value: Any) -> bool:
        """Whether a value of a template is the role, or holds it: by reference, or in writing."""
        if template is self.template and self.logical_id in referred(template, value):
            return True
        if isinstance(value, (dict, list)) and not _is_function(value):
            parts = value.values() if isinstance(value, dict) else value
            return any(self._is_named(template, one) for one in parts)
        names = {*self.arns, *names_of(self.template, self.logical_id, "RoleName")}
        return _text_or_none(template, value) in names

    @cached_property
    def written_permissions(self) -> tuple[Statement, ...]:
        """The same without managed policies that are elsewhere."""
        own = written(self.assembly, self.template, self.logical_id)
        return (*own, *granted_to(self.template, self.logical_id, self.assembly))

    @property
    def boundary(self) -> tuple[Statement, ...] | None:
        """The permissions boundary, None if there is none; UnresolvedError if it is not in the templates."""
        given = self.template.branch(self.properties.get("PermissionsBoundary"))
        if given is None:
            return None
        arn = self.template.text(given)
        found = managed_policies(self.assembly).get(arn)
        if found is None:
            raise UnresolvedError(f"permissions boundary {arn} is not in the templates")
        template, logical_id = found
        return read(template, properties_of(template, logical_id).get("PolicyDocument"))

    @property
    def limits(self) -> tuple[tuple[Statement, ...], ...]:
        """What narrows its permissions, as far as the templates tell; a boundary elsewhere narrows unseen."""
        try:
            boundary = self.boundary
        except Undecided:
            raise
        except UnresolvedError:
            return ()
        return () if boundary is None else (boundary,)


def _is_function(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


def _text_or_none(template: Template, value: Any) -> str | None:
    try:
        return template.text(value)
    except UnresolvedError:
        return None


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
        """SANDBOX, PUBLIC, VPC, or None when none is declared; whatever else the configuration holds."""
        configuration = self.template.branch(self.properties.get("NetworkConfiguration"))
        if not isinstance(configuration, dict):
            return None
        mode = self.template.branch(configuration.get("NetworkMode"))
        return None if mode is None else self.template.text(mode)

    @cached_property
    def role(self) -> Role | None:
        """The execution role, None when there is none; UnresolvedError when it is not in the template."""
        found = self.written_role
        if found is not None and not found.template.exists(found.logical_id):
            raise UnresolvedError(f"execution role {found.logical_id} is not in the template")
        return found

    @cached_property
    def written_role(self) -> Role | None:
        """The same, whether or not the role's condition holds."""
        given = self.template.branch(self.properties.get("ExecutionRoleArn"))
        if given is None:
            return None
        target = self.template.reference(given)
        found = (self.template, target) if target is not None else None
        if found is None or self.template.resources[str(target)].get("Type") != "AWS::IAM::Role":
            found = roles(self.assembly).get(self.template.text(given))
        if found is None:
            raise UnresolvedError(f"execution role {self.template.text(given)} is not in the template")
        return Role(found[0], str(found[1]), self.assembly)

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
    """Every interpreter of these templates, which are deployed side by side."""
    assembly = together(list(templates))
    return [
        Interpreter(one, logical_id, assembly) for one in assembly for logical_id in one.ids_of_type(TYPE)
    ]


@lru_cache(maxsize=64)
def _granting_unread(assembly: Assembly) -> tuple[Place, ...]:
    """The resources of the templates that may give a role rights which are not written there as a policy."""
    return tuple((one, found) for one in assembly for found in one.possible(_NESTED, *_OTHER_GRANTS))


@lru_cache(maxsize=64)
def holders(assembly: Assembly) -> dict[tuple[str, str], tuple[Interpreter, ...]]:
    """Who has each execution role of the templates, by the role's scope and logical id.

    An interpreter whose role cannot be told is left out: what is asked about itself says so.
    """
    found: dict[tuple[str, str], tuple[Interpreter, ...]] = {}
    for template in assembly:
        for logical_id in template.possible(TYPE):
            one = Interpreter(template, logical_id, assembly)
            try:
                role = one.written_role
            except Undecided:
                raise
            except UnresolvedError:
                continue
            if role is not None:
                key = (role.template.scope, role.logical_id)
                found[key] = (*found.get(key, ()), one)
    return found
