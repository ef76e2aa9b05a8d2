"""Runs the validation under faults, many times, and says what was untrue about it.

`python -m tests.fault.run --runs 1000 --seed 0 [--workers 3]`, with an endpoint of its own. Exits with 1 if a
run passed what was broken, left a session, or ended with an exit code that its report and the endpoint belie.
"""

import argparse
import concurrent.futures
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from .ground import Ground, endpoint
from .proxy import Proxy
from .trial import run, share_models


def worker(variables: dict[str, str], seeds: list[int]) -> tuple[list[tuple[int, list[str]]], Counter[str]]:
    """The seeds of one process: what was wrong with which, and what was counted."""
    share_models()
    wrong: list[tuple[int, list[str]]] = []
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="interpreter-fault-") as name:
        folder = Path(name)
        proxy = Proxy(variables["AWS_ENDPOINT_URL"], variables["AWS_CA_BUNDLE"], folder).start()
        ground = Ground(variables)
        for seed in seeds:
            done = run(ground, proxy, folder, seed)
            counted["runs"] += 1
            counted["faults"] += done.faults
            counted["requests"] += sum((done.report or {"calls": {}})["calls"].values())
            counted[f"exit {done.code}"] += 1
            counted["without fault"] += not done.faults
            if counted["runs"] % 50 == 0:
                print(f"up to seed {seed}: {counted['runs']} runs of this worker", flush=True)
            if done.wrong:
                wrong.append((seed, done.wrong))
                print(f"seed {seed}: {done.choice}", *done.wrong, sep="\n   ", flush=True)
        proxy.close()
    return wrong, counted


def runs(home: Path, seeds: range, workers: int) -> tuple[list[tuple[int, list[str]]], Counter[str]]:
    """All seeds, in several processes against one endpoint."""
    with endpoint(home) as variables:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(workers, context) as pool:
            parts = [list(seeds[part::workers]) for part in range(workers)]
            done = list(pool.map(worker, [variables] * workers, parts))
    counted: Counter[str] = Counter()
    for _, counts in done:
        counted.update(counts)
    return sorted(one for wrong, _ in done for one in wrong), counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first one; the others follow")
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="interpreter-fault-") as home:
        wrong, counted = runs(Path(home), range(options.seed, options.seed + options.runs), options.workers)
    print(f"{time.monotonic() - began:.0f} s;", ", ".join(f"{v} {k}" for k, v in sorted(counted.items())))
    print("untrue:", ", ".join(str(seed) for seed, _ in wrong) or "nothing")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
