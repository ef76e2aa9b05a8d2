"""Runs of the real program that are interrupted, or killed, at any moment; and the run that comes after."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import trial
from .faults import Request
from .ground import ROOT, Ground
from .proxy import Proxy

START = "StartCodeInterpreterSession"
AFTERWARDS = trial.Choice("canary", "healthy", (), ("lifecycle",), 2, 10.0, 2, False)


def run(ground: Ground, proxy: Proxy, folder: Path, seed: int) -> list[str]:
    """What was untrue about the run of a seed, or about the next one."""
    chance = random.Random(f"killed {seed}")
    number = chance.choice((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
    share, probe = chance.choice((0.0, 0.1)), chance.choice(("lifecycle", "isolation", "tools"))

    def plan(request: Request) -> str | None:
        return chance.choice(("lost", "internal", "slow", "cut")) if chance.random() < share else None

    proxy.forget(plan)
    fleet = next(iter(ground.healthy.values())).fleet
    options = ["canary", "--fleet", fleet, "--probe", probe, "--timeout", "3", "--concurrency", "2"]
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts/validate.py", *options],
        env=_environment(ground, proxy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # Mostly while sessions are opened and closed; now and then before.
    deadline = time.monotonic() + (60 if chance.random() < 0.9 else chance.random())
    while time.monotonic() < deadline and process.poll() is None and not _started(proxy):
        time.sleep(0.01)
    time.sleep(chance.random() * 1.2)
    started = _started(proxy)
    for _ in range(chance.choice((1, 1, 3))):
        process.send_signal(number)
        time.sleep(0.05)
    said = process.communicate(timeout=120)[0]
    wrong = [*_untrue(ground, process.returncode, number, started, said)]
    # What is still on its way to the endpoint arrives, and may start one more.
    time.sleep(0.3)
    after = trial.attempt(ground, proxy, folder, AFTERWARDS, lambda request: None)
    return [f"seed {seed}: {one}" for one in (*wrong, *(f"the next run: {one}" for one in after.wrong))]


def _untrue(ground: Ground, code: int, number: int, started: bool, said: str) -> Iterator[str]:
    if number == signal.SIGKILL and code == -signal.SIGKILL:
        return
    left = [one["sessionId"] for record in ground.records() for one in ground.sessions(record, "READY")]
    if unsaid := [one for one in left if one not in said or code != 4]:
        yield f"exit code {code}, and {unsaid} are READY: {said[-500:]}"
    # Before the program can listen, and when it is done, the signal does what it does to any program.
    if code not in (0, 1, 3, 4, 130) and not (code == -number and not (started and left)):
        yield f"exit code {code} after {signal.Signals(number).name}: {said[-500:]}"
    if "Traceback" in said and code != -number:
        yield said[-800:]


def _started(proxy: Proxy) -> bool:
    return any(request.operation == START for request, _ in proxy.asked)


def _environment(ground: Ground, proxy: Proxy) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **ground.variables, "AWS_ENDPOINT_URL": proxy.url, "AWS_CA_BUNDLE": str(proxy.bundle)}
