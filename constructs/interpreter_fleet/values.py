"""Checks of single values: each gives the value back, or raises ValueError with found and allowed."""

import datetime
import re
from collections.abc import Callable, Mapping

from interpreter_fleet.naming import BASE_TAG, FLEET_TAG

MAX_DESCRIPTION = 4096
# The API takes 50: these of the fleet, as many of the interpreter, and two that the fleet sets itself.
MAX_TAGS = 24
# TagKey and TagValue of the bedrock-agentcore-control API model (boto3 1.44).
_TAG = re.compile(r"[a-zA-Z0-9\s._:/=+@-]*")


def check_description(text: str) -> str:
    """The description itself, or ValueError: CreateCodeInterpreter takes 1 to 4096 characters."""
    if not 1 <= len(text) <= MAX_DESCRIPTION:
        raise ValueError(f"found {len(text)} characters; allowed: 1 to {MAX_DESCRIPTION}")
    return text


def check_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """The tags themselves, or ValueError with what the API allows."""
    if len(tags) > MAX_TAGS:
        raise ValueError(f"found {len(tags)} tags; allowed: at most {MAX_TAGS}")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or not _TAG.fullmatch(key) or key.startswith("aws:"):
            raise ValueError(
                f"found the tag key {key!r}; allowed: 1 to 128 letters, digits, spaces and"
                " '._:/=+@-', not starting with 'aws:'"
            )
        if len(value) > 256 or not _TAG.fullmatch(value):
            raise ValueError(
                f"found {value!r} for the tag {key!r}; allowed: at most 256 letters, digits, spaces and"
                " '._:/=+@-'"
            )
        if key in {FLEET_TAG, BASE_TAG}:
            raise ValueError(f"found the tag key {key!r}; allowed: any other, the fleet sets this one itself")
    return tags


def matches(pattern: re.Pattern[str], allowed: str) -> Callable[[str], str]:
    """A check that lets through text of this pattern, and otherwise says what is allowed."""

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"found {value!r}; allowed: {allowed}")
        return value

    return check


def not_blank(value: str) -> str:
    """The text itself, or ValueError when there is nothing in it."""
    if not value.strip():
        raise ValueError(f"found {value!r}; allowed: text that says something")
    return value


def calendar_date(value: object) -> object:
    """A date, given as one or as YYYY-MM-DD; nothing else that Python would take for a date."""
    if isinstance(value, str):
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
                return datetime.date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"found {value!r}: {error}; allowed: a date as YYYY-MM-DD") from error
    if type(value) is not datetime.date:
        raise ValueError(f"found {str(value)!r}; allowed: a date as YYYY-MM-DD")
    return value
