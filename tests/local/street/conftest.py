"""A street, and namespaces that stand for sessions: real devices, real sockets, the router between them."""

import asyncio
import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from interpreter_local.network import namespace
from interpreter_local.network.street import StreetUnavailableError, open_street

INSIDE = Path(__file__).with_name("inside.py")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate of the outside host, as a file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "outside.test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("outside.test"), x509.IPAddress(ipaddress.ip_address(namespace.OUTSIDE))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path_factory.mktemp("tls") / "outside.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem)
    )
    return file


@pytest.fixture
def street(runner, certificate):
    """A street without a way to the internet; tests are skipped, by name, where there can be none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    try:
        opened = runner.run(open_street(context, slirp="/nonexistent/slirp4netns"))
    except StreetUnavailableError as reason:
        pytest.skip(str(reason))
    yield opened
    runner.run(call(opened.close))


async def call(function, *arguments):
    """Calls a plain function where an event loop runs."""
    return function(*arguments)


async def until(condition):
    """Lets the event loop work until something holds, ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a plain value of the code under test
            await asyncio.sleep(0.01)


class Inside:
    """One namespace that stands for a session; `attach(device)` gives what ends its network."""

    def __init__(self, runner, address, attach):
        self._runner = runner
        self.address = str(address)
        ours, theirs = socket.socketpair()
        argv = [sys.executable, INSIDE, str(theirs.fileno()), self.address, namespace.__file__]
        with ours, theirs:
            self._process = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            theirs.close()
            ours.settimeout(20)
            _, [device], _, _ = socket.recv_fds(ours, 1, 1)
        self._end = runner.run(call(attach, device))

    def run(self, code):
        """Runs Python in the namespace while the router works: its output; an exception's name instead."""
        return self.start(code)()

    def start(self, code):
        """The same, but returns at once; the call of what it returns waits."""
        tried = "try:\n" + "".join(f" {line}\n" for line in code.strip().splitlines())
        tried += "except Exception as error: print(type(error).__name__, error)"
        self._process.stdin.write(json.dumps([sys.executable, "-c", tried]) + "\n")
        self._process.stdin.flush()
        return lambda: self._runner.run(self._answer())

    async def _answer(self):
        line = await asyncio.to_thread(self._process.stdout.readline)
        status, out, err = json.loads(line)
        assert (status, err) == (0, "")
        return out.strip()

    def close(self):
        self._runner.run(call(self._end))
        self._process.communicate()

    def kill(self):
        """Ends the session as the endpoint does: first its network, then its processes."""
        self._runner.run(call(self._end))
        self._process.kill()


def behind(runner, router, egress):
    """A session behind the router under a rule; its `port` counts what passed and what did not."""
    address = runner.run(call(router.take_address))
    ports = []

    def attach(device):
        ports.append(router.attach(device, address, egress))

        def end():
            router.detach(ports[0])
            router.give_back(address)

        return end

    made = Inside(runner, address, attach)
    made.port = ports[0]
    return made


@pytest.fixture
def session(runner, street):
    """`session(egress)` → a namespace behind the router; the rules of PUBLIC mode if none are given."""
    opened = []

    def make(egress=None):
        opened.append(behind(runner, street.router, egress or street.public_egress))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def descriptors():
    """How many descriptors this process has open."""
    return lambda: len(os.listdir("/proc/self/fd"))
