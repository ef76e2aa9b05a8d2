"""Synthesis of 1, 50 and 150 interpreters: our constructs beside the CDK's plain L2, in one run.

Both make an interpreter with its own execution role. Ours adds the storage policy, the record, and metadata;
the time is from an empty app to templates on disk, jsii's start left out. Each figure is the median of the
rounds, and each round is a process of its own.
"""

import json
import statistics
import subprocess
import sys
import tempfile

SIZES = (1, 50, 150)
ROUNDS = 3

CHILD = """
import json, sys, time
import aws_cdk as cdk
peer, size, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
env = cdk.Environment(account="123456789012", region="us-east-1")
cdk.App(outdir=out + "/warm").synth()

def l2(app):
    from aws_cdk import aws_bedrockagentcore as agentcore
    stack = cdk.Stack(app, "plain", env=env)
    for n in range(size):
        agentcore.CodeInterpreterCustom(
            stack, f"I{n}", code_interpreter_custom_name=f"i{n}",
            network_configuration=agentcore.CodeInterpreterNetworkConfiguration.using_sandbox_network(),
        )

def ours(app):
    from pathlib import Path
    from interpreter_fleet import InterpreterFleet, load
    text = "fleet: bench\\ninterpreters:\\n" + "".join(
        f"  i{n}: {{storage: {{access: read-write}}}}\\n" for n in range(size))
    path = Path(out) / "fleet.yaml"
    path.write_text(text)
    InterpreterFleet(app, load(path), env=env)

build = {"L2": l2, "ours": ours}[peer]
began = time.perf_counter()
app = cdk.App(outdir=out + "/cdk.out")
build(app)
app.synth()
print(json.dumps(time.perf_counter() - began))
"""


def seconds(peer: str, size: int) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-synth-") as out:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD, peer, str(size), out],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        sys.exit(f"bench_synth: {peer} with {size} interpreters failed:\n{done.stderr}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    print(f"{'interpreters':>12} {'plain L2':>10} {'ours':>10} {'ratio':>7}")
    for size in SIZES:
        # Alternating, so that a slow moment of the machine falls on both.
        pairs = [(seconds("L2", size), seconds("ours", size)) for _ in range(ROUNDS)]
        plain, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{size:>12} {plain:>8.2f} s {ours:>8.2f} s {ours / plain:>7.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
