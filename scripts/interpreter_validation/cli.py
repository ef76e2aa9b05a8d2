"""interpreter-validate: proves what is deployed."""

import argparse
import random
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from interpreter_fleet.manifest import Record

from . import (
    assembly,
    command_line,
    declared,
    interrupts,
    meanwhile,
    permissions,
    preflight,
    quotas,
    reports,
    runner,
    runs,
    strangers,
    sweep,
)
from .clients import AwsError, Clients, connect, words
from .discover import DiscoverError, NothingRecordedError, Unreadable, records
from .live import Live
from .pace import Pace
from .reports import output
from .result import Canary
from .session import Sessions
from .settings import Settings, outside_of
from .verdict import COULD_NOT_RUN, FINDING, INTERRUPTED, LEAKED, OK, USAGE, Verdict


@dataclass
class _Outcome:
    """What a command has found so far."""

    readiness: preflight.Preflight | None = None
    canaries: list[Canary] = field(default_factory=list)
    strangers: list[dict[str, str]] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    interrupted: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    options = command_line.parser().parse_args(argv)
    if options.command == "show":
        return _show(options)
    if options.command == "permissions":
        return _permissions(options)
    console = reports.console(stderr=output.log(options))
    try:
        output.prepare(options)
    except (OSError, reports.ReportError) as error:
        print(f"validate.py: could not run: {error}", file=sys.stderr)
        return COULD_NOT_RUN
    try:
        with interrupts.once():
            return _validate(options, console)
    except (DiscoverError, assembly.AssemblyError, reports.ReportError, *AwsError) as error:
        return _could_not_run(options, words(error) if isinstance(error, AwsError) else str(error))
    except KeyboardInterrupt:
        return _could_not_run(options, "interrupted; no session is open", INTERRUPTED)
    except Exception:  # noqa: BLE001 - Python's own exit status would be that of a finding
        traceback.print_exc()
        return _could_not_run(options, "this is a bug of validate.py")


def _validate(options: argparse.Namespace, console: Console) -> int:
    began, started = time.monotonic(), _now()
    try:
        clients = connect(
            region=options.region,
            profile=options.profile,
            endpoint_url=options.endpoint_url,
            pool=options.concurrency + 1,
            timeout=options.timeout,
        )
    except ValueError as error:
        # What botocore makes of an endpoint without a scheme, of a number that is none.
        raise DiscoverError(f"a setting of the AWS tools, or --endpoint-url, is wrong: {error}") from error
    stacks = assembly.read(options.assembly) if getattr(options, "assembly", None) else None
    canceled = threading.Event()
    # An interrupted run waits for no turn.
    pace = Pace({}, options.share, sleep=canceled.wait)
    pace.watch(*clients.all())
    limits = quotas.look_up(clients)
    pace.keep_under(limits.per_second)
    outcome = _Outcome()
    # One that cannot be read is a finding for a canary; for a sweep its interpreter would be a stray.
    # A preflight that has an assembly needs no record.
    known = options.command in ("canary", "all") or (options.command == "preflight" and stacks is not None)
    unreadable: list[Unreadable] | None = [] if known else None
    found = _recorded(options, clients, unreadable, needless=stacks is not None)
    for one in (unreadable or ()) if options.command != "preflight" else ():
        outcome.strangers.append(
            {"kind": "record", "id": one.parameter, "detail": one.text, "todo": one.todo}
        )
        outcome.verdicts.append(Verdict.FAIL)
    run = runs.new()
    sessions = Sessions(clients, pace, run, canceled)
    if options.command in ("preflight", "all"):
        outcome.readiness = preflight.check(
            clients,
            limits,
            stacks=stacks,
            recorded=found,
            concurrency=options.concurrency,
            share=options.share,
            probes=options.probe,
        )
        if options.request_increase:
            outcome.readiness = preflight.with_increases(clients, limits, outcome.readiness)
        outcome.verdicts += [row.verdict for row in outcome.readiness.rows]
    # Without room there is nothing to prove, and the canary would take what agents need.
    full = outcome.readiness is not None and any(
        row.verdict is Verdict.FAIL for row in outcome.readiness.rows
    )
    try:
        if options.command == "sweep":
            _sweep(options, clients, sessions, found, outcome)
        if options.command in ("canary", "all") and not full:
            _canaries(options, clients, found, sessions, console, outcome)
        if options.command == "all" and full:
            detail = "the canary did not run: preflight found that there is no room, or something missing"
            outcome.strangers.append({"kind": "unknown", "id": "", "detail": detail, "todo": ""})
            outcome.verdicts.append(Verdict.COULD_NOT_TELL)
    except KeyboardInterrupt:
        outcome.interrupted = True
    finally:
        # The run ends here anyway: nothing is to keep it from closing what is open, and from saying so.
        interrupts.ignore()
        sessions.settle()
    outcome.swept += sessions.swept
    outcome.leaked += sessions.leaked
    exit_code = _exit_code(outcome)
    result = reports.value(
        command=options.command,
        run=run,
        endpoint=clients.endpoint,
        region=clients.region,
        account=_account(clients),
        started=started,
        finished=_now(),
        seconds=round(time.monotonic() - began, 3),
        preflight=outcome.readiness.to_dict() if outcome.readiness else None,
        canaries=outcome.canaries,
        strangers=outcome.strangers,
        swept=outcome.swept,
        leaked=outcome.leaked,
        calls=pace.calls,
        throttled=pace.throttled,
        exit_code=exit_code,
    )
    return _write(options, result)


def _could_not_run(options: argparse.Namespace, text: str, exit_code: int = COULD_NOT_RUN) -> int:
    """Says so in every report that was asked for: an older one in its place would be taken for this run's."""
    said = text if exit_code == INTERRUPTED else f"could not run: {text}"
    print(f"validate.py: {said}", file=sys.stderr)
    result = reports.value(
        command=options.command,
        run=runs.new(),
        endpoint=options.endpoint_url or "",
        region=options.region or "",
        account="",
        started=_now(),
        finished=_now(),
        seconds=0.0,
        canaries=(),
        strangers=[{"kind": "unknown", "id": "", "detail": said, "todo": ""}],
        exit_code=exit_code,
    )
    try:
        output.write(options, result, table=False)
    except (OSError, reports.ReportError) as error:
        print(f"validate.py: cannot write the report: {error}", file=sys.stderr)
    return exit_code


def _recorded(
    options: argparse.Namespace, clients: Clients, unreadable: list[Unreadable] | None, *, needless: bool
) -> list[Record]:
    """The recorded interpreters; none is no error for a first preflight and for a sweep."""
    try:
        return records(clients, options.fleet, options.only, unreadable)
    except NothingRecordedError:
        if options.command == "sweep" or (options.command == "preflight" and needless):
            return []
        raise


def _chosen(options: argparse.Namespace, found: list[Record], earlier: dict[str, Any] | None) -> list[Record]:
    """Of what is recorded; `earlier` is the report of --since-failure."""
    # A run that could not be made has tried nothing, so nothing has passed.
    if earlier and earlier["interpreters"]:
        failed = {
            (one["fleet"], one["interpreter"])
            for one in earlier["interpreters"]
            if one["verdict"] != Verdict.PASS.value
        }
        found = [record for record in found if (record.fleet, record.base) in failed]
    if options.sample and options.sample < len(found):
        chosen = set(random.sample(range(len(found)), options.sample))
        found = [record for place, record in enumerate(found) if place in chosen]
    return found


def _earlier(file: Path | None) -> dict[str, Any] | None:
    """A JSON report. DiscoverError if it cannot be read."""
    try:
        return reports.load(file) if file else None
    except OSError as error:
        raise DiscoverError(f"{file}: {error.strerror}") from error


def _canaries(
    options: argparse.Namespace,
    clients: Clients,
    recorded: list[Record],
    sessions: Sessions,
    console: Console,
    outcome: _Outcome,
) -> None:
    earlier = _earlier(options.since_failure)
    found = _chosen(options, recorded, earlier)
    # Siblings count, whichever of them are tried.
    everyone = records(clients, None, (), [])
    told = Settings(tuple(options.outside) or outside_of(clients.endpoint), tuple(everyone))
    with Live(console, len(found)) as live:
        outcome.canaries, outcome.interrupted = runner.run(
            sessions, found, options.concurrency, live.done, probes=options.probe, settings=told
        )

    def retry(moved: list[Record]) -> list[Canary]:
        canaries, outcome.interrupted = runner.run(
            sessions, moved, options.concurrency, lambda _: None, probes=options.probe, settings=told
        )
        return canaries

    if not outcome.interrupted:
        outcome.canaries = meanwhile.again(clients, outcome.canaries, retry)
    outcome.verdicts += [canary.verdict for canary in outcome.canaries]
    looked = any(one.probe == declared.NAME for canary in outcome.canaries for one in canary.results)
    # What was found beside the interpreters is looked for again where it was.
    again = bool(earlier and earlier["strangers"])
    if (looked or again) and not outcome.interrupted:
        owners = recorded if again else found
        others = strangers.strangers(clients, sessions.pace, everyone, owners)
        told_of = {one["id"] for one in outcome.strangers}
        others = [one for one in others if not one.id or one.id not in told_of]
        outcome.verdicts += [one.verdict for one in others]
        outcome.strangers += [_stranger(one) for one in others]


def _stranger(found: strangers.Stranger) -> dict[str, str]:
    kind = "unknown" if found.verdict is Verdict.COULD_NOT_TELL else found.kind
    return {"kind": kind, "id": found.id, "detail": found.detail, "todo": found.todo}


def _sweep(
    options: argparse.Namespace,
    clients: Clients,
    sessions: Sessions,
    found: list[Record],
    outcome: _Outcome,
) -> None:
    older_than = timedelta(minutes=options.older_than)
    if options.only:
        # Strays cannot be chosen by a recorded name: only sessions are looked for.
        left = sweep.Found(*sweep.find_sessions(clients, found, datetime.now(UTC) - older_than))
    else:
        left = sweep.find(clients, found, options.fleet, older_than)
    outcome.strangers += [
        {"kind": "unknown", "id": "", "detail": problem, "todo": ""} for problem in left.problems
    ]
    outcome.verdicts += [Verdict.COULD_NOT_TELL] * len(left.problems)
    if options.yes:
        outcome.swept, outcome.leaked = sweep.remove(clients, sessions, left)
        return
    outcome.strangers += [
        {"kind": one.kind, "id": one.id, "detail": one.text, "todo": "sweep --yes removes it"}
        for one in left.left
    ]
    outcome.verdicts += [Verdict.FAIL] * len(left.left)


def _account(clients: Clients) -> str:
    """The account's number; empty where it is not told, which no check depends on."""
    try:
        return str(clients.sts.get_caller_identity()["Account"])
    except AwsError:
        return ""


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _write(options: argparse.Namespace, result: dict[str, Any]) -> int:
    try:
        output.write(options, result)
    except (OSError, reports.ReportError) as error:
        print(f"validate.py: cannot write the report: {error}", file=sys.stderr)
        return int(result["exit_code"]) or COULD_NOT_RUN
    return int(result["exit_code"])


def _show(options: argparse.Namespace) -> int:
    try:
        result = reports.load(options.file)
    except (OSError, reports.ReportError) as error:
        print(f"validate.py: {error}", file=sys.stderr)
        return COULD_NOT_RUN
    return _write(options, result)


def _permissions(options: argparse.Namespace) -> int:
    try:
        scope = permissions.Scope(
            options.partition, options.region, options.account, options.fleet, tuple(options.only)
        )
    except ValueError as error:
        print(f"validate.py: {error}", file=sys.stderr)
        return USAGE
    allowed = permissions.options_of(options.of)
    if wrong := [one for one in options.options if one not in allowed]:
        takes = f"takes {', '.join(allowed)}" if allowed else "takes none of these options"
        print(f"validate.py: found {wrong[0]}, but {options.of} {takes}", file=sys.stderr)
        return USAGE
    try:
        output.say(permissions.as_json(options.of, scope, options.options) + "\n")
    except OSError as error:
        print(f"validate.py: cannot write the policy: {error}", file=sys.stderr)
        return COULD_NOT_RUN
    return OK


def _exit_code(outcome: _Outcome) -> int:
    if outcome.leaked:
        return LEAKED
    if outcome.interrupted:
        return INTERRUPTED
    if Verdict.FAIL in outcome.verdicts:
        return FINDING
    return COULD_NOT_RUN if Verdict.COULD_NOT_TELL in outcome.verdicts else OK


if __name__ == "__main__":
    sys.exit(main())
