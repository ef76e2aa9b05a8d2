"""Session start and warm invoke through boto3, beside a plain IPython process without sandbox, wire or IAM.

The peer is what a developer would write instead: IPython in a child process of the same environment, code in
and text out over a pipe. What we take longer is the price of the sandbox, of HTTPS, SigV4 and IAM.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STARTS = 15
INVOKES = 100
CODE = "sum(range(10))"

PEER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
for line in sys.stdin:
    with capture_output() as out:
        shell.run_cell(json.loads(line), store_history=True)
    sys.stdout.write(json.dumps(out.stdout) + "\\n")
    sys.stdout.flush()
"""


class PlainIPython:
    """One child process, no isolation."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [ROOT / ".venv-sandbox/bin/python", "-c", PEER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        return str(json.loads(self.process.stdout.readline()))

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


class Session:
    """One session of the managed interpreter at the endpoint that the environment names."""

    client: Any = None

    def __init__(self) -> None:
        self.id = self.client.start_code_interpreter_session(
            codeInterpreterIdentifier="aws.codeinterpreter.v1", name="bench"
        )["sessionId"]

    def run(self, code: str) -> str:
        reply = self.client.invoke_code_interpreter(
            codeInterpreterIdentifier="aws.codeinterpreter.v1",
            sessionId=self.id,
            name="executeCode",
            arguments={"language": "python", "code": code},
        )
        [event] = reply["stream"]
        return str(event["result"]["structuredContent"]["stdout"])

    def stop(self) -> None:
        self.client.stop_code_interpreter_session(
            codeInterpreterIdentifier="aws.codeinterpreter.v1", sessionId=self.id
        )


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def measure(kind: type[PlainIPython] | type[Session]) -> dict[str, list[float]]:
    """Milliseconds of each start (until it could be called), first run, warm run and stop."""
    found: dict[str, list[float]] = {"start": [], "first run": [], "warm run": [], "stop": []}
    for _ in range(STARTS):
        began = time.perf_counter()
        session = kind()
        try:
            found["start"].append((time.perf_counter() - began) * 1000)
            found["first run"].append(timed(partial(session.run, CODE)))
        finally:
            found["stop"].append(timed(session.stop))
    session = kind()
    try:
        session.run(CODE)
        found["warm run"] = [timed(partial(session.run, CODE)) for _ in range(INVOKES)]
    finally:
        session.stop()
    return found


def inside() -> None:
    import boto3

    # The client, its connection and its models are not the session's.
    Session.client = boto3.client("bedrock-agentcore")
    Session.client.list_code_interpreter_sessions(codeInterpreterIdentifier="aws.codeinterpreter.v1")
    kinds: tuple[type[PlainIPython] | type[Session], ...] = (PlainIPython, Session)
    plain, ours = (measure(kind) for kind in kinds)
    for found in (plain, ours):
        found["start + first run"] = [a + b for a, b in zip(found["start"], found["first run"], strict=True)]
    print(f"{'ms':>18} {'plain p50':>10} {'ours p50':>10} {'ours max':>10} {'ratio':>7}")
    for row in ("start", "first run", "start + first run", "warm run", "stop"):
        peer, own = statistics.median(plain[row]), statistics.median(ours[row])
        print(f"{row:>18} {peer:>10.1f} {own:>10.1f} {max(ours[row]):>10.1f} {own / peer:>7.1f}")
    print(f"{STARTS} starts, {INVOKES} warm runs; the first start of ours, cold: {ours['start'][0]:.1f} ms")


def main() -> int:
    if sys.argv[1:] == ["inside"]:
        inside()
        return 0
    argv = [
        ".venv/bin/interpreter-local",
        "run",
        "--home",
        ".interpreter-local/bench",
        "--port",
        "0",
        "--no-rates",
    ]
    return subprocess.run([*argv, "--", sys.executable, __file__, "inside"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
