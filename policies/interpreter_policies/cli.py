"""interpreter-check: rules and proof over synthesized templates."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import report
from .engine import CheckError, run
from .files import TemplateError, load, parse_text
from .reach import UnknownRoleError, prove
from .rule import PROFILES, Rule
from .rules import all_rules, rules_of
from .template import Template
from .waivers import WaiverError, WaiverFile, read_file

_EPILOG = """\
examples:
  check.py                              the cloud assembly in cdk.out
  check.py --format sarif --output check.sarif cdk.out
  check.py other.yaml network.json      any CloudFormation templates, read together
  aws cloudformation get-template ... | check.py -
  check.py --parameter Stage=prod template.yaml
  check.py --waivers waivers.yaml template.yaml
  check.py prove analytics              what its execution role reaches, and the proof that it is no more
  check.py explain ACCI-020             what a rule asks for, and why

Parameters with allowed values and open conditions are checked under every possibility; --parameter fixes one.
A waiver file is a list of {rule, interpreter, reason, owner, until}.

exit status: 0 all rules hold (or are waived), 1 a finding, 2 wrong usage, 3 the check could not run
"""
# Fewer are done before anybody wonders.
_MANY = 200


def main(argv: list[str] | None = None) -> int:
    """The command line; gives the exit status."""
    rules = all_rules()
    parser = _parser()
    # Options may stand between paths as well.
    options = parser.parse_intermixed_args(argv)
    known = {rule.id: rule for rule in rules}
    word = options.path[0] if options.path[:1] in (["explain"], ["prove"]) else None
    wanted = options.path[1:] if word == "explain" else options.rule or []
    for name in wanted:
        if name not in known:
            parser.error(f"no rule {name!r}, expected one of {', '.join(known)}")
    if options.list_rules:
        for rule in rules_of(options.profile):
            print(f"{rule.id}  {rule.severity:<8}  {rule.title}{'' if rule.waivable else ' (not waivable)'}")
        return 0
    if word == "explain":
        for name in wanted or known:
            print(_explained(known[name]))
        return 0
    if word == "prove" and len(options.path) < 2:
        parser.error("prove needs the name of an interpreter or of its execution role")
    chosen = [known[name] for name in sorted(set(wanted))] if wanted else rules_of(options.profile)
    try:
        if word == "prove":
            holds, text = prove(options.path[1], _templates(options.path[2:], options.parameter))
            print(text)
            return 0 if holds else 1
        return _check(options, chosen, rules)
    except (TemplateError, CheckError, WaiverError, UnknownRoleError, OSError) as error:
        print(f"check.py: could not check: {error}", file=sys.stderr)
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="check.py",
        description="Check every code interpreter in synthesized templates, before anything is deployed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "path",
        nargs="*",
        help="cloud assemblies, folders, template files, or - for standard input (default: cdk.out); "
        "`explain ID` explains a rule, `prove NAME` shows what a role reaches",
    )
    parser.add_argument(
        "--format",
        choices=[name for name in report.FORMATS if name != "verbose"],
        default="table",
        help="default: table",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there, a summary here")
    parser.add_argument(
        "--rule", action="append", metavar="ID", help="check only this rule; may be given again"
    )
    parser.add_argument(
        "--profile", choices=PROFILES, default="baseline", help="the rules to check (default: baseline)"
    )
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        type=_assignment,
        metavar="NAME=VALUE",
        help="what a template's parameter will be; may be given again",
    )
    parser.add_argument("--waivers", type=Path, metavar="FILE", help="waivers of templates that declare none")
    parser.add_argument(
        "--verbose", action="store_true", help="in the table, a line for every rule that holds"
    )
    parser.add_argument("--list-rules", action="store_true", help="list the rules and stop")
    return parser


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _check(options: argparse.Namespace, chosen: list[Rule], known: list[Rule]) -> int:
    waivers: WaiverFile | None = read_file(options.waivers) if options.waivers else None
    templates = _templates(options.path, options.parameter)
    # Asked first: a long check is not to end in a file that cannot be written.
    if options.output and not _writable(options.output):
        raise CheckError(f"{options.output}: cannot be written; expected a file in a folder that is there")
    found = run(templates, chosen, known=known, waivers=waivers, progress=_progress())
    text = report.FORMATS["verbose" if options.verbose else options.format](found)
    if options.output:
        options.output.write_text(text + "\n")
        text = f"{report.summary(found)} ({options.output})"
    print(text)
    return 0 if found.ok else 1


def _writable(file: Path) -> bool:
    there = file if file.exists() else file.parent
    return not file.is_dir() and file.parent.is_dir() and os.access(there, os.W_OK)


def _templates(paths: list[str], parameters: list[tuple[str, str]]) -> list[Template]:
    found: list[Template] = []
    for path in paths or ["cdk.out"]:
        found += [parse_text(sys.stdin.read(), Path("-"))] if path == "-" else load(Path(path))
    given = dict(parameters)
    declared = [one.body.get("Parameters", {}) for one in found]
    for name, value in given.items():
        mine = [one[name] for one in declared if name in one]
        if not mine:
            there = ", ".join(sorted({name for one in declared for name in one})) or "none"
            raise TemplateError(f"--parameter {name} is in no template; parameters are {there}")
        for one in mine:
            allowed = [str(option) for option in one.get("AllowedValues", [value])]
            if value not in allowed:
                raise TemplateError(f"--parameter {name} is {value!r}, allowed are {', '.join(allowed)}")
    return [
        one.choosing({name: v for name, v in given.items() if name in mine})
        for one, mine in zip(found, declared, strict=True)
    ]


def _progress() -> Callable[[int, int], None] | None:
    """Tells somebody who watches how far it is."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, of: int) -> None:
        if of >= _MANY and (done % 50 == 0 or done == of):
            print(f"\rchecked {done} of {of} interpreters", end="\n" if done == of else "", file=sys.stderr)

    return show


def _explained(rule: Rule) -> str:
    waivable = "can be waived" if rule.waivable else "cannot be waived"
    lines = (f"severity: {rule.severity}, {waivable}", f"why: {rule.why}", f"fix: {rule.fix}")
    return "\n  ".join((f"{rule.id}  {rule.title}", *lines))


if __name__ == "__main__":
    sys.exit(main())
