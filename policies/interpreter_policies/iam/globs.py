"""IAM's globs: `*` is any text, `?` any one character, and `<Symbol>` one unknown value.

`classes` splits all texts into those that a set of globs cannot tell apart, with one witness for each: the
reachable states of the globs' product automaton. Exact, and small, because globs share their prefixes.
"""

import itertools
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

ANY = "*"
ONE = "?"
# An unknown value has no wildcards and no ":" or "/" that a glob's literal could meet halfway.
_TOKEN = re.compile(r"<[^<>]+>|.", re.DOTALL)
_MAX_STATES = 200_000


class TooManyClassesError(RuntimeError):
    """The globs make an automaton larger than we follow; nothing is claimed then."""


@dataclass(frozen=True)
class Glob:
    """A pattern as tokens: characters, symbols, and wildcards as None (`*`) and "" (`?`)."""

    tokens: tuple[str | None, ...]


def glob(text: str) -> Glob:
    """A pattern with wildcards."""
    return Glob(tuple({ANY: None, ONE: ""}.get(token, token) for token in _TOKEN.findall(text)))


def literal(text: str) -> Glob:
    """A pattern that matches exactly this text."""
    return Glob(tuple(_TOKEN.findall(text)))


def matches(pattern: Glob, text: str) -> bool:
    """Whether the whole text matches; a symbol in it counts as one character."""
    return _regex(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1 << 16)
def _regex(pattern: Glob) -> re.Pattern[str]:
    one = r"(?:<[^<>]+>|[^<])"
    parts = (
        f"{one}*" if token is None else one if token == "" else re.escape(token) for token in pattern.tokens
    )
    return re.compile("".join(parts), re.DOTALL)


def classes(patterns: Iterable[Glob]) -> dict[frozenset[int], str]:
    """Each set of patterns that some text matches exactly → the shortest such text."""
    return dict(_classes(tuple(patterns)))


@lru_cache(maxsize=1 << 12)
def _classes(patterns: tuple[Glob, ...]) -> dict[frozenset[int], str]:
    other = _unused_character(patterns)
    shared = _shared_prefix(patterns)
    patterns = tuple(Glob(pattern.tokens[len(shared) :]) for pattern in patterns)
    found: dict[frozenset[int], str] = {frozenset(): other} if shared else {}
    start = tuple(_closure(pattern, frozenset([0])) for pattern in patterns)
    seen = {start}
    queue = deque([(start, "".join(shared))])
    while queue:
        states, text = queue.popleft()
        accepted = frozenset(
            number
            for number, (pattern, at) in enumerate(zip(patterns, states, strict=True))
            if len(pattern.tokens) in at
        )
        found.setdefault(accepted, text)
        # Every other character behaves like `other` here: only the literals that come next matter.
        following = {
            token
            for pattern, at in zip(patterns, states, strict=True)
            for position in at
            if position < len(pattern.tokens) and (token := pattern.tokens[position])
        }
        for token in (other, *sorted(following)):
            stepped = tuple(_step(pattern, at, token) for pattern, at in zip(patterns, states, strict=True))
            if stepped not in seen:
                if len(seen) >= _MAX_STATES:
                    raise TooManyClassesError(f"more than {_MAX_STATES} states for {len(patterns)} patterns")
                seen.add(stepped)
                queue.append((stepped, text + token))
    return found


def _shared_prefix(patterns: tuple[Glob, ...]) -> list[str]:
    """The literals that all patterns begin with: a text that begins otherwise matches none of them."""
    shared: list[str] = []
    for tokens in zip(*(pattern.tokens for pattern in patterns), strict=False):
        first = tokens[0]
        if not first or any(token != first for token in tokens):
            break
        shared.append(first)
    return shared


def _step(pattern: Glob, states: frozenset[int], token: str) -> frozenset[int]:
    moved = set()
    for position in states:
        if position == len(pattern.tokens):
            continue
        expected = pattern.tokens[position]
        if expected is None:
            moved.add(position)
        elif expected in ("", token):
            moved.add(position + 1)
    return _closure(pattern, frozenset(moved))


def _closure(pattern: Glob, states: frozenset[int]) -> frozenset[int]:
    """`*` also matches nothing."""
    closed = set(states)
    for position in states:
        while position < len(pattern.tokens) and pattern.tokens[position] is None:
            position += 1
            closed.add(position)
    return frozenset(closed)


def _unused_character(patterns: tuple[Glob, ...]) -> str:
    used = {token for pattern in patterns for token in pattern.tokens}
    candidates = itertools.chain("xyzwvutsrqponmlkjihgfedcbaXYZ0123456789", map(chr, range(0x100, 0x2000)))
    return next(character for character in candidates if character not in used)
