"""An endpoint's machine before an internet, both namespaces of this machine: nothing leaves it.

Run with a network namespace of its own: `unshare --net python internet.py`. Prints what a session of PUBLIC
mode got, one line each.
"""

import asyncio
import http.server
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest import behind, call

from interpreter_local.network.street import open_street

INTERNET = "11.22.33.44"
FETCH = "import urllib.request as u; print(u.urlopen({!r}, timeout=5).read().decode())"


def sh(command):
    subprocess.run(command, shell=True, check=True)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the internet")

    def log_message(self, *_):
        """Says nothing."""


def internet(ready):
    """A process in a namespace of its own that answers on a public address, and nowhere else."""
    pid = os.fork()
    if pid == 0:
        sh(f"ip link set lo up; ip addr add {INTERNET}/32 dev lo")
        server = http.server.HTTPServer((INTERNET, 80), Page)
        os.write(ready, b".")
        server.serve_forever()
    return pid


def main():
    import ctypes

    here = f"/proc/{os.getpid()}/ns/net"
    ours = os.open(here, os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    seen, ready = os.pipe()
    assert libc.unshare(0x40000000) == 0
    pid = internet(ready)
    assert libc.setns(ours, 0) == 0
    try:
        assert os.read(seen, 1) == b"."
        sh(
            f"ip link set lo up && ip link add v0 type veth peer name v1 netns {pid} && ip link set v0 up"
            " && ip addr add 10.9.0.1/24 dev v0 && ip route add default via 10.9.0.2"
            f" && nsenter -t {pid} -n sh -c 'ip addr add 10.9.0.2/24 dev v1; ip link set v1 up'"
        )
        with asyncio.Runner() as runner:
            street = runner.run(open_street(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)))
            print(street.internet, street.missing)
            session = behind(runner, street.router, street.public_egress)
            print(session.run(FETCH.format(f"http://{INTERNET}/")))
            print(session.run(FETCH.format("http://10.9.0.1/")))
            session.close()
            runner.run(call(street.close))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
