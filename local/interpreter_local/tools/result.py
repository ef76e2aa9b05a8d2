"""The `result` member of a stream event: content, structuredContent, isError, in the order of AWS's model."""

from typing import Any

from interpreter_local import errors

# botocore refuses an event whose payload is larger (25,165,824 bytes).
MAX_RESULT = 24 * 1024 * 1024
# Each text appears twice, in content and in structuredContent; the rest is for what is around them.
_MAX_TEXT = MAX_RESULT // 2 - 64 * 1024
_CUT = "\n[output truncated: more than one event can carry]"


def make(
    content: list[dict[str, Any]], *, structured: dict[str, Any] | None = None, is_error: bool = False
) -> dict[str, Any]:
    """A result; absent members are left out, as recorded."""
    made: dict[str, Any] = {"content": content}
    if structured is not None:
        made["structuredContent"] = structured
    made["isError"] = is_error
    return made


def text(value: str) -> dict[str, str]:
    """A text block."""
    return {"type": "text", "text": value}


def failure(message: str) -> dict[str, Any]:
    """An error that the caller's code or arguments brought about: an ordinary result, not an HTTP error."""
    return make([text(message)], is_error=True)


def of_output(stdout: str, stderr: str, rest: dict[str, Any], *, is_error: bool) -> dict[str, Any]:
    """A result with program output: one block for each stream that is not empty, as recorded.

    What is too much is cut (unrecorded); stderr, which says why code failed, has half of the room for itself.
    """
    stderr = _fitting(stderr, max(_MAX_TEXT // 2, _MAX_TEXT - _size(stdout)))
    stdout = _fitting(stdout, _MAX_TEXT - _size(stderr))
    content = [text(stream) for stream in (stdout, stderr) if stream]
    return make(content, structured={"stdout": stdout, "stderr": stderr, **rest}, is_error=is_error)


def bounded(result: dict[str, Any]) -> dict[str, Any]:
    """The result, or an error in its place when no event can carry it."""
    size = _size(result)
    if size > MAX_RESULT:
        return failure(f"result of {size} bytes is too large for one event, at most {MAX_RESULT} are allowed")
    return result


def _fitting(value: str, room: int) -> str:
    size = _size(value)
    if size <= room:
        return value
    while size > room - len(_CUT) and value:
        # Escapes make some characters dearer than others: approach from above.
        value = value[: min(len(value) - 1, int(len(value) * max(room - len(_CUT), 0) / size))]
        size = _size(value)
    return value + _CUT


def _size(value: object) -> int:
    return len(errors.body(value))
