"""Whether two patterns may turn out to match one text that they do not match as they are written.

`data-<AWS::AccountId>/*` and `data-123456789012/*` have no text in common, until the account turns out to be
that one. A symbol then stands where the other pattern has characters of its own: that is looked for here.
"""

from collections.abc import Iterator
from functools import lru_cache

from .globs import Token, glob

# What a value that is a part of a larger text never holds; a symbol that is the whole text may be an ARN.
_OUTSIDE = (":", "/")
# A place in a pattern, and, within a symbol there, what of the other pattern has gone into it.
_Place = tuple[int, int]
_ENTERED, _LITERAL, _WILD = 1, 2, 4
# A place in each, and whether a symbol has been put where it is not written.
_State = tuple[_Place, _Place, bool]


@lru_cache(maxsize=1 << 14)
def may_meet(one: str, other: str) -> bool:
    """Whether a symbol of either pattern may be what the other has written out, in whole or in part.

    A pseudo parameter may be anything that is written out; the name of a resource of the template only what
    is written with wildcards, as nobody knows the name beforehand.
    """
    if "<" not in one + other or one == other:
        return False
    pair = (glob(one).tokens, glob(other).tokens)
    start: _State = ((0, 0), (0, 0), False)
    end: _State = ((len(pair[0]), 0), (len(pair[1]), 0), True)
    seen, stack = {start}, [start]
    while stack:
        state = stack.pop()
        if state == end:
            return True
        for following in _steps(pair, state):
            if following not in seen:
                seen.add(following)
                stack.append(following)
    return False


def _symbol(token: Token) -> str:
    """The symbol that a place holds, "" if it holds none."""
    return token.among[0] if token.among and len(token.among[0]) > 1 else ""


def _steps(pair: tuple[tuple[Token, ...], tuple[Token, ...]], state: _State) -> Iterator[_State]:
    """Past a `*` or the end of a symbol, past one symbol in both, or one character further in both."""
    (at, within), (there, inside), filled = state
    mine = pair[0][at] if at < len(pair[0]) else None
    theirs = pair[1][there] if there < len(pair[1]) else None
    if within or (mine is not None and mine.repeated):
        yield (at + 1, 0), (there, inside), filled or _mixed(within)
    if inside or (theirs is not None and theirs.repeated):
        yield (at, within), (there + 1, 0), filled or _mixed(inside)
    if mine is None or theirs is None:
        return
    first, second = _symbol(mine), _symbol(theirs)
    further = _further(at, mine, within, theirs), _further(there, theirs, inside, mine)
    if first and first == second and not within and not inside:
        # The same value at the same place ends at the same place.
        yield (at + 1, 0), (there + 1, 0), filled
    elif first and second:
        known = first.startswith("<AWS::") and second.startswith("<AWS::")
        yield *further, filled or known
    elif first or second:
        symbol, written = (first, theirs) if first else (second, mine)
        whole = len(pair[0] if first else pair[1]) == 1
        if whole or not written.among or written.among[0] not in _OUTSIDE:
            # A `*` takes a symbol as it is written; even `?*` may ask for more than one character.
            yield *further, filled or (not written.repeated and symbol.startswith("<AWS::"))
    elif not (mine.among and theirs.among) or set(mine.among) & set(theirs.among):
        yield *further, filled


def _mixed(within: int) -> bool:
    """Whether a symbol has been filled with what is written with wildcards."""
    return bool(within & _LITERAL and within & _WILD)


def _further(at: int, token: Token, within: int, other: Token) -> _Place:
    """One character further: still at a `*`, within a symbol, or past a character."""
    if not _symbol(token):
        return at + (not token.repeated), 0
    what = _LITERAL * (not other.repeated and not _symbol(other)) | _WILD * (not other.among)
    return at, within | _ENTERED | what
