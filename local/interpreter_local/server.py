"""The endpoint's process: `python -m interpreter_local.server HOME PORT [--with-parent] [--no-rates]`.

Listens on loopback only. Writes `endpoint.json` when it answers; exit 3 with one line on stderr when it
cannot start. With `--with-parent` it ends when its standard input does, with `--no-rates` it lets requests in
at any rate.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import tls
from .home import ACCOUNT, HOST, REGION, Endpoint, HomeInUseError, hold
from .sandbox import (
    Capabilities,
    NetworkPlan,
    Sandbox,
    SandboxUnavailable,
    close_templates,
    open_sandbox,
    probe,
    sweep,
    warm_up,
)
from .sandbox.capabilities import DEVICE
from .sandbox.zygote import TRUSTED

if TYPE_CHECKING:
    from .network.exits import Exits
    from .service import Service

RATES = "request rates (quotas per second)"
USAGE = "usage metrics (CPUUsed-vCPUHours, MemoryUsed-GBHours)"
# Linux, mallopt(3): M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX.
_MALLOC = ((-3, 1024**2), (-1, 1024**2), (-8, 2))
# AWS docs: metrics come in batches of a minute. Whoever asks CloudWatch does not wait for that.
_METRICS_SECONDS = 60.0
# Connections are in cycles with their buffers; Python looks for such only after many more objects.
_TIDY_SECONDS = 15.0
# What a client that was answered may take to close its connection when the endpoint ends.
_GOODBYE_SECONDS = 0.3


class CannotStartError(RuntimeError):
    """Why the endpoint does not run, in one line."""


def main(argv: list[str]) -> int:
    """Runs until SIGTERM or SIGINT, or until the parent is gone."""
    home, port = Path(argv[0]).absolute(), int(argv[1])
    try:
        lock = hold(home)
    except HomeInUseError as error:
        print(error, file=sys.stderr)
        return 3
    _give_memory_back()
    # A session takes a handful of descriptors, and there may be a thousand sessions.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        (home / "endpoint.json").unlink(missing_ok=True)
        listener = _listen(port)
        left = sweep(home)
        if left:
            print(f"removed {left} sessions that a killed endpoint left", file=sys.stderr)
        authority = tls.Authority("interpreter-local sessions")
        tls.write_bundle(home / TRUSTED, authority)
        capabilities = probe(home)
        _configure(home, listener.getsockname()[1])
        options = {"with_parent": "--with-parent" in argv, "throttles": "--no-rates" not in argv}
        asyncio.run(_serve(home, listener, capabilities, authority, **options))
    except (CannotStartError, SandboxUnavailable) as error:
        print(error, file=sys.stderr)
        return 3
    finally:
        close_templates()
        (home / "endpoint.json").unlink(missing_ok=True)
        shutil.rmtree(home / "tmp", ignore_errors=True)
        os.close(lock)
    return 0


def _give_memory_back() -> None:
    """Has glibc return what large replies took: left to itself it keeps some hundred MB for the next ones."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in _MALLOC:
            libc.mallopt(option, value)


def _listen(port: int) -> socket.socket:
    # With the protocol spelled out asyncio sets TCP_NODELAY, without which every reply takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotStartError(
            f"cannot listen on {HOST}:{port}: {error}; choose another port with --port, 0 takes a free one"
        ) from error
    listener.listen(128)
    return listener


def _configure(home: Path, port: int) -> None:
    """What MiniStack reads from the environment when it is imported, so before that."""
    temporary = home / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    certificates = tls.create(home / "tls")
    trusted = str(certificates.authority)
    # The keys of the shell in which it was started would be root's here, and its functions would find them.
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "DOCKER_HOST"]:
        del os.environ[name]
    os.environ.update(
        AUTH="true",
        USE_SSL="1",
        GATEWAY_PORT=str(port),
        MINISTACK_HOST="localhost",
        MINISTACK_SSL_CERT=str(certificates.certificate),
        MINISTACK_SSL_KEY=str(certificates.key),
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        PERSIST_STATE="0",
        S3_PERSIST="0",
        S3_DATA_DIR=str(temporary / "s3"),
        STATE_DIR=str(temporary / "state"),
        TMPDIR=str(temporary),
        # Listeners that nobody asked for, some of them on all addresses.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL="WARNING",
        # Functions that it runs find these; a value that the machine has would lead them past our authority.
        AWS_CA_BUNDLE=trusted,
        NODE_EXTRA_CA_CERTS=trusted,
        SSL_CERT_FILE=trusted,
        REQUESTS_CA_BUNDLE=trusted,
        CURL_CA_BUNDLE=trusted,
    )


async def _serve(
    home: Path,
    listener: socket.socket,
    capabilities: Capabilities,
    authority: tls.Authority,
    *,
    with_parent: bool,
    throttles: bool,
) -> None:
    # Imported only now: MiniStack reads its settings when it is imported.
    import uvicorn
    from ministack import app as gateway

    from . import ministack
    from .network import Attached, Attachment, Network
    from .network.exits import open_exits
    from .service import Service

    exits = await open_exits(authority, ministack.ec2_of, devices=DEVICE in capabilities.enforced)
    network = Network(ministack.SessionAws(), ministack.SessionIdentities(), authority, exits)

    async def opener(session: Attachment) -> tuple[Sandbox, Attached]:
        plan = NetworkPlan(session.mode, exits.take_address(session))
        try:
            sandbox = await open_sandbox(
                session.session_id,
                home=home,
                network_mode=session.mode,
                capabilities=capabilities,
                network=plan,
            )
            try:
                return sandbox, await network.attach(session, *sandbox.take_network())
            except BaseException:
                await sandbox.close()
                raise
        except BaseException:
            exits.give_back(session)
            raise

    service = Service(opener, ministack.RequestIdentity(), throttles=throttles)
    try:
        publish = ministack.install(service)
    except ministack.IncompatibleError as error:
        raise CannotStartError(f"this MiniStack cannot be used: {error}") from error
    server = uvicorn.Server(
        uvicorn.Config(
            gateway.app,
            interface="asgi3",
            http="httptools",
            lifespan="on",
            ssl_certfile=os.environ["MINISTACK_SSL_CERT"],
            ssl_keyfile=os.environ["MINISTACK_SSL_KEY"],
            # MiniStack sends Date itself; a second one makes the JavaScript SDK compute a clock skew of NaN.
            date_header=False,
            server_header=False,
            log_config=None,
            timeout_graceful_shutdown=5,
        )
    )
    loop = asyncio.get_running_loop()
    server.shutdown = _prompt(server, server.shutdown, service)  # type: ignore[method-assign]
    # uvicorn would raise the signal once more at its end, and with that skip our own.
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    if with_parent:
        threading.Thread(target=_watch_parent, args=(loop, server), daemon=True).start()
    announcing = asyncio.create_task(
        _announce(home, listener, capabilities, exits, server, throttles=throttles)
    )
    publishing = asyncio.create_task(_publish(publish))
    tidying = asyncio.create_task(_tidy())
    try:
        await server.serve(sockets=[listener])
    finally:
        announcing.cancel()
        publishing.cancel()
        tidying.cancel()
        await service.close()
        exits.close()


def _prompt(
    server: "uvicorn.Server",  # type: ignore[name-defined]  # noqa: F821
    shutdown: Callable[..., Coroutine[Any, Any, None]],
    service: "Service",
) -> Callable[..., Coroutine[Any, Any, None]]:
    """uvicorn's shutdown, without waiting for calls that run or for clients that keep their connection."""

    async def ending(sockets: list[socket.socket] | None = None) -> None:
        # Whoever waits for a session is answered now.
        await service.close()
        closing = asyncio.create_task(shutdown(sockets))
        while not closing.done():
            await asyncio.wait({closing}, timeout=_GOODBYE_SECONDS)
            for connection in list(server.server_state.connections):
                # TLS waits for the other side's goodbye; who only keeps a connection does not say it.
                if connection.cycle is None or connection.cycle.response_complete:
                    connection.transport.abort()
        await closing

    return ending


async def _announce(
    home: Path,
    listener: socket.socket,
    capabilities: Capabilities,
    exits: "Exits",
    server: "uvicorn.Server",  # type: ignore[name-defined]  # noqa: F821
    *,
    throttles: bool,
) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
        await asyncio.sleep(0.01)
    Endpoint(
        url=f"https://{HOST}:{listener.getsockname()[1]}",
        pid=os.getpid(),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        tier=capabilities.tier,
        enforced=(*capabilities.enforced, *exits.enforced, *((RATES,) if throttles else ())),
        missing=(
            *capabilities.missing,
            *exits.missing,
            *(() if throttles else (f"{RATES}: switched off by --no-rates",)),
            USAGE,
        ),
        authority=str(home / "tls/ca.pem"),
    ).write(home)
    warm_up(home, capabilities)


async def _publish(publish: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        await asyncio.sleep(_METRICS_SECONDS)
        await publish()


async def _tidy() -> None:
    """Frees what ended connections hold, and gives it back. What was there at the start is not looked at."""
    libc = ctypes.CDLL(None)
    gc.collect()
    gc.freeze()
    while True:
        await asyncio.sleep(_TIDY_SECONDS)
        gc.collect()
        if hasattr(libc, "malloc_trim"):
            libc.malloc_trim(0)


def _watch_parent(loop: asyncio.AbstractEventLoop, server: object) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(setattr, server, "should_exit", True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
