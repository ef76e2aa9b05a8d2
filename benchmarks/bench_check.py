"""The check of 150 interpreters beside cfn-lint and checkov: with their own rules, and with ours.

The templates are those that our constructs make, as a deployment reads them. Each figure is the CPU
time of the whole process, user and system, and its ratio to our own command. `--sizes '[1000]'` takes a
quarter of an hour, nearly all of it in the two peers.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SIZES = (150,)
ADAPTERS = ROOT / "policies/interpreter_policies/adapters"

SYNTH = """
import sys
from pathlib import Path
import aws_cdk as cdk
from interpreter_fleet import InterpreterFleet, load
out, size, shards = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
path = out / "fleet.yaml"
path.write_text(f"fleet: bench\\nshards: {shards}\\ninterpreters:\\n" + "".join(
    f"  i{n}: {{storage: {{access: read-write}}}}\\n" for n in range(size)))
app = cdk.App(outdir=str(out / "cdk.out"))
InterpreterFleet(app, load(path))
app.synth()
"""


def cpu_seconds(argv: list[str]) -> float:
    """User and system time of a command and its children; its findings do not matter here."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1, 2, 4, 6):
        sys.exit(f"bench_check: {argv[0]} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(size: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-check-") as out:
        # As many stacks as the shards need for their fullest to hold its part.
        shards = str(max(1, -(-size // 80)))
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SYNTH, out, str(size), shards],
            env={**os.environ, "CDK_VALIDATION": "false"},
            check=True,
            capture_output=True,
        )
        assembly = Path(out, "cdk.out")
        templates = [str(path) for path in sorted(assembly.glob("*.template.json"))]
        lint = [str(ROOT / ".venv/bin/cfn-lint"), "--format", "json"]
        checkov = [str(ROOT / ".venv-checkov/bin/checkov"), "--framework", "cloudformation", "--compact"]
        checkov += ["--quiet", "--skip-download", "-d", str(assembly)]
        commands = {
            "ours": [sys.executable, "scripts/check.py", str(assembly)],
            "cfn-lint": [*lint, "--", *templates],
            "cfn-lint + ours": [
                *lint,
                "--append-rules",
                "interpreter_policies.adapters.cfn_lint",
                "--",
                *templates,
            ],
            "checkov": checkov,
            "checkov + ours": [*checkov, "--external-checks-dir", str(ADAPTERS / "checkov_checks")],
        }
        found = {name: cpu_seconds(argv) for name, argv in commands.items()}
    for name, seconds in found.items():
        print(f"{size:>6} {name:<16} {seconds:>8.2f} s {seconds / found['ours']:>8.1f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=json.loads, default=SIZES, help="for example [150]")
    print(f"{'':>6} {'':<16} {'CPU':>10} {'ratio':>8}")
    for size in parser.parse_args().sizes:
        measure(size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
