"""IAM's globs: `*` is any text, `?` any one character, and `<Symbol>` one unknown value.

`classes` splits all texts into those that a set of globs cannot tell apart, with one witness for each: the
reachable states of the globs' product automaton. Exact, and small, because globs share their prefixes.
"""

import itertools
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

ANY = "*"
ONE = "?"
# An unknown value has no wildcards and no ":" or "/" that a glob's literal could meet halfway.
_TOKEN = re.compile(r"<[^<>]+>|.", re.DOTALL)
_MAX_STATES = 200_000
_ARN_PARTS = 6


class TooManyClassesError(RuntimeError):
    """The globs make an automaton larger than we follow; nothing is claimed then."""


@dataclass(frozen=True)
class Token:
    """One place of a pattern: these characters (or one symbol); none given means any, but `barred`.

    `single`: one character and no symbol, of which nobody knows how long it is.
    """

    among: tuple[str, ...] = ()
    barred: str = ""
    repeated: bool = False
    single: bool = False

    def takes(self, character: str) -> bool:
        """Whether a character, or a symbol, may stand here."""
        if self.among:
            return character in self.among
        return character != self.barred and not (self.single and len(character) > 1)


_STAR, _STAR_IN_PART = Token(repeated=True), Token(barred=":", repeated=True)
_QUESTION, _QUESTION_IN_PART = Token(single=True), Token(barred=":", single=True)
# `?` beside `*` is at least one character: a symbol is.
_SOME, _SOME_IN_PART = Token(), Token(barred=":")


@dataclass(frozen=True)
class Glob:
    """A pattern as the places that a text must fill, one after another."""

    tokens: tuple[Token, ...]

    # Both once: patterns are compared and matched far more often than made.
    @cached_property
    def _hash(self) -> int:
        return hash(self.tokens)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def plain(self) -> tuple[str, bool] | None:
        """The literal part of a pattern with no wildcard but a `*` at its end; and whether it has that."""
        ends = self.tokens[-1:] == (_STAR,)
        fixed = self.tokens[:-1] if ends else self.tokens
        if any(len(token.among) != 1 or token.among == ("<",) for token in fixed):
            return None
        return "".join(token.among[0] for token in fixed), ends

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """What `matches` asks where text alone does not tell."""
        pieces = [""]
        for token in self.tokens:
            if token.repeated:
                pieces.append("")
            pieces[-1] += _expression(token)
        # What follows a `*` is taken where it first fits, once for all: the next `*` takes in whatever a
        # later place would have left out. Without `(?>` a text that does not match costs exponential time.
        middle = (f"(?>{piece})" for piece in pieces[1:-1])
        return re.compile("".join((pieces[0], *middle, *pieces[1:][-1:])), re.DOTALL)


@lru_cache(maxsize=1 << 14)
def glob(text: str) -> Glob:
    """A pattern with wildcards."""
    return _globbed([(token, False) for token in _TOKEN.findall(text)])


@lru_cache(maxsize=1 << 14)
def literal(text: str) -> Glob:
    """A pattern that matches exactly this text."""
    return Glob(tuple(_exactly(token) for token in _TOKEN.findall(text)))


def folded(text: str) -> Glob:
    """A pattern that matches this text in upper or lower case."""
    return Glob(
        tuple(Token(tuple(dict.fromkeys((one.lower(), one.upper(), one)))) for one in _TOKEN.findall(text))
    )


def arn_glob(text: str) -> Glob:
    """A pattern for ARNs, compared part by part: no wildcard crosses a colon but in the last of six parts.

    ValueError for a pattern that has fewer parts. `*` alone is any ARN, a lone symbol is one ARN.
    """
    tokens = _TOKEN.findall(text)
    if tokens == ["*"] or (len(tokens) == 1 and tokens[0].startswith("<")):
        return glob(text)
    if tokens.count(":") < _ARN_PARTS - 1:
        raise ValueError(f"{text!r} is no ARN pattern: expected six parts with ':' between them")
    found, colons = [], 0
    for one in tokens:
        colons += one == ":"
        found.append((one, colons < _ARN_PARTS - 1))
    return _globbed(found)


def _globbed(tokens: Sequence[tuple[str, bool]]) -> Glob:
    """The places of characters and wildcards, each with whether its wildcard stays within a part."""
    found: list[Token] = []
    for (wild, in_part), run in itertools.groupby(tokens, key=lambda one: (one[0] in (ANY, ONE), one[1])):
        texts = [text for text, _ in run]
        if not wild:
            found += map(_exactly, texts)
            continue
        # In a run the order does not matter, and one `*` is as good as many.
        some = (_SOME_IN_PART if in_part else _SOME) if ANY in texts else None
        question = some or (_QUESTION_IN_PART if in_part else _QUESTION)
        found += [question] * texts.count(ONE)
        found += [_STAR_IN_PART if in_part else _STAR] if some else []
    return Glob(tuple(found))


@lru_cache(maxsize=1 << 12)
def _exactly(token: str) -> Token:
    return Token((token,))


def matches(pattern: Glob, text: str) -> bool:
    """Whether the whole text matches; a symbol in it counts as one character."""
    if pattern.plain is not None:
        # Most patterns are so, and need no expression to be compiled.
        literal_part, ends_in_star = pattern.plain
        if not ends_in_star:
            return text == literal_part
        if not text.startswith(literal_part):
            return False
        if "<" not in text[len(literal_part) :]:
            return True
    return pattern.expression.fullmatch(text) is not None


# A `<` that opens no symbol is a character like others.
_LONE = "<(?![^<>]+>)"


@lru_cache(maxsize=1 << 12)
def _expression(token: Token) -> str:
    if token.among:
        return f"(?:{'|'.join(_LONE if one == '<' else re.escape(one) for one in token.among)})"
    one = rf"[^<{token.barred}]|{_LONE}" + ("" if token.single else "|<[^<>]+>")
    return f"(?:{one})" + ("*?" if token.repeated else "")


def classes(patterns: Iterable[Glob]) -> dict[frozenset[int], str]:
    """Each set of patterns that some text matches exactly → the shortest such text."""
    return dict(_classes(tuple(patterns)))


# Where each pattern that can still match has got to: (pattern, place) pairs.
_State = frozenset[tuple[int, int]]


@lru_cache(maxsize=1 << 12)
def _classes(patterns: tuple[Glob, ...]) -> dict[frozenset[int], str]:
    other = _unused_character(patterns)
    shared = _shared_prefix(patterns)
    places = [pattern.tokens[len(shared) :] for pattern in patterns]
    ends = [len(tokens) for tokens in places]
    found: dict[frozenset[int], str] = {frozenset(): other} if shared else {}
    start: _State = frozenset(at for number in range(len(places)) for at in _closure(places, number, 0))
    seen = {start}
    queue = deque([(start, "".join(shared))])
    while queue:
        state, text = queue.popleft()
        found.setdefault(frozenset(number for number, at in state if at == ends[number]), text)
        # Every other character behaves like `other` here: only the literals that come next matter.
        following = {other}
        for number, at in state:
            if at < ends[number]:
                token = places[number][at]
                following.update(token.among or token.barred)
        for character in sorted(following, key=lambda one: (one != other, one)):
            stepped = frozenset(
                reached
                for number, at in state
                if at < ends[number] and places[number][at].takes(character)
                for reached in _closure(places, number, at + (not places[number][at].repeated))
            )
            if stepped not in seen:
                if len(seen) >= _MAX_STATES:
                    raise TooManyClassesError(f"more than {_MAX_STATES} states for {len(patterns)} patterns")
                seen.add(stepped)
                queue.append((stepped, text + character))
    return found


def _closure(places: list[tuple[Token, ...]], number: int, at: int) -> Iterable[tuple[int, int]]:
    """`*` also matches nothing."""
    yield number, at
    tokens = places[number]
    while at < len(tokens) and tokens[at].repeated:
        at += 1
        yield number, at


def _shared_prefix(patterns: tuple[Glob, ...]) -> list[str]:
    """The literals that all patterns begin with: a text that begins otherwise matches none of them."""
    shared: list[str] = []
    for tokens in zip(*(pattern.tokens for pattern in patterns), strict=False):
        first = tokens[0]
        if len(first.among) != 1 or any(token != first for token in tokens):
            break
        shared.append(first.among[0])
    return shared


def _unused_character(patterns: tuple[Glob, ...]) -> str:
    used = {one for pattern in patterns for token in pattern.tokens for one in (*token.among, token.barred)}
    candidates = itertools.chain("xyzwvutsrqponmlkjihgfedcbaXYZ0123456789", map(chr, range(0x100, 0x2000)))
    return next(character for character in candidates if character not in used)
