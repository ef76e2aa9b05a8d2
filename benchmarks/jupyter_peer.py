"""What one would use instead of a session: a plain ipykernel through jupyter_client. Run by .venv-bench.

`python jupyter_peer.py STARTS WARM_RUNS CODE` prints milliseconds by step and the kernel's memory, as JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from jupyter_client.manager import KernelManager


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    starts, runs, code = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    found: dict[str, list[float]] = {"start": [], "first run": [], "warm run": [], "stop": []}
    pss = 0
    for number in range(starts):
        manager = KernelManager(transport="ipc")
        began = time.perf_counter()
        manager.start_kernel(stdout=open(os.devnull, "w"), stderr=open(os.devnull, "w"))  # noqa: SIM115
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        run = partial(client.execute_interactive, output_hook=lambda message: None, timeout=60)
        # With pandas ready, as in a session.
        run("import numpy, pandas, matplotlib.pyplot")
        found["start"].append((time.perf_counter() - began) * 1000)
        found["first run"].append(timed(partial(run, code)))
        if number == starts - 1:
            found["warm run"] = [timed(partial(run, code)) for _ in range(runs)]
            rollup = Path(f"/proc/{manager.provisioner.pid}/smaps_rollup").read_text()
            pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        client.stop_channels()
        found["stop"].append(timed(partial(manager.shutdown_kernel, now=True)))
    print(json.dumps({"steps": found, "pss_kib": pss}))


if __name__ == "__main__":
    main()
