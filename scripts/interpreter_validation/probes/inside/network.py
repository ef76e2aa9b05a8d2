"""Runs in a session: which connections open, which names resolve, whether S3 answers."""

import concurrent.futures
import http.client
import socket
import ssl
import time
from typing import Any


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`targets` [[host, port, seconds], …], `names`, `resolvers`, `s3` [host, seconds] → what happened."""
    seconds = told["seconds"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        tcp = [pool.submit(_connect, host, port, patience) for host, port, patience in told["targets"]]
        names = {name: pool.submit(_resolve, name) for name in told["names"]}
        udp = {address: pool.submit(_ask, address, seconds) for address in told["resolvers"]}
        s3 = pool.submit(_s3, *told["s3"])
        return {
            "tcp": [one.result() for one in tcp],
            "names": {name: one.result() for name, one in names.items()},
            "udp": {address: one.result() for address, one in udp.items()},
            "s3": s3.result(),
        }


def _connect(host: str, port: int, seconds: float) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        with socket.create_connection((host, port), seconds) as opened:
            ms = (time.perf_counter() - began) * 1000
            return {"reached": True, "said": "connected", "peer": opened.getpeername()[0], "ms": ms}
    except OSError as error:
        ms = (time.perf_counter() - began) * 1000
        return {"reached": False, "said": str(error), "peer": "", "ms": ms}


def _resolve(name: str) -> dict[str, Any]:
    try:
        return {"reached": True, "said": socket.gethostbyname(name)}
    except OSError as error:
        return {"reached": False, "said": str(error)}


def _ask(address: str, seconds: float) -> dict[str, Any]:
    """A DNS query over UDP for the root's name servers: code that has this way out can carry data over it."""
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.settimeout(seconds)
        try:
            opened.sendto(query, (address, 53))
            return {"reached": True, "said": f"{len(opened.recv(4096))} bytes came back"}
        except OSError as error:
            return {"reached": False, "said": str(error)}


def _s3(host: str, seconds: float) -> dict[str, Any]:
    """Any answer will do, signed or not: S3 redirects an anonymous GET of its root."""
    began = time.perf_counter()
    context = ssl.create_default_context()
    connection = http.client.HTTPSConnection(host, timeout=seconds, context=context)
    try:
        connection.request("GET", "/")
        said = f"HTTP {connection.getresponse().status}"
        return {"reached": True, "said": said, "ms": (time.perf_counter() - began) * 1000}
    except (OSError, http.client.HTTPException) as error:
        return {"reached": False, "said": str(error), "ms": (time.perf_counter() - began) * 1000}
    finally:
        connection.close()
