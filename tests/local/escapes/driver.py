"""A program that holds sandboxes of one tier, as an endpoint does, for the tests of another process.

`python driver.py TIER HOME` says what it enforces, then answers one JSON line with one JSON line: {"open":
id, "limits": {}}, {"call": id, "op", "params"}, {"close": id}. It ends when its input does.
"""

import asyncio
import json
import sys
from pathlib import Path

from interpreter_local.sandbox import (
    CallError,
    Capabilities,
    Limits,
    Sandbox,
    SandboxClosed,
    close_templates,
    open_sandbox,
    probe,
)
from interpreter_local.sandbox.python_env import find


def offered(tier: str, home: Path) -> Capabilities:
    """The tier that a machine without isolation gets must not depend on this machine's having none."""
    return Capabilities("process", (), (), find().python) if tier == "process" else probe(home)


async def answer(asked: dict, open_: dict[str, Sandbox], home: Path, found: Capabilities) -> dict:
    if name := asked.get("open"):
        options = {"home": home, "network_mode": "SANDBOX", "capabilities": found}
        open_[name] = await open_sandbox(name, limits=Limits(**asked["limits"]), **options)
        return {}
    if name := asked.get("close"):
        await open_.pop(name).close()
        return {}
    try:
        return {"result": await open_[asked["call"]].call(asked["op"], **asked["params"])}
    except (CallError, SandboxClosed) as error:
        return {"error": type(error).__name__, "text": str(error)}


async def main(tier: str, home: Path) -> None:
    found = offered(tier, home)
    open_: dict[str, Sandbox] = {}
    print(json.dumps({"tier": found.tier, "enforced": found.enforced, "missing": found.missing}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await answer(json.loads(line), open_, home, found)), flush=True)
    for sandbox in open_.values():
        await sandbox.close()
    close_templates()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
