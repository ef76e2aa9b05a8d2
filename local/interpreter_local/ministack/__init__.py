"""The one adapter to MiniStack's insides.

MiniStack is pinned exactly, and `check()` runs at every start: what is used here is looked at first.
"""

from .compatible import IncompatibleError, check
from .ec2 import ec2_of
from .identities import RequestIdentity, SessionIdentities
from .inside import SessionAws
from .install import install

__all__ = [
    "IncompatibleError",
    "RequestIdentity",
    "SessionAws",
    "SessionIdentities",
    "check",
    "ec2_of",
    "install",
]
