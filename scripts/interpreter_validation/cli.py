"""interpreter-validate: proves what is deployed."""

import argparse
import random
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from interpreter_fleet.manifest import Record

from . import (
    assembly,
    declared,
    interrupts,
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
from .probes import PROBES
from .reports import output
from .result import Canary
from .session import Sessions
from .settings import Settings, Target, outside_of
from .verdict import COULD_NOT_RUN, FINDING, INTERRUPTED, LEAKED, OK, USAGE, Verdict

_EPILOG = """\
commands:
  preflight   before `cdk deploy`: quotas, rates, roles, stacks, trust, buckets, networks, bootstrap
  canary      on every interpreter: is it what was declared, does it do what it must, and refuse the rest
  sweep       list sessions of killed canaries and interpreters that no fleet has any more; --yes removes
  all         preflight, then canary
  show FILE   print a JSON report again, in any format
  permissions COMMAND
              print the IAM policy that a command needs; gate is the function of the canary gate

examples:
  validate.py preflight --assembly cdk.out
  validate.py all
  validate.py canary --only analytics --json canary.json --junit canary.xml
  validate.py canary --since-failure canary.json
  validate.py canary --probe tools --probe isolation
  validate.py sweep --fleet demo --yes
  check.py --format json --output check.json; validate.py all --check check.json --html report.html
  validate.py show canary.json --baseline last.json --format github >> "$GITHUB_STEP_SUMMARY"

It reads the records that deployments leave in SSM under /interpreter-fleet, then asks the API. With
AWS_ENDPOINT_URL or --endpoint-url it asks a local endpoint.

exit status: 0 all passed, 1 a finding (of sweep: something is left), 2 wrong usage, 3 could not run or
could not tell, 4 something could not be stopped or deleted, 130 interrupted (every session was stopped)
"""


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
    options = _parser().parse_args(argv)
    if options.command == "show":
        return _show(options)
    if options.command == "permissions":
        return _permissions(options)
    console = reports.console(stderr=output.log(options))
    try:
        with interrupts.once():
            return _validate(options, console)
    except (DiscoverError, assembly.AssemblyError, reports.ReportError, *AwsError) as error:
        text = words(error) if isinstance(error, AwsError) else str(error)
        print(f"validate.py: could not run: {text}", file=sys.stderr)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        print("validate.py: interrupted; no session is open", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - Python's own exit status would be that of a finding
        traceback.print_exc()
        print("validate.py: could not run: this is a bug of validate.py", file=sys.stderr)
        return COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="validate.py",
        description="Prove a deployed fleet of code interpreters: quota headroom, then a canary on each.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="preflight | canary | sweep | all | show | permissions"
    )
    for name in ("preflight", "canary", "sweep", "all"):
        command = commands.add_parser(name)
        command.add_argument("--fleet", help="only this fleet (default: every one that is recorded)")
        command.add_argument(
            "--only", action="append", default=[], metavar="NAME", help="only this interpreter"
        )
        command.add_argument(
            "--probe",
            action="append",
            default=[],
            choices=PROBES,
            metavar="NAME",
            help="try this, whatever fleet.yaml chooses: " + ", ".join(PROBES),
        )
        command.add_argument(
            "--outside",
            action="append",
            default=[],
            type=_target,
            metavar="HOST:PORT",
            help="what SANDBOX must not reach and PUBLIC must (default: public hosts; outside.test locally)",
        )
        command.add_argument("--region", help="default: from the environment or the profile")
        command.add_argument("--profile", help="a profile of the AWS configuration")
        command.add_argument("--endpoint-url", metavar="URL", help="ask this endpoint instead of AWS")
        output.add_arguments(command)
        command.add_argument(
            "--concurrency",
            type=_positive,
            default=64,
            metavar="N",
            help="interpreters at once, at most (default 64; from 16 on as many as it takes to use the rate)",
        )
        command.add_argument(
            "--share",
            type=_share,
            default=0.5,
            help="of the account's requests per second, at most (default 0.5)",
        )
        command.add_argument(
            "--timeout",
            type=_seconds,
            metavar="SECONDS",
            help="how long one reply may take (default 60, of code in a session 310); AWS_MAX_ATTEMPTS says"
            " how often a request is sent at most (default 6; code: once)",
        )
        if name in ("preflight", "all"):
            command.add_argument(
                "--assembly", type=Path, metavar="DIR", help="what `cdk synth` made and is to be deployed"
            )
            command.add_argument(
                "--request-increase", action="store_true", help="ask Service Quotas for what is missing"
            )
        if name in ("canary", "all"):
            command.add_argument(
                "--since-failure",
                type=Path,
                metavar="FILE",
                help="only what did not pass in this JSON report",
            )
            command.add_argument(
                "--sample", type=_positive, metavar="N", help="only so many interpreters, chosen by chance"
            )
        if name == "sweep":
            command.add_argument(
                "--yes", action="store_true", help="stop and delete what is listed (default: only list it)"
            )
            command.add_argument(
                "--older-than",
                type=_minutes,
                default=60.0,
                metavar="MINUTES",
                help="leave younger interpreters alone: a deployment may run (default 60)",
            )
    show = commands.add_parser("show")
    show.add_argument("file", type=Path)
    output.add_arguments(show)
    rights = commands.add_parser("permissions")
    rights.add_argument("of", choices=permissions.COMMANDS)
    rights.add_argument("--fleet", help="only the records of this fleet")
    rights.add_argument("--only", action="append", default=[], metavar="NAME", help="only this interpreter")
    rights.add_argument("--account", default="*", help="12 digits (default: any)")
    rights.add_argument("--region", default="*", help="default: any")
    rights.add_argument("--partition", default="aws", help="aws-cn, aws-us-gov (default: aws)")
    for option in sorted({one for name in permissions.COMMANDS for one in permissions.options_of(name)}):
        rights.add_argument(
            option,
            dest="options",
            action="append_const",
            const=option,
            default=[],
            help=f"what the command needs when it is called with {option}",
        )
    return parser


def _validate(options: argparse.Namespace, console: Console) -> int:
    began, started = time.monotonic(), _now()
    clients = connect(
        region=options.region,
        profile=options.profile,
        endpoint_url=options.endpoint_url,
        pool=options.concurrency + 1,
        timeout=options.timeout,
    )
    stacks = assembly.read(options.assembly) if getattr(options, "assembly", None) else None
    canceled = threading.Event()
    # An interrupted run waits for no turn.
    pace = Pace({}, options.share, sleep=canceled.wait)
    pace.watch(*clients.all())
    limits = quotas.look_up(clients)
    pace.keep_under(limits.per_second)
    outcome = _Outcome()
    # One that cannot be read is a finding for a canary; for a sweep its interpreter would be a stray.
    unreadable: list[Unreadable] | None = [] if options.command in ("canary", "all") else None
    found = _recorded(options, clients, unreadable, needless=stacks is not None)
    for one in unreadable or ():
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
            _canaries(options, clients, _chosen(options, found), sessions, console, outcome)
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


def _chosen(options: argparse.Namespace, found: list[Record]) -> list[Record]:
    if options.since_failure:
        failed = _failed(options.since_failure)
        found = [record for record in found if (record.fleet, record.base) in failed]
    if options.sample and options.sample < len(found):
        chosen = set(random.sample(range(len(found)), options.sample))
        found = [record for place, record in enumerate(found) if place in chosen]
    return found


def _failed(file: Path) -> set[tuple[str, str]]:
    """Fleet and base name of what did not pass in a JSON report. DiscoverError if it cannot be read."""
    try:
        earlier = reports.read(file.read_text(), str(file))
    except OSError as error:
        raise DiscoverError(f"{file}: {error.strerror}") from error
    return {
        (one["fleet"], one["interpreter"])
        for one in earlier["interpreters"]
        if one["verdict"] != Verdict.PASS.value
    }


def _canaries(
    options: argparse.Namespace,
    clients: Clients,
    found: list[Record],
    sessions: Sessions,
    console: Console,
    outcome: _Outcome,
) -> None:
    # Siblings count, whichever of them are tried.
    everyone = records(clients, None, (), [])
    told = Settings(tuple(options.outside) or outside_of(clients.endpoint), tuple(everyone))
    with Live(console, len(found)) as live:
        outcome.canaries, outcome.interrupted = runner.run(
            sessions, found, options.concurrency, live.done, probes=options.probe, settings=told
        )
    outcome.verdicts += [canary.verdict for canary in outcome.canaries]
    looked = any(one.probe == declared.NAME for canary in outcome.canaries for one in canary.results)
    if looked and not outcome.interrupted:
        others = strangers.strangers(clients, sessions.pace, everyone, owners=found)
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
    if options.only:
        # Strays cannot be chosen by a recorded name: only sessions are looked for.
        left = sweep.Found(*sweep.find_sessions(clients, found))
    else:
        left = sweep.find(clients, found, options.fleet, timedelta(minutes=options.older_than))
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
        result = reports.read(options.file.read_text(), str(options.file))
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
    print(permissions.as_json(options.of, scope, options.options))
    return OK


def _exit_code(outcome: _Outcome) -> int:
    if outcome.leaked:
        return LEAKED
    if outcome.interrupted:
        return INTERRUPTED
    if Verdict.FAIL in outcome.verdicts:
        return FINDING
    return COULD_NOT_RUN if Verdict.COULD_NOT_TELL in outcome.verdicts else OK


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected seconds from 0.1 to 3600")
    return seconds


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    # A year: more is a slip, and infinity no time at all.
    if not 0 <= minutes <= 525_600:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected minutes from 0 to 525600")
    return minutes


def _target(text: str) -> Target:
    try:
        return Target.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected more than 0 and at most 1")
    return share


if __name__ == "__main__":
    sys.exit(main())
