"""What is deployed: the records that deployments leave, then each interpreter as the API has it."""

from collections.abc import Sequence
from dataclasses import dataclass

from interpreter_fleet.manifest import PARAMETER_ROOT, Record, RecordError, parameter_path

from .clients import AwsError, Clients, is_telling, words
from .pace import Pace
from .verdict import Verdict


class DiscoverError(RuntimeError):
    """The fleet cannot be read; the message says what was looked for and found."""


@dataclass(frozen=True)
class Deployed:
    """One interpreter: its record, and whether the API agrees with it."""

    record: Record
    verdict: Verdict
    detail: str


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
        raise DiscoverError(
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


def inspect(clients: Clients, pace: Pace, record: Record) -> Deployed:
    """Compares a record with GetCodeInterpreter: status, network mode, execution role."""
    pace.wait("GetCodeInterpreter")
    try:
        got = clients.control.get_code_interpreter(codeInterpreterId=record.id)
    except AwsError as error:
        verdict = Verdict.FAIL if is_telling(error) else Verdict.COULD_NOT_TELL
        return Deployed(record, verdict, words(error))
    mode = got["networkConfiguration"]["networkMode"]
    wrong = [
        f"{what} is {found}, the record says {recorded}"
        for what, found, recorded in (
            ("status", got["status"], "READY"),
            ("network mode", mode, record.network_mode),
            ("execution role", got.get("executionRoleArn"), record.role_arn),
        )
        if found != recorded
    ]
    if wrong:
        return Deployed(record, Verdict.FAIL, "; ".join(wrong))
    return Deployed(record, Verdict.PASS, "")
