"""IAM's globs: `*` is any text, `?` any one character, and `<Symbol>` one unknown value.

`classes` splits all texts into those that a set of globs cannot tell apart, with one witness for each: the
reachable states of the globs' product automaton. Exact, and small, because globs share their prefixes.
"""

import re
from collections import deque
from dataclasses import dataclass

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
    states = _closure(pattern, frozenset([0]))
    for token in _TOKEN.findall(text):
        states = _step(pattern, states, token)
    return len(pattern.tokens) in states


def classes(patterns: list[Glob]) -> dict[frozenset[int], str]:
    """Each set of patterns that some text matches exactly → the shortest such text."""
    other = _unused_character(patterns)
    start = tuple(_closure(pattern, frozenset([0])) for pattern in patterns)
    seen = {start}
    queue = deque([(start, "")])
    found: dict[frozenset[int], str] = {}
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


def _unused_character(patterns: list[Glob]) -> str:
    used = {token for pattern in patterns for token in pattern.tokens}
    candidates = [*"xyzwvutsrqponmlkjihgfedcbaXYZ0123456789", *map(chr, range(0x100, 0x2000))]
    return str(next(character for character in candidates if character not in used))
