"""What is deployed: the records that deployments leave."""

from collections.abc import Sequence

from interpreter_fleet.manifest import PARAMETER_ROOT, Record, RecordError, parameter_path

from .clients import AwsError, Clients, words


class DiscoverError(RuntimeError):
    """The fleet cannot be read; the message says what was looked for and found."""


class NothingRecordedError(DiscoverError):
    """No deployment has left a record where one was looked for."""


def records(clients: Clients, fleet: str | None, only: Sequence[str]) -> list[Record]:
    """The records of one fleet, or of all in this account and region; by name. DiscoverError if none."""
    path = parameter_path(fleet) if fleet else PARAMETER_ROOT
    found: list[Record] = []
    try:
        pages = clients.ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
        for page in pages:
            found += [Record.from_json(one["Value"], one["Name"]) for one in page["Parameters"]]
    except RecordError as error:
        raise DiscoverError(f"a record cannot be read: {error}") from error
    except AwsError as error:
        raise DiscoverError(f"the records under {path} cannot be read: {words(error)}") from error
    if not found:
        raise NothingRecordedError(
            f"no interpreter is recorded under {path} in {clients.region} at {clients.endpoint}; "
            "deploy the fleet first, or name another --fleet or --region"
        )
    names = sorted({record.base for record in found})
    if unknown := sorted(set(only) - set(names)):
        raise DiscoverError(f"no interpreter {unknown[0]!r} is recorded; there are {', '.join(names)}")
    return sorted(
        (record for record in found if not only or record.base in only),
        key=lambda record: (record.fleet, record.base),
    )
