"""What the adapters are told from outside: the profile, and the waiver file.

cfn-lint and checkov have no options for a plugin's own settings, so both read the environment:
INTERPRETER_FLEET_PROFILE (default: baseline) and INTERPRETER_FLEET_WAIVERS (a path; default: none).
"""

import os
from pathlib import Path

from .rule import PROFILES
from .waivers import WaiverFile, read_file

PROFILE = "INTERPRETER_FLEET_PROFILE"
WAIVERS = "INTERPRETER_FLEET_WAIVERS"


def profile() -> str:
    """The profile of the environment. ValueError for one that there is not."""
    return checked(os.environ.get(PROFILE) or "baseline", PROFILE)


def waiver_file() -> WaiverFile | None:
    """The waiver file of the environment, read. WaiverError if it cannot be."""
    path = os.environ.get(WAIVERS)
    return read_file(Path(path)) if path else None


def checked(name: object, source: str) -> str:
    """A profile's name, as it is. ValueError, with the source, for one that there is not."""
    if name not in PROFILES:
        raise ValueError(f"{source} is {name!r}, expected one of {', '.join(PROFILES)}")
    return str(name)
