"""The file operations of a session, done inside its sandbox, on files of its workspace only.

A link that leads elsewhere is refused: what this process may open is not all what the session's own may.
Unrecorded: whether the live service follows links.
"""

import base64
import errno
import mimetypes
import os
import stat
import sys
from pathlib import Path
from typing import Any

# No event of the stream can carry more, whatever a file holds (botocore's bound on a payload).
MAX_READ = 24 * 1024 * 1024
_OUTSIDE = "path traversal outside the workspace is not allowed"


class PathError(ValueError):
    """A path that a file operation must not or cannot take."""


def resolve(root: Path, path: str) -> Path:
    """Where `path` lies in the workspace `root`.

    A leading slash means the workspace, unless the path already starts with the workspace. Unrecorded: what
    the live service does with absolute paths.
    """
    if "\0" in path:
        raise PathError("path holds a null character")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise PathError("path holds a lone surrogate, which no UTF-8 can express") from None
    inside = os.path.normpath(path)
    if inside == str(root) or inside.startswith(f"{root}/"):
        return Path(inside)
    relative = os.path.normpath(path.lstrip("/") or ".")
    if relative == ".." or relative.startswith("../") or path.startswith(f"{root}/"):
        raise PathError(_OUTSIDE)
    return root / relative


def write(root: Path, files: list[dict[str, str]]) -> dict[str, Any]:
    """Writes each file (`path` and `text` or base64 `blob`), making missing parent folders."""
    failed = []
    for file in files:
        try:
            target = resolve(root, file["path"])
            data = base64.b64decode(file["blob"]) if "blob" in file else _utf8(file["text"])
            # Before anything is made; `_open` asks again.
            target = _led_to(target, root)
            _make_folders(target.parent)
            with os.fdopen(_open(target, os.O_WRONLY | os.O_CREAT, (root,)), "wb") as out:
                out.truncate(0)
                out.write(data)
        except (PathError, OSError) as error:
            failed.append(_failure(file["path"], error))
    return {"written": len(files) - len(failed), "failed": failed}


def read(root: Path, paths: list[str], packages: Path) -> dict[str, Any]:
    """Each file as `text` if it is UTF-8, else as base64 `blob`.

    A link may lead to `packages`, too: on the live service that folder is in the workspace.
    """
    found: list[dict[str, str]] = []
    failed = []
    room = MAX_READ
    for path in paths:
        try:
            target = resolve(root, path)
            data = _content(target, room, (root, packages))
        except (PathError, OSError) as error:
            failed.append(_failure(path, error))
            continue
        room -= len(data)
        found.append({"path": str(target.relative_to(root)), **_payload(target.name, data)})
    return {"files": found, "failed": failed}


def listing(root: Path, path: str, packages: Path) -> dict[str, Any]:
    """One level of a folder, in the order the file system gives; `packages` as for `read`."""
    try:
        folder = resolve(root, path)
        descriptor = _open(folder, os.O_RDONLY | os.O_DIRECTORY, (root, packages))
        try:
            with os.scandir(descriptor) as entries:
                shown = os.path.relpath(folder, root)
                found = [_entry("" if shown == "." else f"{shown}/", entry) for entry in entries]
        finally:
            os.close(descriptor)
    except (PathError, OSError) as error:
        return {"entries": [], "failed": [_failure(path, error)]}
    return {"entries": found, "failed": []}


def remove(root: Path, paths: list[str]) -> dict[str, Any]:
    """Removes files, not folders."""
    failed = []
    for path in paths:
        try:
            target = resolve(root, path)
            target = _led_to(target.parent, root) / target.name
            if target.is_dir() and not target.is_symlink():
                raise PathError("is a directory")
            target.unlink()
        except (PathError, OSError) as error:
            failed.append(_failure(path, error))
    return {"removed": len(paths) - len(failed), "failed": failed}


def _content(target: Path, room: int, within: tuple[Path, ...]) -> bytes:
    with os.fdopen(_open(target, os.O_RDONLY, within), "rb") as file:
        data = file.read(room + 1)
    if len(data) > room:
        raise PathError(f"too large for one event, which carries at most {MAX_READ} bytes of files")
    return data


def _open(target: Path, flags: int, within: tuple[Path, ...]) -> int:
    """A descriptor of a regular file (with O_DIRECTORY of a folder) that really lies within these folders."""
    # O_NONBLOCK: a FIFO without its other end is an error here, not a hang.
    descriptor = os.open(target, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    try:
        if not flags & os.O_DIRECTORY and not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PathError("is not a regular file")
        # Asked of what is open: the session may exchange a link at any moment.
        opened = f"/proc/self/fd/{descriptor}" if sys.platform == "linux" else str(target)
        if not any(Path(os.path.realpath(opened)).is_relative_to(os.path.realpath(top)) for top in within):
            raise PathError(_OUTSIDE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _led_to(target: Path, root: Path) -> Path:
    """Where links lead from there, which must be in the workspace `root`."""
    real = Path(os.path.realpath(target))
    if not real.is_relative_to(os.path.realpath(root)):
        raise PathError(_OUTSIDE)
    return real


def _make_folders(folder: Path) -> None:
    """As `mkdir -p`, for paths of any depth."""
    if not folder.is_dir():
        for one in (*reversed(folder.parents), folder):
            if not one.is_dir():
                try:
                    one.mkdir(exist_ok=True)
                except FileExistsError:
                    raise PathError(os.strerror(errno.ENOTDIR)) from None


def _payload(name: str, data: bytes) -> dict[str, str]:
    guessed = mimetypes.guess_type(name)[0]
    try:
        return {"mime": guessed or "text/plain", "text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"mime": guessed or "application/octet-stream", "blob": base64.b64encode(data).decode("ascii")}


def _entry(parent: str, entry: os.DirEntry[str]) -> dict[str, Any]:
    # A name that is not UTF-8 travels with replacement characters.
    name = os.fsencode(entry.name).decode("utf-8", "replace")
    try:
        directory = entry.is_dir()
    except OSError:
        # A link that leads to itself, or to where nobody may look.
        directory = False
    described: dict[str, Any] = {"name": name, "path": f"{parent}{name}", "directory": directory}
    if not described["directory"]:
        described["mime"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return described


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _failure(path: str, error: Exception) -> dict[str, str | bool]:
    missing = isinstance(error, FileNotFoundError)
    reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return {"path": path, "reason": reason, "missing": missing}
