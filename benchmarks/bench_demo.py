"""Where the seconds of `make demo` go: the demo's own steps, each with its share of the whole."""

import itertools
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
STEP = re.compile(r"^== (.+?)(?::.*)?  \[\d+s\]$")


def main() -> int:
    began = time.perf_counter()
    marks: list[tuple[str, float]] = [("endpoint up", began)]
    demo = subprocess.Popen(
        ["sh", "scripts/demo.sh"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert demo.stdout is not None
    output = []
    for line in demo.stdout:
        output.append(line)
        if step := STEP.match(line.rstrip()):
            marks.append((step.group(1), time.perf_counter()))
    if demo.wait() != 0:
        sys.stderr.writelines(output)
        return 1
    marks.append(("end", time.perf_counter()))
    whole = marks[-1][1] - began
    print(f"whole demo: {whole:.1f} s")
    for (name, start), (_, end) in itertools.pairwise(marks):
        print(f"  {name:<20} {end - start:6.1f} s  {100 * (end - start) / whole:4.0f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
