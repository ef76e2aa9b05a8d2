"""Files without a name, to hand a program its input."""

import os
from pathlib import Path


def unnamed(folder: Path, data: bytes) -> int:
    """A descriptor, to be closed, of a new file in this folder that holds these bytes, at its start."""
    path = folder / f".{os.urandom(8).hex()}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        path.unlink()
        write_all(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of it; OSError when the disk is full."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
