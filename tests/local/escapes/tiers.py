"""The tiers as tests see them: a driver process in each, sessions in it, and code in those."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
DRIVER = Path(__file__).with_name("driver.py")
TIERS = ("full", "rootless", "process")
USER = 54321
# In the driver's environment: what must not be found in any session.
SECRET = "secret-of-the-endpoint-7c1d"
# A user who may look into the folders of this checkout and of its Python, as the owner of a laptop may.
AS_ANYBODY = """
set -eu
case "$PYTHON_HOME" in /root/*)
    mount --bind "$PYTHON_HOME" /mnt
    mount -t tmpfs -o mode=0755 home /root
    mkdir -p "$PYTHON_HOME"
    mount --bind /mnt "$PYTHON_HOME";;
esac
exec setpriv --reuid 54321 --regid 54321 --clear-groups "$@"
"""
# What the code of an attempt finds.
PRELUDE = """
import ctypes, errno, glob, os, platform, signal, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def outcome(attempt):
    "The value that an attempt gives, or the name of its error."
    try:
        return attempt()
    except OSError as error:
        return errno.errorcode[error.errno]
def call(name, *arguments):
    "A function of libc, or a system call by its number."
    given = (ctypes.c_long(name), *arguments) if isinstance(name, int) else arguments
    if libc["syscall" if isinstance(name, int) else name](*given) == -1:
        return errno.errorcode[ctypes.get_errno()]
    return "done"
def child(function):
    "How a child that runs this ends: its exit code, or minus the number of a signal."
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def write(path, text="x"):
    with open(path, "w") as file:
        file.write(text)
    return "written"
def read(path):
    with open(path, "rb") as file:
        return file.read(1000)
"""


class Unavailable(Exception):  # noqa: N818 - it says what the machine is
    """This machine does not offer the tier; the text says why."""


class Host:
    """A driver in one tier: stands for an endpoint."""

    def __init__(self, tier: str) -> None:
        if tier == "full" and os.geteuid() != 0:
            raise Unavailable("only root offers the tier `full`")
        # Not in pytest's folder, which nobody else may enter.
        self.home = home = Path(tempfile.mkdtemp(prefix="interpreter-escapes-"))
        self._numbers = itertools.count(1)
        command = [sys.executable, str(DRIVER), tier, str(home)]
        root = os.geteuid() == 0
        if tier != "full" and root:
            command = _as_anybody(home, command)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHON_HOME": sys.base_prefix, "AWS_SECRET_ACCESS_KEY": SECRET},
        )
        self.found = json.loads(self.process.stdout.readline() or "null")
        if self.found is None:
            reason = self.process.communicate()[1].strip().splitlines()[-1]
            shutil.rmtree(self.home)
            raise Unavailable(reason)
        if self.found["tier"] != tier:
            self.end()
            raise Unavailable(f"not `{tier}` here: {'; '.join(self.found['missing'])}")

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the endpoint died: {self.process.communicate()[1]}"
        return json.loads(line)

    def open(self, **limits):
        session = Session(self, f"s{next(self._numbers)}")
        self.ask(open=session.id, limits=limits)
        return session

    def end(self) -> None:
        self.process.communicate(timeout=60)
        shutil.rmtree(self.home)


class Session:
    """One sandbox."""

    def __init__(self, host: Host, identifier: str) -> None:
        self.host = host
        self.id = identifier
        self.closed = False

    def call(self, op, **params):
        """The reply of one operation; a dict with `error` when there is none."""
        reply = self.host.ask(call=self.id, op=op, params=params)
        return reply.get("result", reply)

    def run(self, code, **params):
        """The reply of executeCode, with the prelude in reach."""
        return self.call("execute_code", code=f"{PRELUDE}\n{code}", **params)

    def python(self, code):
        """What code prints that must not raise."""
        done = self.run(code)
        assert done.get("exit_code") == 0, done
        return done["stdout"].strip()

    def outcome(self, expression):
        """What an expression gives, or the name of its error."""
        return self.python(f"print(outcome(lambda: {expression}))")

    def shell(self, command):
        """Exit code and output of a command."""
        done = self.call("execute_command", command=command)
        return done["exit_code"], done["output"].replace("\r\n", "\n")

    @property
    def alive(self):
        return self.call("execute_code", code="print('alive')").get("stdout") == "alive\n"

    def close(self):
        if not self.closed:
            self.closed = True
            self.host.ask(close=self.id)


def _as_anybody(home: Path, command: list[str]) -> list[str]:
    if str(ROOT).startswith("/root/"):
        raise Unavailable("another user cannot read this checkout")
    os.chown(home, USER, USER)
    return ["unshare", "--mount", "sh", "-c", AS_ANYBODY, "sh", *command]
