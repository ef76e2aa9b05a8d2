"""Whether two patterns may turn out to match one text that they do not match as they are written.

`data-<AWS::AccountId>/*` and `data-123456789012/*` have no text in common, until the account turns out to be
that one. A symbol then stands where the other pattern has characters of its own: that is looked for here.
"""

from functools import lru_cache

from .globs import Token, glob

# What a value that is a part of a larger text never holds; a symbol that is the whole text may be an ARN.
_OUTSIDE = (":", "/")
_LITERAL, _WILD = 1, 2


@lru_cache(maxsize=1 << 14)
def may_meet(one: str, other: str) -> bool:
    """Whether a symbol of either pattern may be what the other has written out, in whole or in part.

    A pseudo parameter may be anything that is written out; the name of a resource of the template only what
    is written with wildcards, as nobody knows the name beforehand.
    """
    if "<" not in one + other or one == other:
        return False
    first, second = glob(one).tokens, glob(other).tokens
    return _meets(first, second) or _meets(second, first)


def _symbol(token: Token) -> str:
    """The symbol that a place holds, "" if it holds none."""
    return token.among[0] if len(token.among) == 1 and len(token.among[0]) > 1 else ""


def _meets(mine: tuple[Token, ...], theirs: tuple[Token, ...]) -> bool:
    """The same for the symbols of the first pattern: a path through both on which one of them is filled.

    A state is a place in each, what has been put into the symbol at the first (-1: not within one), and
    whether some symbol has been filled.
    """
    start = (0, 0, -1, False)
    seen, stack = {start}, [start]
    while stack:
        at, there, within, filled = stack.pop()
        if at == len(mine) and there == len(theirs) and within < 0 and filled:
            return True
        for state in _steps(mine, theirs, at, there, within, filled=filled):
            if state not in seen:
                seen.add(state)
                stack.append(state)
    return False


_State = tuple[int, int, int, bool]


def _steps(
    mine: tuple[Token, ...], theirs: tuple[Token, ...], at: int, there: int, within: int, *, filled: bool
) -> list[_State]:
    here = mine[at] if at < len(mine) else None
    next_ = theirs[there] if there < len(theirs) else None
    found: list[_State] = []
    if next_ is not None and next_.repeated:
        found.append((at, there + 1, within, filled))
    symbol = _symbol(here) if here else ""
    if within >= 0:
        # The symbol ends here, or it goes on with what stands in the other pattern.
        enough = within & _LITERAL if symbol.startswith("<AWS::") else within == _LITERAL | _WILD
        found.append((at + 1, there, -1, filled or bool(enough)))
        if next_ is not None and not _symbol(next_) and _fits(next_, whole=len(mine) == 1):
            what = _LITERAL * bool(next_.among or next_.single) | _WILD * (not next_.among)
            found.append((at, there + (not next_.repeated), within | what, filled))
        return found
    if here is None:
        return found
    if here.repeated:
        found.append((at + 1, there, -1, filled))
    if symbol:
        found.append((at, there, 0, filled))
    if next_ is not None and _share(here, next_):
        found.append((at + (not here.repeated), there + (not next_.repeated), -1, filled))
    return found


def _fits(token: Token, *, whole: bool) -> bool:
    """Whether what a place takes may be a part of a symbol's value."""
    return whole or not token.among or token.among[0] not in _OUTSIDE


def _share(one: Token, other: Token) -> bool:
    """Whether two places may hold the same character, or symbol."""
    if one.among:
        return any(other.takes(character) for character in one.among)
    if other.among:
        return any(one.takes(character) for character in other.among)
    return True
