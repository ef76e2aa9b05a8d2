"""The Python kernel: one real IPython shell, run as a program inside a sandbox.

`python python_kernel.py FD` reads one JSON line a request from that socket, {"code", "clear"}, and answers
{"ok"}. What the code prints goes to file descriptors 1 and 2, tracebacks to 2; the agent reads those.
A real shell because the live service's tracebacks are IPython's, byte for byte.
"""

import contextlib
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


def serve(requests: socket.socket) -> None:
    """Answers requests until the agent closes the socket."""
    shell = new_shell()
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.set_inheritable(False)
    for stream in (sys.stdout, sys.stderr):
        # Line by line: what a thread prints after its call, or before a child process does, is not held back.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    sys.argv = [""]
    # The workspace is importable, this file's folder is not.
    sys.path[0] = ""
    serve(requests)


if __name__ == "__main__":
    main()
