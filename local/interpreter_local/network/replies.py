"""Short ASGI replies of our own."""

import json
from email.utils import formatdate
from typing import Any
from xml.sax.saxutils import escape


async def text(send: Any, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
    """A plain text reply."""
    await _send(send, status, body.encode(), {"content-type": "text/plain", **(headers or {})})


async def json_text(send: Any, body: str) -> None:
    """200 with a JSON document."""
    await _send(send, 200, body.encode(), {"content-type": "application/json"})


async def s3_error(
    send: Any, status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: str
) -> None:
    """An error as S3 writes them (S3 API reference, error responses)."""
    fields = {"Code": code, "Message": message, **more}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    await _send(send, status, body.encode(), {"content-type": "application/xml", **(headers or {})})


async def service_error(
    send: Any, status: int, code: str, message: str, headers: dict[str, str], *, form: bool
) -> None:
    """An error of any other service: as XML in reply to a form (the query protocol), else as JSON."""
    if form:
        inner = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
        body, kind = f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>", "text/xml"
    else:
        body, kind = json.dumps({"__type": code, "message": message}), "application/json"
    await _send(send, status, body.encode(), {"content-type": kind, "x-amzn-errortype": code, **headers})


async def _send(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    sent = {"date": formatdate(usegmt=True), "content-length": str(len(body)), **headers}
    listed = [(name.encode(), value.encode("latin-1", "replace")) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body, "more_body": False})
