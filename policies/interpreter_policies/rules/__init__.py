"""The rules, one small file each: `rules/<family>/<rule>.py` is found by being there."""

import importlib
import pkgutil

from interpreter_policies.rule import Rule


def all_rules() -> list[Rule]:
    """One of each rule, by id. ValueError if two rules share one."""
    found: dict[str, Rule] = {}
    for module in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.name:
                if value.id in found:
                    raise ValueError(f"two rules have the id {value.id}: {found[value.id]!r} and {value!r}")
                found[value.id] = value()
    return [found[key] for key in sorted(found)]


def rules_of(profile: str) -> list[Rule]:
    """The rules of a profile, by id: those of `baseline`, and what the profile adds."""
    return [rule for rule in all_rules() if rule.profiles & {"baseline", profile}]
