"""Runs in a session: leaves a file in two places, a variable of the environment, a process and a port."""

import os
import pathlib
import subprocess
import sys
from typing import Any

_SERVES = """
import socket, sys
opened = socket.create_server(("127.0.0.1", 0))
print(opened.getsockname()[1], flush=True)
while True:
    one, _ = opened.accept()
    one.sendall(sys.argv[1].encode())
    one.close()
"""


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`mark` → the port on which a process left behind answers with it."""
    mark = told["mark"]
    for folder in (".", "/tmp"):  # noqa: S108 - the place that is tried
        pathlib.Path(folder, mark).write_text(mark)
    os.environ[mark] = mark
    process = subprocess.Popen([sys.executable, "-c", _SERVES, mark], stdout=subprocess.PIPE, text=True)
    return {"port": int(process.stdout.readline()) if process.stdout else 0}
