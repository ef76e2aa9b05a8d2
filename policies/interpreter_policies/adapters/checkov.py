"""Checkov with our rules, failing closed: `python -m interpreter_policies.adapters.checkov [PATH …]`.

Checkov says nothing and exits 0 when a check raises, a template cannot be parsed or an id is unknown. This
asks for a result of every rule on every interpreter, and for no suppression of one that cannot be waived.
Checkov pins an older boto3 and lives in an environment of its own, `.venv-checkov`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from interpreter_policies import settings
from interpreter_policies.files import TemplateError, load
from interpreter_policies.rules import rules_of
from interpreter_policies.template import Template
from interpreter_policies.view import interpreters

CHECKS = Path(__file__).with_name("checkov_checks")
PROGRAM = Path(".venv-checkov/bin/checkov")


class CheckovError(RuntimeError):
    """Checkov did not check what it was asked to check."""


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when every rule holds on every interpreter, 1 on a finding, 3 when checkov did not check."""
    parser = argparse.ArgumentParser(prog="interpreter_policies.adapters.checkov", description=__doc__)
    parser.add_argument("path", nargs="*", type=Path, default=[Path("cdk.out")])
    parser.add_argument("--checkov", type=Path, default=PROGRAM, help=f"the program (default: {PROGRAM})")
    options = parser.parse_args(argv)
    try:
        templates = [one for path in options.path for one in load(path)]
        found = findings(templates, options.checkov)
    except (TemplateError, CheckovError, ValueError) as error:
        print(f"checkov: could not check: {error}", file=sys.stderr)
        return 3
    for line in found:
        print(line)
    print("ok" if not found else f"FAILED: {len(found)} findings")
    return 1 if found else 0


def findings(templates: list[Template], program: Path, checks: Path = CHECKS) -> list[str]:
    """One line for each rule that does not hold. CheckovError if checkov left anything out."""
    # Check → whether a suppression of it counts; the first is that the waivers hold.
    waivable = {"CKV_ACCI_000": False}
    waivable |= {f"CKV_{rule.id.replace('-', '_')}": rule.waivable for rule in rules_of(settings.profile())}
    fleet = interpreters(templates)
    if not fleet:
        raise CheckovError("no code interpreter in the templates")
    results = _results(_run([one.template.path for one in fleet], program, checks, ",".join(waivable)))
    lines = []
    for interpreter in fleet:
        for check, may_be in waivable.items():
            key = (str(interpreter.template.path.resolve()), interpreter.logical_id, check)
            status, evidence = results.get(key, ("", ""))
            if not status:
                raise CheckovError(f"{check} gave no result for {interpreter.title} in {key[0]}")
            suppressed = status == "SKIPPED" and not may_be
            if status == "FAILED" or suppressed:
                note = "suppressed, but cannot be waived" if suppressed else evidence
                lines.append(f"{check} {interpreter.title}: {note}")
    return lines


def _run(paths: list[Path], program: Path, checks: Path, ids: str) -> dict[str, Any]:
    files = [part for path in dict.fromkeys(paths) for part in ("-f", str(path.resolve()))]
    argv = [str(program.absolute()), "--framework", "cloudformation", "--external-checks-dir", str(checks)]
    argv += [*files, "--check", ids, "--skip-download", "--output", "json", "--compact"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        report = json.loads(done.stdout)
    except OSError as error:
        raise CheckovError(f"{program} cannot be run: {error.strerror}; `make setup` installs it") from error
    except ValueError as error:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise CheckovError(f"no report: {said[-1] if said else 'checkov said nothing'}") from error
    if not isinstance(report, dict) or "results" not in report:
        raise CheckovError(f"checkov checked nothing: {done.stdout.strip()[:200]}")
    if broken := report["results"].get("parsing_errors"):
        raise CheckovError(f"{broken[0]} cannot be parsed")
    return dict(report["results"])


def _results(report: dict[str, Any]) -> dict[tuple[str, str, str], tuple[str, str]]:
    found = {}
    for status in ("passed", "failed", "skipped"):
        for one in report.get(f"{status}_checks", []):
            key = (one["file_abs_path"], one["resource"].rpartition(".")[2], one["check_id"])
            found[key] = (status.upper(), "; ".join(one["check_result"].get("evaluated_keys", [])))
    return found


if __name__ == "__main__":
    sys.exit(main())
