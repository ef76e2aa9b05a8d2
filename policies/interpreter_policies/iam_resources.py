"""IAM resources of templates, and how they hang together: by reference, by name, by ARN."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from .iam.document import DocumentError, Statement, parse
from .template import Template

Assembly = tuple[Template, ...]
# A resource of a template: where it is, and its logical id.
Place = tuple[Template, str]
_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")
# The partitions that are known by name (AWS docs, ARN format).
_PARTITION = re.compile(r"arn:(?:aws|aws-cn|aws-us-gov):")
_ACCOUNT = "arn:{}:iam::<AWS::AccountId>:{}"
# Where a policy that is a resource of its own says whom it is attached to: one list, one name.
_ATTACHED = {
    "Roles": ("RoleName", "AWS::IAM::RolePolicy"),
    "Users": ("UserName", "AWS::IAM::UserPolicy"),
    "Groups": ("GroupName", "AWS::IAM::GroupPolicy"),
}
KINDS = {"AWS::IAM::Role": "Roles", "AWS::IAM::User": "Users", "AWS::IAM::Group": "Groups"}
_NAMES = {"Roles": "RoleName", "Users": "UserName", "Groups": "GroupName"}


def referred(template: Template, value: Any) -> Iterable[str]:
    """The logical ids that a value refers to, anywhere in it."""
    target = template.reference(value) if isinstance(value, dict) else None
    if target is not None:
        yield target
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from referred(template, part)
    if isinstance(value, str):
        yield from (name.partition(".")[0] for name in _SUBSTITUTED.findall(value))


def arns_of(template: Template, logical_id: str) -> frozenset[str]:
    """Every way that templates write the ARN of a role or managed policy of theirs."""
    properties = properties_of(template, logical_id)
    if template.resources[logical_id].get("Type") == "AWS::IAM::ManagedPolicy":
        symbols, kind, name = {logical_id, f"{logical_id}.PolicyArn"}, "policy", "ManagedPolicyName"
    else:
        symbols, kind, name = {f"{logical_id}.Arn"}, "role", "RoleName"
    found = {template.symbol(one) for one in symbols}
    path = template.text(properties.get("Path", "/"))
    for own in names_of(template, logical_id, name):
        if not own.startswith("<") or kind == "role":
            found |= {
                _ACCOUNT.format(partition, f"{kind}{path}{own}") for partition in ("<AWS::Partition>", "aws")
            }
    return frozenset(found)


def read(template: Template, document: Any) -> tuple[Statement, ...]:
    """The statements of a policy document as written; a partition that it writes out is the own one.

    A request never leaves its partition: elsewhere an ARN with this one's name would mean nothing.
    """
    return tuple(map(_in_own_partition, parse(template.plain(document))))


def _in_own_partition(statement: Statement) -> Statement:
    def own(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            _PARTITION.sub("arn:<AWS::Partition>:", one) if one[:4] == "arn:" else one for one in texts
        )

    return replace(
        statement,
        resources=own(statement.resources),
        not_resources=own(statement.not_resources),
        conditions=tuple(replace(one, values=own(one.values)) for one in statement.conditions),
    )


def names_of(template: Template, logical_id: str, name: str) -> set[str]:
    properties = properties_of(template, logical_id)
    given = template.branch(properties.get(name))
    found = {template.symbol(logical_id)} | ({template.text(given)} if given is not None else set())
    if name == "RoleName":
        # The last part of its ARN, as Fn::Select of Fn::Split gives it.
        found.add(
            template.symbol(f"{logical_id}.Arn /{template.text(properties.get('Path', '/')).count('/')}")
        )
    return found


def properties_of(template: Template, logical_id: str) -> dict[str, Any]:
    return dict(template.resources[logical_id].get("Properties", {}))


def attached_arns(template: Template, properties: dict[str, Any]) -> list[str]:
    return [template.text(arn) for arn in template.listed(properties.get("ManagedPolicyArns"))]


@lru_cache(maxsize=64)
def managed_policies(assembly: Assembly) -> dict[str, Place]:
    """The managed policies of the templates, by every way that their ARN is written."""
    return {
        arn: (template, logical_id)
        for template in assembly
        for logical_id in template.possible("AWS::IAM::ManagedPolicy")
        for arn in arns_of(template, logical_id)
    }


@dataclass(frozen=True)
class Attachments:
    """Policies that are resources of their own: by whom they are attached to, and all of them."""

    attached: dict[tuple[str, str], list[Place]]
    policies: tuple[tuple[Place, tuple[tuple[str, str], ...]], ...]
    names: dict[str, frozenset[str]]


@lru_cache(maxsize=64)
def attachments(assembly: Assembly) -> Attachments:
    """Raises UnresolvedError for a policy that may be attached to anybody."""
    attached: dict[tuple[str, str], list[Place]] = {}
    policies = []
    names: dict[str, set[str]] = {kind: set() for kind in _NAMES}
    types = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", *(one for _, one in _ATTACHED.values()))
    for template in assembly:
        for resource_type, kind in KINDS.items():
            for logical_id in template.possible(resource_type):
                names[kind] |= names_of(template, logical_id, _NAMES[kind])
        for logical_id in template.possible(*types):
            properties = properties_of(template, logical_id)
            targets = []
            for kind, (single, _) in _ATTACHED.items():
                given = [*template.listed(properties.get(kind)), *template.listed(properties.get(single))]
                targets += [(kind, template.text(one)) for one in given]
            policies.append(((template, logical_id), tuple(targets)))
            for target in targets:
                attached.setdefault(target, []).append((template, logical_id))
    return Attachments(attached, tuple(policies), {kind: frozenset(found) for kind, found in names.items()})


def written(assembly: Assembly, template: Template, logical_id: str) -> tuple[Statement, ...]:
    """The statements of an identity: in its own policies, and in those that are attached to it."""
    properties = properties_of(template, logical_id)
    own = []
    for one in template.listed(properties.get("Policies")):
        if not isinstance(one, dict):
            raise DocumentError(
                f"Policies of {logical_id} hold {one!r}, expected PolicyName and PolicyDocument"
            )
        own.append((template, one.get("PolicyDocument")))
    managed = managed_policies(assembly)
    places = [managed[arn] for arn in attached_arns(template, properties) if arn in managed]
    kind = KINDS[str(template.resources[logical_id].get("Type"))]
    for name in sorted(names_of(template, logical_id, _NAMES[kind])):
        places += attachments(assembly).attached.get((kind, name), [])
    # Only of what is attached to it is the condition asked.
    own += [
        (where, properties_of(where, one).get("PolicyDocument")) for where, one in places if where.exists(one)
    ]
    return tuple(one for where, document in own for one in read(where, document))


@lru_cache(maxsize=64)
def roles(assembly: Assembly) -> dict[str, Place]:
    """The roles of the templates, by every way that their ARN is written."""
    return {
        arn: (template, logical_id)
        for template in assembly
        for logical_id in template.possible("AWS::IAM::Role")
        for arn in arns_of(template, logical_id)
    }
