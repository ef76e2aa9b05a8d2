"""Runs in a session: is what `isolation_leave` left to be seen here?"""

import os
import pathlib
import socket
from typing import Any


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`mark`, `port` → which of file, environment, process, port are `found`."""
    mark = told["mark"]
    found = []
    if any(pathlib.Path(folder, mark).exists() for folder in (".", "/tmp")):  # noqa: S108
        found.append("file")
    if mark in os.environ:
        found.append("environment")
    if any(_runs(folder, mark) for folder in pathlib.Path("/proc").glob("[0-9]*")):
        found.append("process")
    try:
        with socket.create_connection(("127.0.0.1", told["port"]), 2) as opened:
            if opened.recv(100) == mark.encode():
                found.append("port")
    except OSError as error:
        return {"found": found, "port": str(error)}
    return {"found": found}


def _runs(folder: pathlib.Path, mark: str) -> bool:
    try:
        return mark.encode() in (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
