"""What resources allow by policies of their own: buckets, keys, secrets, queues, the trust of roles."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from .iam.document import DocumentError, Statement
from .iam_resources import Assembly, Place, arns_of, names_of, read
from .template import Template

# Operators that an absent key does not pass.
_BINDING = frozenset({"ArnEquals", "ArnLike", "StringEquals", "StringLike"})
# Keys that only a service's request carries (AWS global condition keys): a role's own never meets them.
_OF_SERVICES = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceowner"})
# What an interpreter works with: a condition on keys of services is not relied upon there.
_DATA = ("AWS::S3::BucketPolicy", "AWS::KMS::Key")
_ARN_OF_ROLE = re.compile(r"arn:(?:<[^<>]+>|[^:<])+:iam::(?:<[^<>]+>|[^:<]+):(role/.+)")
# One session of a role, which is named without the role's path.
_ARN_OF_SESSION = re.compile(r"arn:(?:<[^<>]+>|[^:<])+:sts::(?:<[^<>]+>|[^:<]+):assumed-role/([^/]+)/.+")
# A policy may be written as a text (CloudFormation registry: "object", "string").
_IN_TEXT = '"Statement"'


def _after_account(arn: str) -> str:
    """`role/path/name` of a role's ARN; the text itself if it is none."""
    found = _ARN_OF_ROLE.fullmatch(arn)
    return found[1] if found else arn


def granted_to(template: Template, logical_id: str, assembly: Assembly) -> Iterable[Statement]:
    """What resources of the templates allow a role of theirs, which its own policies need not."""
    mine = arns_of(template, logical_id)
    # Written with another partition or account it may be this role all the same.
    names = {*mine, *map(_after_account, mine)}
    short = names_of(template, logical_id, "RoleName")

    def means(name: str) -> bool:
        session = _ARN_OF_SESSION.fullmatch(name)
        return name in names or _after_account(name) in names or bool(session and session[1] in short)

    for grant in grants(assembly):
        named = any(map(means, grant.names))
        if not (named or "*" in grant.names) or grant.place == (template, logical_id):
            continue
        if grant.place[0].exists(grant.place[1]):
            statement = grant.statement()
            if named or not _for_others(statement, means, grant.kind):
                yield statement


def _for_others(statement: Statement, means: Callable[[str], bool], kind: str) -> bool:
    """Whether a statement for everybody is met by others only: named principals, or services."""
    for one in statement.conditions:
        if one.operator not in _BINDING:
            continue
        if one.key in _OF_SERVICES and kind not in _DATA:
            return True
        if one.key == "aws:principalarn" and not any(set("*?$") & set(value) for value in one.values):
            return not any(map(means, one.values))
    return False


@dataclass(frozen=True)
class Grant:
    """One Allow of a resource's own policy: whom it names, and the rest as written."""

    place: Place
    names: frozenset[str]
    raw: dict[str, Any] = field(hash=False)
    version: Any = None

    @property
    def kind(self) -> str:
        """The type of the resource."""
        template, logical_id = self.place
        return str(template.resources[logical_id].get("Type"))

    def statement(self) -> Statement:
        """Read; without a resource, or with `*`, it is about the resource that has the policy."""
        template, logical_id = self.place
        document = {"Version": self.version or "2008-10-17", "Statement": self.raw}
        (found,) = read(template, document)
        if found.resources in ((), ("*",)) and not found.not_resources:
            return replace(found, resources=(template.symbol(f"{logical_id}.Arn"),))
        return found


@lru_cache(maxsize=64)
def grants(assembly: Assembly) -> tuple[Grant, ...]:
    """Every Allow with a Principal, wherever a resource of the templates has one: its policy, its trust."""
    return tuple(
        Grant((template, logical_id), names, raw, version)
        for template in assembly
        for logical_id, resource in template.resources.items()
        # An endpoint's policy allows nobody anything: it limits.
        if resource.get("Type") != "AWS::EC2::VPCEndpoint" and template.may_exist(logical_id)
        for raw, version in _allowing(template, resource.get("Properties"))
        if (names := _named(template.plain(raw.get("Principal", "*"))))
    )


def _allowing(template: Template, value: Any) -> Iterable[tuple[dict[str, Any], Any]]:
    """The Allow statements with a principal, and their documents' versions, anywhere in a property."""
    if _is_in_text(value):
        try:
            value = json.loads(template.text(value))
        except ValueError as error:
            raise DocumentError(f"a policy written as text is no JSON: {error}") from error
    if isinstance(value, dict):
        if "Statement" in value:
            for one in template.listed(value["Statement"]):
                named = isinstance(one, dict) and ("Principal" in one or "NotPrincipal" in one)
                if named and one.get("Effect") != "Deny":
                    yield one, value.get("Version")
        for part in value.values():
            yield from _allowing(template, part)
    elif isinstance(value, list):
        for part in value:
            yield from _allowing(template, part)


def _is_in_text(value: Any) -> bool:
    """Whether a policy is written as a text here, by itself or in Fn::Sub or Fn::Join."""
    if isinstance(value, dict):
        function, argument = next(iter(value.items()), ("", None))
        if len(value) > 1 or function not in ("Fn::Sub", "Fn::Join"):
            return False
        return (
            _IN_TEXT in str(argument) and _first_text(argument, 0 if function == "Fn::Sub" else 1)[:1] == "{"
        )
    return isinstance(value, str) and _IN_TEXT in value and value.lstrip()[:1] == "{"


def _first_text(argument: Any, at: int) -> str:
    """What the text of Fn::Sub or Fn::Join begins with."""
    while isinstance(argument, list) and len(argument) > at:
        argument, at = argument[at], 0
    return argument.lstrip() if isinstance(argument, str) else ""


def _named(principal: Any) -> frozenset[str]:
    """The AWS principals that a statement names, `*` among them; a service is none."""
    found = principal.get("AWS", []) if isinstance(principal, dict) else principal
    return frozenset(str(one) for one in (found if isinstance(found, list) else [found]))
