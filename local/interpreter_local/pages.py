"""Pages of a list: the newest first, `nextToken` opaque."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Any

from . import errors

DEFAULT_SIZE = 10


def page(
    items: Iterable[dict[str, Any]],
    key: Callable[[dict[str, Any]], tuple[str, str]],
    size: int | None,
    token: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Up to `size` items after the one that the token names, and the next token if there are more.

    `key` gives (time of creation, id). Items made or removed between two pages repeat or skip no other.
    """
    after = _decode(token) if token else None
    ordered = sorted(items, key=key, reverse=True)
    rest = [item for item in ordered if after is None or key(item) < after]
    wanted = rest[: size or DEFAULT_SIZE]
    more = len(rest) > len(wanted)
    return wanted, _encode(key(wanted[-1])) if more else None


def _encode(key: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _decode(token: str) -> tuple[str, str]:
    try:
        created, identifier = json.loads(base64.urlsafe_b64decode(token))
        return str(created), str(identifier)
    except (binascii.Error, ValueError, TypeError) as error:
        raise errors.invalid([("nextToken", "is not a token that a list returned")]) from error


def with_token(name: str, items: list[dict[str, Any]], token: str | None) -> dict[str, Any]:
    """The reply of a list."""
    return {name: items, "nextToken": token} if token else {name: items}
