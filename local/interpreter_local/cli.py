"""interpreter-local: a local AWS endpoint with the Code Interpreter in it."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from .home import Endpoint, cleared, environment, running, variables
from .sandbox.python_env import ROOT

DEFAULT_PORT = 4566
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0

_DESCRIPTION = """\
A local AWS endpoint: CloudFormation, IAM, STS, S3, Lambda and more (MiniStack), and the Code Interpreter of
Amazon Bedrock AgentCore with real sandboxes. Credentials and policies are enforced. It listens on loopback
only. It is for your own and test code, not for hostile tenants.
"""
_EPILOG = """\
examples:
  interpreter-local run -- cdk deploy --all       one command against a fresh endpoint
  interpreter-local up && eval "$(interpreter-local env)"    a whole shell
  interpreter-local status                        what runs, what is enforced and what is missing
  interpreter-local down

exit status: 0 done (status: it runs), 1 nothing runs (status, env), 2 wrong usage, 3 could not start or stop;
run: the status of its command.
"""


class StartError(RuntimeError):
    """The endpoint did not start; the message is what it said."""


def main(argv: list[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="interpreter-local",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up | down | status | env | run")
    for name, text in (
        ("up", "start the endpoint in the background"),
        ("down", "stop it and every session in it"),
        ("status", "say whether it runs, and what it enforces here"),
        ("env", "print the variables that point a shell at it"),
        ("run", "run a command against it; starts one if none runs, and stops what it started"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--home",
            type=Path,
            default=ROOT / ".interpreter-local",
            help="the endpoint's folder (default: .interpreter-local in the project)",
        )
        if name in ("up", "run"):
            command.add_argument(
                "--port",
                type=_port,
                default=DEFAULT_PORT,
                help=f"where it listens on 127.0.0.1 (default {DEFAULT_PORT}; 0 takes a free one)",
            )
            command.add_argument(
                "--no-rates",
                action="store_true",
                help="let requests in at any rate, for benchmarks (default: the quotas per second)",
            )
        if name == "run":
            command.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD", help="the command")
    options = parser.parse_args(argv)
    options.home = options.home.absolute()
    if options.command == "run":
        options.argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
        if not options.argv:
            parser.error("run: expected a command, as in: interpreter-local run -- cdk deploy --all")
    try:
        return _COMMANDS[options.command](options)
    except StartError as error:
        print(f"interpreter-local: {error}", file=sys.stderr)
        return 3


def _up(options: argparse.Namespace) -> int:
    if found := Endpoint.read(options.home):
        print(f"runs already: {found.url} (pid {found.pid})")
        return 0
    _, endpoint = _start(options.home, options.port, rates=not options.no_rates)
    print(f"{endpoint.url} (pid {endpoint.pid}, sandbox tier {endpoint.tier})")
    return 0


def _down(options: argparse.Namespace) -> int:
    endpoint = Endpoint.read(options.home)
    if endpoint is None:
        print("nothing runs")
        return 0
    os.kill(endpoint.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while running(options.home):
        if time.monotonic() > deadline:
            raise StartError(f"pid {endpoint.pid} did not stop within {_STOP_SECONDS:.0f} s")
        time.sleep(0.02)
    print(f"stopped {endpoint.url}")
    return 0


def _status(options: argparse.Namespace) -> int:
    endpoint = Endpoint.read(options.home)
    if endpoint is None:
        print(f"nothing runs in {options.home}")
        return 1
    print(f"{endpoint.url}  pid {endpoint.pid}, since {endpoint.started}")
    print(f"sandbox tier  {endpoint.tier}")
    for title, lines in (("enforced", endpoint.enforced), ("missing", endpoint.missing)):
        for number, line in enumerate(lines or ("nothing",)):
            print(f"{title if number == 0 else '':<13} {line}")
    return 0


def _env(options: argparse.Namespace) -> int:
    endpoint = Endpoint.read(options.home)
    if endpoint is None:
        print(f"interpreter-local: nothing runs in {options.home}; start it with `up`", file=sys.stderr)
        return 1
    wanted = variables(options.home, endpoint)
    for name in cleared(dict(os.environ)):
        if name not in wanted:
            print(f"unset {name}")
    for name, value in wanted.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _run(options: argparse.Namespace) -> int:
    found = Endpoint.read(options.home)
    server = None
    if found is None:
        server, found = _start(options.home, options.port, rates=not options.no_rates, with_parent=True)
    try:
        return _run_command(options.argv, environment(options.home, found, dict(os.environ)))
    finally:
        if server is not None:
            _stop(server)


def _run_command(argv: list[str], env: dict[str, str]) -> int:
    # Ctrl-C reaches the command by itself; we wait for it to end, and only then stop the endpoint.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        child = subprocess.Popen(argv, env=env, preexec_fn=_default_signals)
    except OSError as error:
        print(f"interpreter-local: cannot run {argv[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    else:
        signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
        status = child.wait()
        return status if status >= 0 else 128 - status
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def _start(
    home: Path, port: int, *, rates: bool, with_parent: bool = False
) -> tuple[subprocess.Popen[bytes], Endpoint]:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    argv = [sys.executable, "-m", "interpreter_local.server", str(home), str(port)]
    argv += ["--with-parent"] * with_parent + ["--no-rates"] * (not rates)
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if with_parent else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    try:
        while time.monotonic() < deadline:
            if server.poll() is not None:
                said = (home / "log").read_text(errors="replace").strip().splitlines()
                raise StartError(said[-1] if said else f"the endpoint ended with status {server.returncode}")
            if (endpoint := Endpoint.read(home)) and endpoint.pid == server.pid:
                return server, endpoint
            time.sleep(0.02)
        raise StartError(f"the endpoint did not answer within {_START_SECONDS:.0f} s; see {home / 'log'}")
    except BaseException:
        _stop(server)
        raise


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected 0 to 65535")
    return int(text)


_COMMANDS = {"up": _up, "down": _down, "status": _status, "env": _env, "run": _run}

if __name__ == "__main__":
    sys.exit(main())
