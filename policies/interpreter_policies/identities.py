"""Who is allowed something in templates: roles, users, groups, and policies that others have."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from .iam.document import Statement
from .iam_resources import (
    KINDS,
    Assembly,
    arns_of,
    attached_arns,
    attachments,
    managed_policies,
    names_of,
    properties_of,
    read,
    written,
)
from .template import Template, UnresolvedError

# Resources that make an identity with policies of its own, and what evidence calls it.
_OTHERS = {
    "AWS::Serverless::Function": "function",
    "AWS::Serverless::StateMachine": "state machine",
    "AWS::SSO::PermissionSet": "permission set",
}
# Where kinds of identities keep the policies that are written in them.
_DOCUMENTS = {
    "policy": "PolicyDocument",
    "function": "Policies",
    "state machine": "Policies",
    "permission set": "InlinePolicy",
}


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
        if self.kind in _DOCUMENTS:
            documents = [one for one in self._own if isinstance(one, dict) and "Statement" in one]
            return tuple(one for document in documents for one in read(self.template, document))
        members = (self.logical_id, *(one for one in self._groups if one in self.template.resources))
        return tuple(one for name in members for one in written(self.assembly, self.template, name))

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Its managed policies, groups and the like that are not in the templates."""
        properties = properties_of(self.template, self.logical_id)
        managed = managed_policies(self.assembly)
        if self.kind in _DOCUMENTS:
            other = [one for one in self._own if not (isinstance(one, dict) and "Statement" in one)]
            named = (str(self.template.plain(one)) for one in other)
            sets = [
                self.template.text(arn) for arn in self.template.listed(properties.get("ManagedPolicies"))
            ]
            customer = self.template.listed(properties.get("CustomerManagedPolicyReferences"))
            return (*named, *sets, *(str(self.template.plain(one)) for one in customer))
        arns = (arn for arn in attached_arns(self.template, properties) if arn not in managed)
        outside = (one for one in self._groups if one not in self.template.resources)
        return (*arns, *(f"group {one}" for one in outside))

    @cached_property
    def boundary(self) -> tuple[Statement, ...] | None:
        """Its permissions boundary, None if it has none; UnresolvedError if it is not in the templates."""
        given = self.template.branch(properties_of(self.template, self.logical_id).get("PermissionsBoundary"))
        if given is None:
            return None
        # A permission set's boundary is an object, and kept elsewhere.
        arn = str(self.template.plain(given))
        found = managed_policies(self.assembly).get(arn)
        if found is None:
            raise UnresolvedError(f"{self.title} has the boundary {arn}, which is not in the templates")
        return read(found[0], properties_of(*found).get("PolicyDocument"))

    @property
    def _own(self) -> list[Any]:
        """The policies that are written in it."""
        properties = properties_of(self.template, self.logical_id)
        if self.kind in ("function", "state machine") and "Role" in properties:
            return []  # its policies are that role's then
        return self.template.listed(properties.get(_DOCUMENTS[self.kind]))

    @cached_property
    def _groups(self) -> list[str]:
        """The groups of a user: logical ids of those in its template, names of the others."""
        if self.kind != "user":
            return []
        given = self.template.listed(properties_of(self.template, self.logical_id).get("Groups"))
        names = names_of(self.template, self.logical_id, "UserName")
        for template in self.assembly:
            for logical_id in template.possible("AWS::IAM::UserToGroupAddition"):
                added = properties_of(template, logical_id)
                if names & {template.text(one) for one in template.listed(added.get("Users"))}:
                    given = [*given, added.get("GroupName")]
        return [self.template.reference(one) or self.template.text(one) for one in given]


@lru_cache(maxsize=64)
def identities(assembly: Assembly) -> tuple[Identity, ...]:
    """Every identity of the templates. UnresolvedError if a policy may be attached to anybody."""
    found = [
        Identity(kind.rpartition(":")[2].lower(), template, logical_id, assembly)
        for template in assembly
        for kind in KINDS
        for logical_id in template.possible(kind)
    ]
    found += [
        Identity(kind, template, logical_id, assembly)
        for template in assembly
        for resource_type, kind in _OTHERS.items()
        for logical_id in template.possible(resource_type)
    ]
    return (*found, *_attached_elsewhere(assembly, found))


def _attached_elsewhere(assembly: Assembly, found: list[Identity]) -> Iterable[Identity]:
    """The policies that no identity of the templates has, as policy or as boundary: somebody outside may."""
    known = {(kind, name) for kind, names in attachments(assembly).names.items() for name in names}
    taken: set[str] = set()
    for one in found:
        properties = properties_of(one.template, one.logical_id)
        try:
            taken |= {*attached_arns(one.template, properties)}
            taken |= {
                one.template.text(arn) for arn in one.template.listed(properties.get("PermissionsBoundary"))
            }
        except UnresolvedError:
            continue  # then the policy is asked about by itself
    for (template, logical_id), targets in attachments(assembly).policies:
        here = any(target in known for target in targets)
        if not here and (targets or arns_of(template, logical_id).isdisjoint(taken)):
            yield Identity("policy", template, logical_id, assembly)
