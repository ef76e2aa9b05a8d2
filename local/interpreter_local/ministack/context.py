"""What is known of the request that is being answered, and how MiniStack's functions are replaced."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core import responses

from interpreter_local.network import Routed
from interpreter_local.service import Answer
from interpreter_local.state import Scope


@dataclass(frozen=True)
class Request:
    """A request to our service, as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: Any


access_key: ContextVar[str] = ContextVar("access_key", default="")
request: ContextVar[Request] = ContextVar("request")
answer: ContextVar[Answer] = ContextVar("answer")
# Where the current request goes when it comes from inside a session.
routed: ContextVar[Routed | None] = ContextVar("routed", default=None)


def scope() -> Scope:
    """The account and region of the current request."""
    return Scope(responses.get_account_id(), responses.get_region())


def wrap(module: Any, name: str, ours: Callable[..., Any]) -> None:
    """Replaces a function by ours, which gets the old one first."""
    old = getattr(module, name)
    setattr(module, name, lambda *args, **kwargs: ours(old, *args, **kwargs))
