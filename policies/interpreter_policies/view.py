"""Each interpreter of a template as the rules see it: network, role, permissions, declaration."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from .iam.document import DocumentError, Statement, parse
from .template import Template, Undecided, UnresolvedError, together

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
Documents = list[tuple[Template, Any]]
_ACCOUNT = "arn:{}:iam::<AWS::AccountId>:{}"
# Where a policy that is a resource of its own says whom it is attached to: one list, one name.
_ATTACHED = {
    "Roles": ("RoleName", "AWS::IAM::RolePolicy"),
    "Users": ("UserName", "AWS::IAM::UserPolicy"),
    "Groups": ("GroupName", "AWS::IAM::GroupPolicy"),
}
_KINDS = {"AWS::IAM::Role": "Roles", "AWS::IAM::User": "Users", "AWS::IAM::Group": "Groups"}
_NAMES = {"Roles": "RoleName", "Users": "UserName", "Groups": "GroupName"}


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

    @cached_property
    def arns(self) -> frozenset[str]:
        """Every way that the templates write its ARN."""
        return arns_of(self.template, self.logical_id)

    @property
    def managed_policies(self) -> list[str]:
        """The managed policies that are not in the templates, as ARNs. Raises UnresolvedError."""
        known = _managed(self.assembly)
        return [arn for arn in _attached_arns(self.template, self.properties) if arn not in known]

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
        own = _written(self.assembly, self.template, self.logical_id)
        return (*own, *self._from_resource_policies())

    @property
    def boundary(self) -> tuple[Statement, ...] | None:
        """The permissions boundary, None if there is none; UnresolvedError if it is not in the templates."""
        given = self.template.branch(self.properties.get("PermissionsBoundary"))
        if given is None:
            return None
        arn = self.template.text(given)
        found = _managed(self.assembly).get(arn)
        if found is None:
            raise UnresolvedError(f"permissions boundary {arn} is not in the templates")
        template, logical_id = found
        return parse(template.plain(_properties(template, logical_id).get("PolicyDocument")))

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

    def _is_another(self, statement: Statement) -> bool:
        """Whether a statement for everybody is bound to principals that are not this role."""
        return any(
            one.operator in ("ArnEquals", "StringEquals")
            and one.key == "aws:principalarn"
            and not any("*" in value or "?" in value or "${" in value for value in one.values)
            and self.arns.isdisjoint(one.values)
            for one in statement.conditions
        )

    def _from_resource_policies(self) -> Iterable[Statement]:
        """The policy of a bucket or key can allow a role of its account what the role's own do not."""
        for statement in _resource_statements(self.assembly):
            principal = statement.principal
            named = principal.get("AWS", []) if isinstance(principal, dict) else principal
            names = {named} if isinstance(named, str) else set(named or ())
            mine = not names.isdisjoint(self.arns) or "Not" in (principal or {})
            mine = mine or ("*" in names and not self._is_another(statement))
            if statement.effect == "Allow" and mine:
                yield statement


@dataclass(frozen=True)
class Identity:
    """Somebody whom policies in the templates allow something: a role, user or group, or a policy that is
    attached elsewhere.
    """

    kind: str
    template: Template = field(repr=False)
    logical_id: str
    assembly: Assembly = field(repr=False)

    @property
    def title(self) -> str:
        """What evidence calls it."""
        return f"{self.kind} {self.logical_id}"

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Those of all its policies that are in the templates. Raises UnresolvedError, DocumentError."""
        if self.kind == "policy":
            document = _properties(self.template, self.logical_id).get("PolicyDocument")
            return parse(self.template.plain(document))
        groups = (self.template.reference(one) for one in self._groups)
        members = (self.logical_id, *(one for one in groups if one is not None))
        return tuple(one for name in members for one in _written(self.assembly, self.template, name))

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Its managed policies and groups that are not in the templates."""
        if self.kind == "policy":
            return ()
        arns = _attached_arns(self.template, _properties(self.template, self.logical_id))
        outside = [one for one in self._groups if self.template.reference(one) is None]
        managed = _managed(self.assembly)
        return (
            *(arn for arn in arns if arn not in managed),
            *(f"group {self.template.text(one)}" for one in outside),
        )

    @property
    def _groups(self) -> list[Any]:
        return self.template.listed(_properties(self.template, self.logical_id).get("Groups"))


@lru_cache(maxsize=64)
def identities(assembly: Assembly) -> tuple[Identity, ...]:
    """Every identity of the templates. UnresolvedError if a policy may be attached to anybody."""
    found = [
        Identity(kind.rpartition(":")[2].lower(), template, logical_id, assembly)
        for template in assembly
        for kind in _KINDS
        for logical_id, _ in template.of_type(kind)
    ]
    return (*found, *_attached_elsewhere(assembly, found))


def _attached_elsewhere(assembly: Assembly, found: list[Identity]) -> Iterable[Identity]:
    """The policies that no identity of the templates has, as policy or as boundary: somebody outside may."""
    known = {(kind, name) for kind, names in _index(assembly).names.items() for name in names}
    taken: set[str] = set()
    for one in found:
        properties = _properties(one.template, one.logical_id)
        boundary = one.template.branch(properties.get("PermissionsBoundary"))
        try:
            taken |= {*_attached_arns(one.template, properties)}
            taken |= {one.template.text(boundary)} if boundary is not None else set()
        except Undecided:
            raise
        except UnresolvedError:
            continue  # then the policy is asked about by itself
    for template, logical_id, targets in _index(assembly).policies:
        here = any(target in known for target in targets)
        if not here and (targets or arns_of(template, logical_id).isdisjoint(taken)):
            yield Identity("policy", template, logical_id, assembly)


def arns_of(template: Template, logical_id: str) -> frozenset[str]:
    """Every way that templates write the ARN of a role or managed policy of theirs."""
    properties = _properties(template, logical_id)
    if template.resources[logical_id].get("Type") == "AWS::IAM::ManagedPolicy":
        symbols, kind, name = {logical_id, f"{logical_id}.PolicyArn"}, "policy", "ManagedPolicyName"
    else:
        symbols, kind, name = {f"{logical_id}.Arn"}, "role", "RoleName"
    found = {template.symbol(one) for one in symbols}
    path = template.text(properties.get("Path", "/"))
    for own in _own_names(template, logical_id, name):
        if not own.startswith("<") or kind == "role":
            found |= {
                _ACCOUNT.format(partition, f"{kind}{path}{own}") for partition in ("<AWS::Partition>", "aws")
            }
    return frozenset(found)


def _own_names(template: Template, logical_id: str, name: str) -> set[str]:
    given = template.branch(_properties(template, logical_id).get(name))
    return {template.symbol(logical_id)} | ({template.text(given)} if given is not None else set())


def _properties(template: Template, logical_id: str) -> dict[str, Any]:
    return dict(template.resources[logical_id].get("Properties", {}))


def _attached_arns(template: Template, properties: dict[str, Any]) -> list[str]:
    return [template.text(arn) for arn in template.listed(properties.get("ManagedPolicyArns"))]


@lru_cache(maxsize=64)
def _managed(assembly: Assembly) -> dict[str, tuple[Template, str]]:
    """The managed policies of the templates, by every way that their ARN is written."""
    return {
        arn: (template, logical_id)
        for template in assembly
        for logical_id, _ in template.of_type("AWS::IAM::ManagedPolicy")
        for arn in arns_of(template, logical_id)
    }


@dataclass(frozen=True)
class _Index:
    """Policies that are resources of their own: by whom they are attached to, and all of them."""

    documents: dict[tuple[str, str], Documents]
    policies: tuple[tuple[Template, str, tuple[tuple[str, str], ...]], ...]
    names: dict[str, frozenset[str]]


@lru_cache(maxsize=64)
def _index(assembly: Assembly) -> _Index:
    """Raises UnresolvedError for a policy that may be attached to anybody."""
    documents: dict[tuple[str, str], Documents] = {}
    policies = []
    names: dict[str, set[str]] = {kind: set() for kind in _NAMES}
    for template in assembly:
        for resource_type, kind in _KINDS.items():
            for logical_id, _ in template.of_type(resource_type):
                names[kind] |= _own_names(template, logical_id, _NAMES[kind])
        types = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", *(one for _, one in _ATTACHED.values()))
        for logical_id, _ in template.of_type(*types):
            properties = _properties(template, logical_id)
            targets = []
            for kind, (single, _) in _ATTACHED.items():
                given = [*template.listed(properties.get(kind)), *template.listed(properties.get(single))]
                targets += [(kind, template.text(one)) for one in given]
            policies.append((template, logical_id, tuple(targets)))
            for target in targets:
                documents.setdefault(target, []).append((template, properties.get("PolicyDocument")))
    return _Index(documents, tuple(policies), {kind: frozenset(found) for kind, found in names.items()})


def _written(assembly: Assembly, template: Template, logical_id: str) -> tuple[Statement, ...]:
    """The statements of an identity: in its own policies, and in those that are attached to it."""
    properties = _properties(template, logical_id)
    documents: Documents = []
    for policy in template.listed(properties.get("Policies")):
        documents.append((template, policy.get("PolicyDocument")))
    managed = _managed(assembly)
    for arn in _attached_arns(template, properties):
        if arn in managed:
            where, policy_id = managed[arn]
            documents.append((where, _properties(where, policy_id).get("PolicyDocument")))
    kind = _KINDS[str(template.resources[logical_id].get("Type"))]
    for name in sorted(_own_names(template, logical_id, _NAMES[kind])):
        documents += _index(assembly).documents.get((kind, name), [])
    return tuple(one for where, document in documents for one in parse(where.plain(document)))


@lru_cache(maxsize=64)
def _resource_statements(assembly: Assembly) -> tuple[Statement, ...]:
    """Those of bucket policies and of key policies, whose `*` is their key."""
    found = [
        statement
        for template in assembly
        for _, resource in template.of_type("AWS::S3::BucketPolicy")
        for statement in parse(template.plain(resource.get("Properties", {}).get("PolicyDocument")))
    ]
    for template in assembly:
        for logical_id, resource in template.of_type("AWS::KMS::Key"):
            key = (template.symbol(f"{logical_id}.Arn"),)
            policy = template.branch(resource.get("Properties", {}).get("KeyPolicy"))
            if policy is not None:
                parts = parse(template.plain(policy))
                found += [replace(one, resources=key, not_resources=()) for one in parts]
    return tuple(found)


@lru_cache(maxsize=64)
def _roles(assembly: Assembly) -> dict[str, tuple[Template, str]]:
    """The roles of the templates, by every way that their ARN is written."""
    return {
        arn: (template, logical_id)
        for template in assembly
        for logical_id, _ in template.of_type("AWS::IAM::Role")
        for arn in arns_of(template, logical_id)
    }


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
        given = self.template.branch(self.properties.get("ExecutionRoleArn"))
        if given is None:
            return None
        target = self.template.reference(given)
        found = (self.template, target) if target is not None else None
        if found is None or self.template.resources[str(target)].get("Type") != "AWS::IAM::Role":
            found = _roles(self.assembly).get(self.template.text(given))
        if found is None or not found[0].exists(str(found[1])):
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
def holders(assembly: Assembly) -> dict[tuple[str, str], tuple[Interpreter, ...]]:
    """Who has each execution role of the templates, by the role's scope and logical id.

    An interpreter whose role cannot be told is left out: what is asked about itself says so.
    """
    found: dict[tuple[str, str], tuple[Interpreter, ...]] = {}
    for template in assembly:
        for logical_id, _ in template.of_type(TYPE):
            one = Interpreter(template, logical_id, assembly)
            try:
                role = one.role
            except Undecided:
                raise
            except UnresolvedError:
                continue
            if role is not None:
                key = (role.template.scope, role.logical_id)
                found[key] = (*found.get(key, ()), one)
    return found
