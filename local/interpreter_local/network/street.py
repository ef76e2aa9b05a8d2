"""The street: a network namespace of the endpoint's own, in which the outside host stands.

One for the whole endpoint. Sessions of PUBLIC and VPC mode get there through the router only, and beyond it
only where slirp4netns is on the PATH: then one such process carries their traffic to the internet under the
endpoint's user. Nothing of it outlives the endpoint: the namespace is held by descriptors, slirp4netns ends
when one of them closes.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from . import namespace, public
from .outside import Outside
from .packets import Flow
from .router import Router

SLIRP = "slirp4netns"
_SECONDS = 10.0
_AFTER_SECONDS = 2.0


class StreetUnavailableError(RuntimeError):
    """There is no street on this machine; the message says why."""


class Street:
    """The outside host and the router before it. Made by `open_street`."""

    def __init__(self, router: Router, outside: Outside, slirp: "_Slirp | None", no_internet: str) -> None:
        self.router = router
        self._outside = outside
        self._slirp = slirp
        self._no_internet = no_internet

    @property
    def internet(self) -> bool:
        """Whether there is a way beyond the outside host now."""
        return self._slirp is not None and self._slirp.runs

    @property
    def missing(self) -> tuple[str, ...]:
        """What sessions do without, for `status`."""
        return () if self.internet else (f"internet in PUBLIC and VPC mode: {self._no_internet}",)

    def public_egress(self, flow: Flow) -> str | None:
        """What PUBLIC mode refuses; the rule for `Router.attach`."""
        return public.refusal(flow, internet=self.internet)

    def close(self) -> None:
        """Ends everything."""
        self.router.close()
        self._outside.close()
        if self._slirp is not None:
            self._slirp.close()


async def open_street(tls: ssl.SSLContext, *, slirp: str | None = None) -> Street:
    """Makes the namespace and sets its host to work; `tls` is what the host speaks on port 443.

    `slirp`: the program to use, looked for on the PATH when None. Raises StreetUnavailableError.
    """
    if sys.platform != "linux":
        raise StreetUnavailableError(f"no network namespaces on {sys.platform}")
    made = await asyncio.to_thread(_make, slirp or shutil.which(SLIRP))
    outside = Outside(
        http=made.sockets["http"],
        https=made.sockets["https"],
        echo=made.sockets["echo"],
        datagrams=made.datagrams,
        tls=tls,
    )
    return Street(Router(made.device), outside, made.slirp, made.no_internet)


class _Slirp:
    """One slirp4netns process; it ends when our end of its exit pipe closes."""

    def __init__(self, process: subprocess.Popen[bytes], stay: int) -> None:
        self._process = process
        self._stay = stay

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        os.close(self._stay)
        try:
            self._process.wait(_AFTER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Made:
    """What `_make` hands to the event loop."""

    def __init__(self, device: int, sockets: dict[str, socket.socket], datagrams: socket.socket) -> None:
        self.device = device
        self.sockets = sockets
        self.datagrams = datagrams
        self.slirp: _Slirp | None = None
        self.no_internet = f"{SLIRP} is not installed"


def _make(slirp: str | None) -> _Made:
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-I", "-S", str(Path(namespace.__file__)), str(theirs.fileno())]
    with ours, theirs:
        ours.settimeout(_SECONDS)
        try:
            maker = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], env={}, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise StreetUnavailableError(str(error)) from error
        theirs.close()
        try:
            made, forwards = _received(ours, maker)
            if slirp and not forwards:
                made.no_internet = "/proc/sys/net is not writable"
            elif slirp:
                try:
                    made.slirp = _start_slirp(slirp, maker.pid)
                except StreetUnavailableError as error:
                    made.no_internet = str(error)
            return made
        finally:
            # It has nothing to do any more: the descriptors hold the namespace.
            ours.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                maker.wait(_AFTER_SECONDS)
            maker.kill()
            maker.communicate()


def _received(ours: socket.socket, maker: subprocess.Popen[bytes]) -> tuple[_Made, bool]:
    count = len(namespace.PORTS) + 2
    try:
        said, descriptors, _, _ = socket.recv_fds(ours, 4096, count)
    except OSError as error:
        raise StreetUnavailableError(f"no answer from its namespace: {error}") from error
    message = json.loads(said or b"{}")
    if len(descriptors) != count:
        for descriptor in descriptors:
            os.close(descriptor)
        if "error" in message:
            raise StreetUnavailableError(message["error"])
        maker.kill()
        trace = maker.communicate()[1].decode(errors="replace").strip().splitlines()
        raise StreetUnavailableError(trace[-1] if trace else "its namespace ended")
    device, *rest = descriptors
    *tcp, datagrams = (socket.socket(fileno=descriptor) for descriptor in rest)
    return _Made(device, dict(zip(namespace.PORTS, tcp, strict=True)), datagrams), message["forwards"]


def _start_slirp(program: str, pid: int) -> _Slirp:
    stop, stay = os.pipe()
    ready, tell = os.pipe()
    argv = [program, "--configure", f"--mtu={namespace.MTU}", "--disable-host-loopback"]
    argv += ["--enable-seccomp", f"--exit-fd={stop}", f"--ready-fd={tell}", "--netns-type=path"]
    # It can shut itself in only as root (1.2.0: "setegid(0)" fails otherwise).
    argv.append(f"--userns-path=/proc/{pid}/ns/user" if os.geteuid() != 0 else "--enable-sandbox")
    # A file takes what it says: nobody reads a pipe while it runs.
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                [*argv, f"/proc/{pid}/ns/net", "tap0"],
                pass_fds=[stop, tell],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        except OSError as error:
            os.close(stay)
            raise StreetUnavailableError(f"{program}: {error.strerror}") from error
        finally:
            os.close(stop)
            os.close(tell)
            # Nothing comes when it fails: then the pipe ends.
            said = os.read(ready, 1)
            os.close(ready)
        if said == b"1":
            return _Slirp(process, stay)
        os.close(stay)
        process.wait()
        errors.seek(0)
        trace = errors.read().decode(errors="replace").strip().splitlines()
    raise StreetUnavailableError(f"{SLIRP}: {trace[-1] if trace else f'status {process.returncode}'}")
