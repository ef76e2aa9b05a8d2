"""interpreter-check: rules and proof over synthesized templates."""

import argparse
import sys
from pathlib import Path

from . import report
from .engine import CheckError, run
from .rule import PROFILES, Rule
from .rules import all_rules, rules_of
from .template import TemplateError, load

_EPILOG = """\
examples:
  check.py                          the cloud assembly in cdk.out
  check.py --format sarif --output check.sarif cdk.out
  check.py other.template.json      any CloudFormation template in JSON
  check.py explain ACCI-020         what a rule asks for, and why

exit status: 0 all rules hold (or are waived), 1 a finding, 2 wrong usage, 3 the check could not run
"""


def main(argv: list[str] | None = None) -> int:
    """The command line; gives the exit status."""
    rules = all_rules()
    parser = argparse.ArgumentParser(
        prog="check.py",
        description="Check every code interpreter in synthesized templates, before anything is deployed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "path",
        nargs="*",
        help="cloud assemblies or template files (default: cdk.out); `explain ID` explains a rule",
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
        "--verbose", action="store_true", help="in the table, a line for every rule that holds"
    )
    parser.add_argument("--list-rules", action="store_true", help="list the rules and stop")
    options = parser.parse_args(argv)
    known = {rule.id: rule for rule in rules}
    wanted = options.rule or []
    if options.path[:1] == ["explain"]:
        wanted = options.path[1:]
    for name in wanted:
        if name not in known:
            parser.error(f"no rule {name!r}, expected one of {', '.join(known)}")
    if options.list_rules:
        for rule in rules_of(options.profile):
            print(f"{rule.id}  {rule.severity:<8}  {rule.title}{'' if rule.waivable else ' (not waivable)'}")
        return 0
    if options.path[:1] == ["explain"]:
        for name in wanted or known:
            print(_explained(known[name]))
        return 0
    chosen = [known[name] for name in sorted(set(wanted))] if wanted else rules_of(options.profile)
    return _check(options, chosen, rules)


def _check(options: argparse.Namespace, chosen: list[Rule], known: list[Rule]) -> int:
    try:
        templates = [one for path in options.path or ["cdk.out"] for one in load(Path(path))]
        found = run(templates, chosen, known=known)
        text = report.FORMATS["verbose" if options.verbose else options.format](found)
        if options.output:
            options.output.write_text(text + "\n")
            text = f"{report.summary(found)} ({options.output})"
    except (TemplateError, CheckError, OSError) as error:
        print(f"check.py: could not check: {error}", file=sys.stderr)
        return 3
    print(text)
    return 0 if found.ok else 1


def _explained(rule: Rule) -> str:
    waivable = "can be waived" if rule.waivable else "cannot be waived"
    lines = (f"severity: {rule.severity}, {waivable}", f"why: {rule.why}", f"fix: {rule.fix}")
    return "\n  ".join((f"{rule.id}  {rule.title}", *lines))


if __name__ == "__main__":
    sys.exit(main())
