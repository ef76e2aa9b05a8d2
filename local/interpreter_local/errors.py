"""The service's errors: code, HTTP status and body as the two APIs send them."""

import json
from dataclasses import dataclass, field
from typing import Any

# HTTP status of each error (API model).
STATUS = {
    "AccessDeniedException": 403,
    "ConflictException": 409,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 402,
    "ThrottlingException": 429,
    "UnknownOperationException": 404,
    "ValidationException": 400,
}
# What the data plane appends to the code in the header (recorded reply).
_DATA_PLANE_SUFFIX = ":http://internal.amazon.com/coral/com.amazon.bedrock.agentcore.common/"

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class ServiceError(Exception):
    """An error of the service; `details` are the body's members besides `message`."""

    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    def reply(self, *, data_plane: bool) -> Reply:
        """Status, headers and body of the HTTP reply."""
        suffix = _DATA_PLANE_SUFFIX if data_plane else ""
        headers = {"content-type": "application/json", "x-amzn-errortype": self.code + suffix}
        return STATUS[self.code], headers, body({"message": self.message, **self.details})


def body(value: object) -> bytes:
    """Compact JSON in UTF-8 (recorded lengths allow no spaces).

    A lone surrogate, which has no UTF-8, is escaped: Python's `backslashreplace` and JSON write it alike.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")


def not_found(message: str) -> ServiceError:
    """404."""
    return ServiceError("ResourceNotFoundException", message)


def conflict(message: str) -> ServiceError:
    """409."""
    return ServiceError("ConflictException", message)


def invalid(problems: list[tuple[str, str]], reason: str = "FieldValidationFailed") -> ServiceError:
    """400 with one entry for each problem, (field, message). The texts are unrecorded."""
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
    listed = "; ".join(f"Value at '{name}' failed to satisfy constraint: {text}" for name, text in problems)
    fields = [{"name": name, "message": text} for name, text in problems]
    return ServiceError("ValidationException", f"{count}: {listed}", {"reason": reason, "fieldList": fields})


def unparsable(message: str) -> ServiceError:
    """400 for a request that is not even JSON."""
    return ServiceError("ValidationException", message, {"reason": "CannotParse"})
