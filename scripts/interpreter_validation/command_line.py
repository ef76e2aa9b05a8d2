"""The command line: commands, options, what each may hold, and what --help teaches."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import permissions
from .clients import INVOKE_TIMEOUT_SECONDS, TIMEOUT_SECONDS
from .probes import PROBES
from .reports import output
from .settings import Target

_AT_ONCE = 64
# Of each command: what it does, and how it is called.
_COMMANDS = {
    "preflight": (
        """\
Before `cdk deploy`: is there room for it, and is everything there? Holds what `cdk synth` made against the
account: quotas, request rates, IAM roles, stacks, role trust, buckets, networks, CDK bootstrap; and foretells
what is created, replaced and deleted, and how long that takes. Nothing is changed, but by --request-increase.
Without --assembly it judges the recorded fleet, as if a deployment replaced all of it.""",
        """\
  cdk synth --quiet && validate.py preflight --assembly cdk.out
  validate.py preflight --assembly cdk.out --request-increase    ask Service Quotas for what is missing""",
    ),
    "canary": (
        """\
After a deployment: is every interpreter what was declared, does it do what it must, does it refuse what it
must? Opens short sessions, within --share of the account's request rates, and stops each of them.""",
        """\
  validate.py canary --only analytics --json canary.json --junit canary.xml
  validate.py canary --since-failure canary.json                 only what did not pass
  validate.py canary --probe tools --probe isolation             these instead of what fleet.yaml chooses
  validate.py canary --outside proxy.corp.example:3128           in place of the default targets""",
    ),
    "sweep": (
        """\
What is left: sessions and objects of canaries that were killed, and interpreters that belong to a fleet, by
tag or by name and role, and are in no record and no stack. It only lists them, unless --yes is given.""",
        """\
  validate.py sweep                                              list
  validate.py sweep --fleet demo --yes                           stop and delete what was listed""",
    ),
    "all": (
        "preflight, then canary. Where preflight finds that something is missing, no canary runs.",
        """\
  validate.py all --json run.json --html run.html
  check.py --format json --output check.json cdk.out; validate.py all --check check.json --html run.html""",
    ),
    "show": (
        "Prints a JSON report again, in any format, and exits as its run did. Asks nobody.",
        """\
  validate.py show run.json --format github >> "$GITHUB_STEP_SUMMARY"
  validate.py show run.json --baseline last.json                 what changed since""",
    ),
    "permissions": (
        """\
Prints the IAM policy that a command needs, and no more; gate is the function of the canary gate. Asks nobody.
Options that need more are named as they will be given.""",
        """\
  validate.py permissions canary --fleet demo --account 111122223333 --region us-east-1 > canary.json
  validate.py permissions preflight --assembly
  validate.py permissions sweep --yes""",
    ),
}
_EPILOG = """\
commands (`validate.py COMMAND --help` says more):
  preflight   before `cdk deploy`: quotas, rates, roles, stacks, trust, buckets, networks, bootstrap
  canary      on every interpreter: is it what was declared, does it do what it must, and refuse the rest
  sweep       list sessions of killed canaries and interpreters that no fleet has any more; --yes removes
  all         preflight, then canary
  show FILE   print a JSON report again, in any format
  permissions COMMAND
              print the IAM policy that a command needs

It reads the records that deployments leave in SSM under /interpreter-fleet, then asks the API. With
AWS_ENDPOINT_URL or --endpoint-url it asks a local endpoint.

exit status: 0 all passed, 1 a finding (of sweep: something is left), 2 wrong usage, 3 could not run or
could not tell, 4 something could not be stopped or deleted, 130 interrupted (every session was stopped)
"""


def parser() -> argparse.ArgumentParser:
    """What `validate.py` takes. Values that are not allowed end the process with exit status 2."""
    made = argparse.ArgumentParser(
        prog="validate.py",
        description="Prove a deployed fleet of code interpreters: quota headroom, then a canary on each.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(
        dest="command", required=True, metavar="preflight | canary | sweep | all | show | permissions"
    )
    for name in ("preflight", "canary", "sweep", "all"):
        command = _command(commands, name)
        command.add_argument("--fleet", help="only this fleet (default: every one that is recorded)")
        command.add_argument(
            "--only", action="append", default=[], metavar="NAME", help="only this interpreter"
        )
        command.set_defaults(probe=[], outside=[], concurrency=_AT_ONCE)
        if name != "sweep":
            command.add_argument(
                "--probe",
                action="append",
                default=[],
                choices=PROBES,
                metavar="NAME",
                help="try this, whatever fleet.yaml chooses: " + ", ".join(PROBES),
            )
        if name in ("canary", "all"):
            command.add_argument(
                "--outside",
                action="append",
                default=[],
                type=_target,
                metavar="HOST:PORT",
                help="what SANDBOX must not reach and PUBLIC must (default: public hosts; outside.test"
                " locally)",
            )
        command.add_argument("--region", help="default: from the environment or the profile")
        command.add_argument("--profile", help="a profile of the AWS configuration")
        command.add_argument("--endpoint-url", metavar="URL", help="ask this endpoint instead of AWS")
        output.add_arguments(command)
        if name != "sweep":
            command.add_argument(
                "--concurrency",
                type=_positive,
                default=_AT_ONCE,
                metavar="N",
                help=f"interpreters at once, at most (default {_AT_ONCE}; from 16 on as many as it takes to"
                " use the rate)",
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
            help=f"how long one reply may take (default {TIMEOUT_SECONDS:g}, of code in a session"
            f" {INVOKE_TIMEOUT_SECONDS:g}); AWS_MAX_ATTEMPTS says how often a request is sent at most"
            " (default 6; code: once)",
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
                help="leave alone what is younger: interpreters, as a deployment may run, and what canaries"
                " on other machines have opened, as they may run too (default 60)",
            )
    show = _command(commands, "show")
    show.add_argument("file", type=Path, metavar="FILE", help="a report that --json has written")
    output.add_arguments(show)
    rights = _command(commands, "permissions")
    rights.add_argument(
        "of", choices=permissions.COMMANDS, metavar="COMMAND", help=", ".join(permissions.COMMANDS)
    )
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
    return made


def _command(commands: Any, name: str) -> argparse.ArgumentParser:
    """One command's parser; `commands` is what argparse gives for them, which has no public type."""
    description, examples = _COMMANDS[name]
    added: argparse.ArgumentParser = commands.add_parser(
        name,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return added


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 1")
    return int(text)


def _number(text: str, allowed: Callable[[float], bool], expected: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan  # which is in no range
    if not allowed(number):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected {expected}")
    return number


def _seconds(text: str) -> float:
    return _number(text, lambda found: 0.1 <= found <= 3600, "seconds from 0.1 to 3600")


def _minutes(text: str) -> float:
    # A year: more is a slip, and infinity no time at all.
    return _number(text, lambda found: 0 <= found <= 525_600, "minutes from 0 to 525600")


def _share(text: str) -> float:
    return _number(text, lambda found: 0 < found <= 1, "more than 0 and at most 1")


def _target(text: str) -> Target:
    try:
        return Target.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
