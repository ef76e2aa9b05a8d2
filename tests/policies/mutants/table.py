"""The mutation table: single edits of a compliant fleet, and the rules that have to catch each of them.

Every verdict here was reasoned from the rule's own words, none was taken from a run. An edit that changes
nothing (`caught_by` empty) is there too: a rule that cries wolf is switched off.
"""

from . import identity, network, patterns, perimeter, permissions, reach, storage
from .edits import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *identity.ROWS,
    *network.ROWS,
    *patterns.ROWS,
    *perimeter.ROWS,
    *permissions.ROWS,
    *reach.ROWS,
    *storage.ROWS,
)
