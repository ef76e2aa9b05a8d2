"""Runs each session in a sandbox of its own: bubblewrap, a system call filter, limits as the machine allows.

capabilities = probe(home)
sandbox = await open_sandbox("01M…", home=home, network_mode="SANDBOX", capabilities=capabilities)
await sandbox.call("execute_command", command="uname -a")
await sandbox.close()
"""

from .capabilities import Capabilities, SandboxUnavailable, probe
from .leftovers import sweep
from .limits import Limits
from .session import CallError, Sandbox, SandboxClosed, open_sandbox

__all__ = [
    "CallError",
    "Capabilities",
    "Limits",
    "Sandbox",
    "SandboxClosed",
    "SandboxUnavailable",
    "open_sandbox",
    "probe",
    "sweep",
]
