"""Sessions through boto3, over TLS with IAM on, beside a plain ipykernel through jupyter_client.

The peer (jupyter_peer.py) is what a developer would use instead: no sandbox, no HTTPS, no SigV4, no IAM; it
imports pandas at its start, which sessions find loaded. `bench_session.py steps`, `many` and `churn` run one
part of three.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STARTS, PEER_STARTS, WARM_RUNS = 100, 10, 300
LIVE = 200
CHURN_SECONDS, CHURN_CLIENTS = 30, 6
CODE = "sum(range(10))"
MANAGED = "aws.codeinterpreter.v1"
PARTS = ("steps", "many", "churn")


class Session:
    """One session of the managed interpreter at the endpoint that the environment names."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.id = client.start_code_interpreter_session(codeInterpreterIdentifier=MANAGED)["sessionId"]

    def run(self, code: str) -> str:
        reply = self._client.invoke_code_interpreter(
            codeInterpreterIdentifier=MANAGED,
            sessionId=self.id,
            name="executeCode",
            arguments={"language": "python", "code": code},
        )
        [event] = reply["stream"]
        return str(event["result"]["structuredContent"]["stdout"])

    def stop(self) -> None:
        self._client.stop_code_interpreter_session(codeInterpreterIdentifier=MANAGED, sessionId=self.id)


def user() -> Any:
    """A client with the rights of an IAM user, not of the account: every call is evaluated."""
    import boto3
    from botocore.config import Config

    iam = boto3.client("iam")
    iam.create_user(UserName="bench")
    allowed = {"Effect": "Allow", "Action": "bedrock-agentcore:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="bench", PolicyName="sessions", PolicyDocument=document)
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    return boto3.client(
        "bedrock-agentcore",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(max_pool_connections=50),
    )


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def steps(client: Any) -> None:
    """Each step of a session, beside the peer's."""
    peer = json.loads(
        subprocess.run(
            [
                ROOT / ".venv-bench/bin/python",
                ROOT / "benchmarks/jupyter_peer.py",
                str(PEER_STARTS),
                str(WARM_RUNS),
                CODE,
            ],
            check=True,
            capture_output=True,
        ).stdout
    )
    ours: dict[str, list[float]] = {"start": [], "first run": [], "warm run": [], "stop": []}
    for _ in range(STARTS):
        began = time.perf_counter()
        session = Session(client)
        ours["start"].append((time.perf_counter() - began) * 1000)
        ours["first run"].append(timed(partial(session.run, "pandas = __import__('pandas'); " + CODE)))
        ours["stop"].append(timed(session.stop))
    session = Session(client)
    ours["warm run"] = [timed(partial(session.run, CODE)) for _ in range(WARM_RUNS)]
    session.stop()
    print(f"{'ms':>10} {'peer p50':>9} {'peer p99':>9} {'ours p50':>9} {'ours p99':>9} {'ratio':>7}")
    for row, own in ours.items():
        theirs = peer["steps"][row]
        half, ratio = statistics.median(own), statistics.median(own) / statistics.median(theirs)
        peers = f"{statistics.median(theirs):>9.1f} {late(theirs):>9.1f}"
        print(f"{row:>10} {peers} {half:>9.1f} {late(own):>9.1f} {ratio:>7.2f}")
    print(f"{STARTS} starts of ours, {PEER_STARTS} of the peer, {WARM_RUNS} warm runs")
    print(f"memory of a kernel of the peer (PSS): {peer['pss_kib'] / 1024:.1f} MiB")


def late(values: list[float]) -> float:
    """The 99th percentile."""
    return sorted(values)[max(0, round(len(values) * 0.99) - 1)]


def many(client: Any) -> None:
    """Many sessions at once, and what an idle one takes."""
    began = time.perf_counter()
    sessions = [Session(client) for _ in range(LIVE)]
    started = time.perf_counter() - began
    time.sleep(1)
    try:
        taken = [memory(pid) for pid in sessions_of(os.getppid())]
    except PermissionError:
        # Only root may look into processes of sessions.
        taken = []
    answers = [timed(partial(session.run, CODE)) for session in sessions]
    warm = [timed(partial(session.run, CODE)) for session in sessions]
    began = time.perf_counter()
    for session in sessions:
        session.stop()
    stopped = time.perf_counter() - began
    print(f"{LIVE} live sessions: started in {started:.1f} s, stopped in {stopped:.1f} s")
    first, second = statistics.median(answers), statistics.median(warm)
    print(f"runs while all live: first p50 {first:.1f}, second {second:.1f} ms")
    idle = f"{statistics.median(taken) / 1024:.1f} MiB" if taken else "can only be read by root"
    print(f"an idle session (PSS, {len(taken)} of them): {idle}")


def sessions_of(pid: int) -> list[int]:
    """The first process of each session below a process (the one that started the endpoint)."""
    if Path(f"/proc/{pid}/comm").read_text() == "session\n":
        return [pid]
    return [found for child in children(pid) for found in sessions_of(child)]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def memory(pid: int) -> int:
    """KiB (proportional set size) of a process and its descendants."""
    total = sum(memory(child) for child in children(pid))
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return total + next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def churn(client: Any) -> None:
    """How many sessions a second can be started, used once and stopped, for a while."""
    end, cycles, lock = time.monotonic() + CHURN_SECONDS, [0.0], threading.Lock()
    cycles.clear()

    def cycle() -> None:
        session = Session(client)
        session.run(CODE)
        session.stop()

    def loop() -> None:
        while time.monotonic() < end:
            took = timed(cycle)
            with lock:
                cycles.append(took)

    threads = [threading.Thread(target=loop) for _ in range(CHURN_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        f"{len(cycles) / CHURN_SECONDS:.1f} start-invoke-stop cycles a second over {CHURN_SECONDS} s from "
        f"{CHURN_CLIENTS} clients; a cycle p50 {statistics.median(cycles):.0f}, p99 {late(cycles):.0f} ms"
    )


def inside(parts: list[str]) -> None:
    client = user()
    began = time.perf_counter()
    Session(client).stop()
    print(f"the first session, which waits for the template: {(time.perf_counter() - began) * 1000:.0f} ms")
    for part in parts:
        {"steps": steps, "many": many, "churn": churn}[part](client)


def main() -> int:
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2:])
        return 0
    argv = [".venv/bin/interpreter-local", "run", "--home", ".interpreter-local/bench", "--port", "0"]
    argv += ["--no-rates", "--", sys.executable, __file__, "inside", *(sys.argv[1:] or PARTS)]
    return subprocess.run(argv, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
