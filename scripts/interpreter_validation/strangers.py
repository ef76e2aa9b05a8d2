"""What records do not tell: who else uses a fleet's roles, names or tags, and whether they are true."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreter_fleet.manifest import Record

from . import stacks
from .clients import AwsError, Clients, code_of, words
from .pace import Pace
from .places import FLEET_TAG
from .verdict import Verdict


@dataclass(frozen=True)
class Stranger:
    """Something that uses the fleet's roles, names or tags and is in no record, or a record that is not true.

    `kind` is `interpreter`, `record`, or `could-not-tell` when nobody may look.
    """

    kind: str
    id: str
    detail: str
    todo: str

    @property
    def verdict(self) -> Verdict:
        """A finding, unless nobody could look."""
        return Verdict.COULD_NOT_TELL if self.kind == "could-not-tell" else Verdict.FAIL


def strangers(
    clients: Clients, pace: Pace, records: Sequence[Record], owners: Sequence[Record]
) -> list[Stranger]:
    """Interpreters of the account and Region that are in no record and use the name, role or tag of an owner,
    and records that are not what the owners' stacks have made.

    `records` are those of all fleets. Needs ListCodeInterpreters, and GetCodeInterpreter on all of them.
    """
    held = stacks.hold(clients, records, owners)
    known = {record.id for record in records} | held.made
    bases = {record.base: record for record in owners}
    roles = {record.role_arn: record for record in owners}
    found = [Stranger("record", one.record, one.detail, one.todo) for one in held.doubts]
    todo = "allow cloudformation:ListStackResources and GetTemplate to whoever runs this"
    found += [Stranger("could-not-tell", "", problem, todo) for problem in held.problems]
    try:
        pages = clients.control.get_paginator("list_code_interpreters").paginate(
            type="CUSTOM", PaginationConfig={"PageSize": 100}
        )
        listed = [one for page in pages for one in page["codeInterpreterSummaries"]]
        for one in listed:
            if one["codeInterpreterId"] in known or one["status"] in ("DELETING", "DELETED"):
                continue
            stranger = _stranger(clients, pace, one, bases, roles)
            if stranger:
                found.append(stranger)
    except AwsError as error:
        todo = "allow bedrock-agentcore:ListCodeInterpreters and GetCodeInterpreter to whoever runs this"
        found.append(Stranger("could-not-tell", "", f"strangers were not looked for: {words(error)}", todo))
    return found


def _stranger(
    clients: Clients,
    pace: Pace,
    one: Mapping[str, Any],
    bases: Mapping[str, Record],
    roles: Mapping[str, Record],
) -> Stranger | None:
    identifier = str(one["codeInterpreterId"])
    base, separator, _ = str(one.get("name", "")).rpartition("__")
    pace.wait("GetCodeInterpreter")
    try:
        role = clients.control.get_code_interpreter(codeInterpreterId=identifier).get("executionRoleArn")
    except AwsError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None  # Deleted since it was listed.
        raise
    if role in roles:
        owner = roles[role]
        detail = (
            f"{identifier} uses the execution role of {owner.base} (fleet {owner.fleet}) and is in no record"
        )
    elif separator and base in bases:
        owner = bases[base]
        detail = f"{identifier} has the name of {owner.base} (fleet {owner.fleet}) and is in no record"
    else:
        by_tag = _tagged(clients, pace, one, roles.values())
        if by_tag is None:
            return None
        owner = by_tag
        detail = f"{identifier} has the tag {FLEET_TAG}={owner.fleet} and is in no record"
    return Stranger(
        "interpreter",
        identifier,
        detail,
        f"if no deployment of {owner.stack} is running, find out in CloudTrail who created it, and delete it:"
        " whoever may invoke it holds what its execution role allows",
    )


def _tagged(clients: Clients, pace: Pace, one: Mapping[str, Any], owners: Iterable[Record]) -> Record | None:
    """One record of the fleet that an interpreter's tag names, if it is one of ours."""
    pace.wait("ListTagsForResource")
    tags = clients.control.list_tags_for_resource(resourceArn=one["codeInterpreterArn"]).get("tags") or {}
    return next((owner for owner in owners if owner.fleet == tags.get(FLEET_TAG)), None)
