"""The file operations of a session, done inside its sandbox.

The endpoint never opens a path that a session made: a symbolic link, a FIFO or a device found here can only
lead to what the sandbox holds anyway.
"""

import base64
import mimetypes
import os
import stat
from pathlib import Path
from typing import Any

# AWS quota "Payload (request or response)": 100 MB.
MAX_READ = 100_000_000


class PathError(ValueError):
    """A path that a file operation must not or cannot take."""


def resolve(root: Path, path: str) -> Path:
    """Where `path` lies in the workspace `root`.

    A leading slash means the workspace, unless the path already starts with the workspace. Unrecorded: what
    the live service does with absolute paths.
    """
    if "\0" in path:
        raise PathError("path holds a null character")
    inside = os.path.normpath(path)
    if inside == str(root) or inside.startswith(f"{root}/"):
        return Path(inside)
    relative = os.path.normpath(path.lstrip("/") or ".")
    if relative == ".." or relative.startswith("../"):
        raise PathError("path traversal outside the workspace is not allowed")
    return root / relative


def write(root: Path, files: list[dict[str, str]]) -> dict[str, Any]:
    """Writes each file (`path` and `text` or base64 `blob`), making missing parent folders."""
    failed = []
    for file in files:
        try:
            target = resolve(root, file["path"])
            data = base64.b64decode(file["blob"]) if "blob" in file else _utf8(file["text"])
            target.parent.mkdir(parents=True, exist_ok=True)
            # O_NONBLOCK: a FIFO without a reader is an error here, not a hang.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
            with os.fdopen(os.open(target, flags, 0o644), "wb") as out:
                out.write(data)
        except (PathError, OSError) as error:
            failed.append(_failure(file["path"], error))
    return {"written": len(files) - len(failed), "failed": failed}


def read(root: Path, paths: list[str]) -> dict[str, Any]:
    """Each file as `text` if it is UTF-8, else as base64 `blob`."""
    found: list[dict[str, str]] = []
    failed = []
    room = MAX_READ
    for path in paths:
        try:
            target = resolve(root, path)
            data = _content(target, room)
        except (PathError, OSError) as error:
            failed.append(_failure(path, error))
            continue
        room -= len(data)
        found.append({"path": str(target.relative_to(root)), **_payload(target.name, data)})
    return {"files": found, "failed": failed}


def listing(root: Path, path: str) -> dict[str, Any]:
    """One level of a folder, in the order the file system gives."""
    try:
        folder = resolve(root, path)
        with os.scandir(folder) as entries:
            found = [_entry(root, entry) for entry in entries]
    except (PathError, OSError) as error:
        return {"entries": [], "failed": [_failure(path, error)]}
    return {"entries": found, "failed": []}


def remove(root: Path, paths: list[str]) -> dict[str, Any]:
    """Removes files, not folders."""
    failed = []
    for path in paths:
        try:
            target = resolve(root, path)
            if target.is_dir() and not target.is_symlink():
                raise PathError("is a directory")
            target.unlink()
        except (PathError, OSError) as error:
            failed.append(_failure(path, error))
    return {"removed": len(paths) - len(failed), "failed": failed}


def _content(target: Path, room: int) -> bytes:
    descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise PathError("is not a regular file")
        data = file.read(room + 1)
    if len(data) > room:
        raise PathError(f"more than the {MAX_READ} bytes that one reply may hold")
    return data


def _payload(name: str, data: bytes) -> dict[str, str]:
    guessed = mimetypes.guess_type(name)[0]
    try:
        return {"mime": guessed or "text/plain", "text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"mime": guessed or "application/octet-stream", "blob": base64.b64encode(data).decode("ascii")}


def _entry(root: Path, entry: os.DirEntry[str]) -> dict[str, Any]:
    # A name that is not UTF-8 travels with replacement characters.
    name = os.fsencode(entry.name).decode("utf-8", "replace")
    parent = os.path.relpath(os.path.dirname(entry.path), root)
    described: dict[str, Any] = {"name": name, "path": name if parent == "." else f"{parent}/{name}"}
    described["directory"] = entry.is_dir()
    if not described["directory"]:
        described["mime"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return described


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _failure(path: str, error: Exception) -> dict[str, str | bool]:
    missing = isinstance(error, FileNotFoundError)
    reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return {"path": path, "reason": reason, "missing": missing}
