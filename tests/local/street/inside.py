"""Stands for a session: a network namespace with a TUN device, in which commands run. `inside.py FD ADDRESS`.

Hands the device over on the socket FD; then each line on standard input is a JSON list, a command, and each
line on standard output its status, output and errors.
"""

import ctypes
import fcntl
import json
import runpy
import socket
import struct
import subprocess
import sys

_SIOCADDRT, _RTF_UP = 0x890B, 1


def default_route(name):
    anywhere = struct.pack("H14x", socket.AF_INET)
    device = ctypes.create_string_buffer(name.encode())
    route = struct.pack(
        "L16s16s16sHh4xLPh6xPLLH6x",
        *(0, anywhere, anywhere, anywhere, _RTF_UP, 0, 0, 0, 0, ctypes.addressof(device), 0, 0, 0),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCADDRT, route)


def main(channel, address, namespace):
    made = runpy.run_path(namespace)
    made["enter"](ctypes.CDLL(None, use_errno=True))
    device = made["tun"]("eth0")
    made["up"]("lo")
    made["up"]("eth0", address, mtu=made["MTU"])
    default_route("eth0")
    socket.send_fds(channel, [b"."], [device])
    channel.close()
    for line in sys.stdin:
        done = subprocess.run(json.loads(line), capture_output=True, text=True, timeout=60, check=False)
        print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), *sys.argv[2:])
