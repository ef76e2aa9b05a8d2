"""What is deployed: the records that deployments leave."""

from collections.abc import Sequence
from dataclasses import dataclass

from interpreter_fleet.manifest import PARAMETER_ROOT, Record, RecordError, parameter_path

from .clients import AwsError, Clients, words


class DiscoverError(RuntimeError):
    """The fleet cannot be read; the message says what was looked for and found."""


class NothingRecordedError(DiscoverError):
    """No deployment has left a record where one was looked for."""


@dataclass(frozen=True)
class Unreadable:
    """A parameter that should hold a record and does not."""

    parameter: str
    text: str

    @property
    def todo(self) -> str:
        """What to do about it."""
        return (
            "nothing looks at its interpreter until it is written again, as the template of its stack has it;"
            " see in CloudTrail who wrote it (PutParameter)"
        )


def records(
    clients: Clients, fleet: str | None, only: Sequence[str], unreadable: list[Unreadable] | None = None
) -> list[Record]:
    """The records of one fleet, or of all in this account and region; by name. DiscoverError if none.

    What cannot be read is added to `unreadable`; without it, it is a DiscoverError.
    """
    path = parameter_path(fleet) if fleet else PARAMETER_ROOT
    found: list[Record] = []
    try:
        pages = clients.ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
        for page in pages:
            for one in page.get("Parameters", ()):
                try:
                    found.append(Record.from_json(one["Value"], one["Name"]))
                except RecordError as error:
                    if unreadable is None:
                        raise DiscoverError(f"a record cannot be read: {error}") from error
                    unreadable.append(Unreadable(one["Name"], f"the record cannot be read: {error}"))
    except AwsError as error:
        raise DiscoverError(f"the records under {path} cannot be read: {words(error)}") from error
    if not found and not unreadable:
        raise NothingRecordedError(
            f"no interpreter is recorded under {path} in {clients.region} at {clients.endpoint}; "
            "deploy the fleet first, or name another --fleet or --region"
        )
    names = sorted({record.base for record in found})
    # What stands where a record should be is a finding, and no wrong name.
    broken = {one.parameter.rpartition("/")[2] for one in unreadable or ()}
    if unknown := sorted(set(only) - set(names) - broken):
        raise DiscoverError(f"no interpreter {unknown[0]!r} is recorded; there are {', '.join(names)}")
    return sorted(
        (record for record in found if not only or record.base in only),
        key=lambda record: (record.fleet, record.base),
    )
