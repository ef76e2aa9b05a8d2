"""interpreter-validate: proves what is deployed."""

import argparse
import secrets
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from interpreter_fleet.manifest import Record

from . import permissions, quotas, reports, runner
from .clients import AwsError, Clients, connect, words
from .discover import DiscoverError, records
from .pace import Pace
from .reports import output
from .result import Canary
from .session import Session, Sessions, leftovers
from .verdict import COULD_NOT_RUN, FINDING, INTERRUPTED, LEAKED, OK, USAGE, Verdict

_EPILOG = """\
commands:
  preflight   quotas: limit, today's use, what this fleet and its canary add
  canary      start, invoke and stop a session on every interpreter
  sweep       stop the sessions that a killed canary left behind (also those of one that runs now)
  all         preflight, then canary
  show FILE   print a JSON report again, in any format
  permissions COMMAND
              print the IAM policy that a command needs; gate is the function of the canary gate

examples:
  validate.py all
  validate.py canary --only analytics --json canary.json --junit canary.xml
  validate.py preflight --profile prod --region eu-west-1
  check.py --format json --output check.json; validate.py all --check check.json --html report.html
  validate.py show canary.json --baseline last.json --format github >> "$GITHUB_STEP_SUMMARY"

It reads the records that deployments leave in SSM under /interpreter-fleet, then asks the API. With
AWS_ENDPOINT_URL or --endpoint-url it asks a local endpoint.

exit status: 0 all passed, 1 a finding, 2 wrong usage, 3 could not run or could not tell,
4 a session could not be stopped, 130 interrupted (every session was stopped)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    options = _parser().parse_args(argv)
    if options.command == "show":
        return _show(options)
    if options.command == "permissions":
        return _permissions(options)
    signal.signal(signal.SIGTERM, _interrupt)
    console = reports.console(stderr=output.log(options))
    try:
        return _validate(options, console)
    except (DiscoverError, *AwsError) as error:
        text = str(error) if isinstance(error, DiscoverError) else words(error)
        print(f"validate.py: could not run: {text}", file=sys.stderr)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        print("validate.py: interrupted before any session was open", file=sys.stderr)
        return INTERRUPTED


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
        command.add_argument("--region", help="default: from the environment or the profile")
        command.add_argument("--profile", help="a profile of the AWS configuration")
        command.add_argument("--endpoint-url", metavar="URL", help="ask this endpoint instead of AWS")
        output.add_arguments(command)
        command.add_argument(
            "--concurrency", type=_positive, default=4, metavar="N", help="sessions at once (default 4)"
        )
        command.add_argument(
            "--share",
            type=_share,
            default=0.5,
            help="of the account's requests per second, at most (default 0.5)",
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
    return parser


def _validate(options: argparse.Namespace, console: Console) -> int:
    started, began = _now(), time.monotonic()
    clients = connect(
        region=options.region,
        profile=options.profile,
        endpoint_url=options.endpoint_url,
        pool=options.concurrency + 1,
    )
    found = records(clients, options.fleet, options.only)
    limits = quotas.look_up(clients)
    run = secrets.token_hex(4)
    canceled = threading.Event()
    # An interrupted run waits for no turn.
    pace = Pace(limits.per_second, options.share, sleep=canceled.wait)
    sessions = Sessions(clients, pace, run, canceled)
    rows: list[quotas.Row] = []
    canaries: list[Canary] = []
    swept: list[str] = []
    interrupted = False
    if options.command in ("preflight", "all"):
        rows = quotas.preflight(
            clients, limits, fleet=len(found), concurrency=options.concurrency, share=options.share
        )
    if options.command == "sweep":
        swept = _sweep(clients, sessions, found)
    # Without room there is nothing to prove, and the canary would take what agents need.
    full = any(row.verdict is Verdict.FAIL for row in rows)
    if options.command in ("canary", "all") and not full:
        canaries, interrupted = _canaries(sessions, found, options.concurrency, console)
    verdicts = [row.verdict for row in rows] + [canary.verdict for canary in canaries]
    exit_code = _exit_code(verdicts, leaked=bool(sessions.leaked), interrupted=interrupted)
    result = reports.value(
        command=options.command,
        run=run,
        endpoint=clients.endpoint,
        region=clients.region,
        account=found[0].arn.split(":")[4],
        started=started,
        finished=_now(),
        seconds=time.monotonic() - began,
        preflight={"rows": [quotas.as_json(row) for row in rows]},
        canaries=canaries,
        swept=swept,
        leaked=sessions.leaked,
        exit_code=exit_code,
    )
    return _write(options, result)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _canaries(
    sessions: Sessions, found: list[Record], concurrency: int, console: Console
) -> tuple[list[Canary], bool]:
    columns = (TextColumn("canary"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    # On a terminal a bar; elsewhere nothing but the result.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(found))

        def done(canary: Canary) -> None:
            progress.update(task, advance=1, description=f"{canary.record.base}: {canary.verdict}")

        return runner.run(sessions, found, concurrency, done)


def _sweep(clients: Clients, sessions: Sessions, found: list[Record]) -> list[str]:
    swept = []
    for record in found:
        for one in leftovers(clients, record.id):
            sessions.stop(Session(record.id, one["sessionId"], one["name"]))
            swept.append(f"{one['sessionId']} of {record.base} ({one['name']})")
    return swept


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
    print(permissions.as_json(options.of, scope))
    return OK


def _exit_code(verdicts: list[Verdict], *, leaked: bool, interrupted: bool) -> int:
    if leaked:
        return LEAKED
    if interrupted:
        return INTERRUPTED
    if Verdict.FAIL in verdicts:
        return FINDING
    return COULD_NOT_RUN if Verdict.COULD_NOT_TELL in verdicts else OK


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 1")
    return int(text)


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
