"""What a deployment has changed while the canary ran: an interpreter that was replaced then is no failure."""

import dataclasses
from collections.abc import Callable, Sequence

from interpreter_fleet.manifest import Record

from .clients import Clients
from .discover import DiscoverError, records
from .result import Canary
from .verdict import Verdict


def again(
    clients: Clients, canaries: Sequence[Canary], run: Callable[[list[Record]], list[Canary]]
) -> list[Canary]:
    """The same canaries; those that did not pass and have another record now were tried on what it names.

    One whose record is gone is could-not-tell. `run` makes canaries of records, in their order. Where the
    records cannot be read any more, all stays as it was found.
    """
    if all(one.verdict is Verdict.PASS for one in canaries):
        return list(canaries)
    try:
        now = {one.parameter: one for one in records(clients, None, (), [])}
    except DiscoverError:
        return list(canaries)
    moved = [
        now[one.record.parameter]
        for one in canaries
        if one.verdict is not Verdict.PASS and now.get(one.record.parameter, one.record).id != one.record.id
    ]
    tried = {one.record.parameter: one for one in (run(moved) if moved else ())}
    return [
        tried.get(one.record.parameter, one) if one.record.parameter in now else _gone(one)
        for one in canaries
    ]


def _gone(canary: Canary) -> Canary:
    """Its record was there when the run began."""
    detail = f"{canary.record.parameter} was deleted while the canary ran, so nobody says what is declared"
    results = tuple(
        one
        if one.verdict is Verdict.PASS
        else dataclasses.replace(one, verdict=Verdict.COULD_NOT_TELL, detail=f"{detail}; found: {one.detail}")
        for one in canary.results
    )
    return dataclasses.replace(canary, results=results)
