"""Fleets of Amazon Bedrock AgentCore code interpreters, declared in fleet.yaml or as CDK constructs.

Names are imported on first use: `interpreter_fleet.manifest` is read on machines without the CDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpreter_fleet.canary_gate import CanaryGate
    from interpreter_fleet.canary_schedule import CanarySchedule
    from interpreter_fleet.fleet import FleetTooLargeError, InterpreterFleet
    from interpreter_fleet.fleet_file import FleetFileError, load
    from interpreter_fleet.interpreter import CodeInterpreter
    from interpreter_fleet.manifest import Record
    from interpreter_fleet.network import Network
    from interpreter_fleet.spec import FleetSpec, InterpreterSpec, Waiver
    from interpreter_fleet.storage import PrefixStorage, fleet_bucket

__all__ = [
    "CanaryGate",
    "CanarySchedule",
    "CodeInterpreter",
    "FleetFileError",
    "FleetSpec",
    "FleetTooLargeError",
    "InterpreterFleet",
    "InterpreterSpec",
    "Network",
    "PrefixStorage",
    "Record",
    "Waiver",
    "fleet_bucket",
    "load",
]

_HOME = {
    "CanaryGate": "canary_gate",
    "CanarySchedule": "canary_schedule",
    "CodeInterpreter": "interpreter",
    "FleetFileError": "fleet_file",
    "FleetSpec": "spec",
    "FleetTooLargeError": "fleet",
    "InterpreterFleet": "fleet",
    "InterpreterSpec": "spec",
    "Network": "network",
    "PrefixStorage": "storage",
    "Record": "manifest",
    "Waiver": "spec",
    "fleet_bucket": "storage",
    "load": "fleet_file",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
