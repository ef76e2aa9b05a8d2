"""Runs in a session: imports modules, and says in which version they are installed."""

import importlib
import importlib.metadata
from typing import Any


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`names` → {name: {version, error}}; one of the two is ""."""
    owners = importlib.metadata.packages_distributions()
    return {name: _one(name, owners) for name in told["names"]}


def _one(name: str, owners: Any) -> dict[str, str]:
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a module may raise anything when it is imported
        return {"version": "", "error": f"{type(error).__name__}: {error}"}
    found = owners.get(name.partition(".")[0])
    return {"version": importlib.metadata.version(found[0]) if found else "", "error": ""}
