"""The Python kernel: one real IPython shell, forked from a warm template or run as a program.

`python python_kernel.py FD` or `serve_forked` with such a socket reads one JSON line a request from it,
{"code", "clear"}, and answers {"ok"}. What the code prints goes to file descriptors 1 and 2, tracebacks to 2;
the agent reads those.
A real shell because the live service's tracebacks are IPython's, byte for byte.
"""

import contextlib
import io
import json
import os
import signal
import socket
import sys
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell


class _BareDisplayHook(DisplayHook):  # type: ignore[misc]
    """Shows the value of a trailing expression without the `Out[n]:` prompt."""

    prompt_end_newline = True

    def write_output_prompt(self) -> None:
        return None


class _Shell(InteractiveShell):  # type: ignore[misc]
    """An IPython shell that writes tracebacks to the process's own stderr."""

    displayhook_class = _BareDisplayHook

    def _showtraceback(self, etype: object, evalue: object, stb: list[str]) -> None:
        print("\n".join(stb), file=sys.__stderr__, flush=True)

    def enable_gui(self, gui: str | None = None) -> None:
        """No screen, no event loop of one: what %matplotlib asks for beside its backend."""

    def ask_exit(self) -> None:
        """`exit` ends a terminal, and there is none: the session goes on."""

    def init_history(self) -> None:
        self.history_manager = HistoryManager(shell=self, parent=self, hist_file=":memory:")
        self.configurables.append(self.history_manager)


def new_shell() -> InteractiveShell:
    """The shell as the live service shows it: no colours, history in memory only."""
    _Shell.separate_out = ""
    # Before construction: the traceback formatter copies it then.
    _Shell.colors = "nocolor"
    return _Shell.instance()


def warm_up(shell: InteractiveShell) -> None:
    """Has IPython load and make what it only makes when it is used. The shell is as new afterwards."""
    fresh, hidden = dict(shell.user_ns), dict(shell.user_ns_hidden)
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell("sum([0])", store_history=True)
    try:
        raise KeyError("warm")
    except KeyError:
        shell.InteractiveTB.structured_traceback(*sys.exc_info())
    shell.displayhook.flush()
    shell.configurables.remove(shell.history_manager)
    shell.init_history()
    shell.user_ns.clear()
    shell.user_ns.update(fresh)
    shell.user_ns_hidden.clear()
    shell.user_ns_hidden.update(hidden)
    shell.init_user_ns()
    shell.execution_count, shell.last_execution_result = 1, None


def serve(requests: socket.socket, shell: InteractiveShell) -> None:
    """Answers requests until the agent closes the socket."""
    kernel = os.getpid()
    lines = requests.makefile("rb")
    _send(requests, {"ready": True})
    for call, line in enumerate(lines, start=1):
        request = json.loads(line)
        if request["clear"]:
            shell.reset(new_session=False)
        # Recorded: the fifth call of a session is In[10]; the counter moves by two a call.
        shell.execution_count = 2 * call
        ok = _run(shell, request["code"])
        if os.getpid() != kernel:
            # A child that the code forked and that came back out of the cell.
            os._exit(0)
        _send(requests, {"ok": ok})


def _run(shell: InteractiveShell, code: str) -> bool:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return bool(shell.run_cell(code, store_history=True).success)
    except KeyboardInterrupt:
        print("KeyboardInterrupt", file=sys.__stderr__)
        return False
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            # The code may have closed or replaced any of them.
            with contextlib.suppress(Exception):
                stream.flush()  # type: ignore[union-attr]


def _send(requests: socket.socket, reply: dict[str, Any]) -> None:
    requests.sendall(json.dumps(reply).encode() + b"\n")


def main() -> None:
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.set_inheritable(False)
    for stream in (sys.stdout, sys.stderr):
        # Line by line: what a thread prints after its call, or before a child process does, is not held back.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    _prepare()
    serve(requests, new_shell())


def serve_forked(requests: socket.socket, shell: InteractiveShell) -> None:
    """The kernel in a fork of a process that has the shell ready."""
    requests.set_inheritable(False)
    _prepare()
    sys.stdout = sys.__stdout__ = _stream(1, "<stdout>")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "<stderr>")  # type: ignore[misc]
    # What was found, or not, in the folder that was the workspace then.
    for folder in ("", os.getcwd()):
        sys.path_importer_cache.pop(folder, None)
    if "numpy.random" in sys.modules:
        # Python reseeds its own generator after a fork.
        sys.modules["numpy.random"].seed()
    serve(requests, shell)


def _stream(descriptor: int, name: str) -> io.TextIOWrapper:
    """As Python makes it at its start."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    raw.name = name
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.argv = [""]
    # The workspace is importable, this file's folder is not.
    sys.path[0] = ""


if __name__ == "__main__":
    main()
