"""Runs each session in a sandbox of its own: namespaces, a system call filter, limits as the machine allows.

capabilities = probe(home)
sandbox = await open_sandbox("01M…", home=home, network_mode="SANDBOX", capabilities=capabilities)
await sandbox.call("execute_command", command="uname -a")
await sandbox.close()
"""

from .capabilities import Capabilities, SandboxUnavailable, probe
from .leftovers import sweep
from .limits import Limits
from .session import CallError, NetworkPlan, Sandbox, SandboxClosed, open_sandbox, warm_up
from .zygote import close_templates

__all__ = [
    "CallError",
    "Capabilities",
    "Limits",
    "NetworkPlan",
    "Sandbox",
    "SandboxClosed",
    "SandboxUnavailable",
    "close_templates",
    "open_sandbox",
    "probe",
    "sweep",
    "warm_up",
]
