"""The instance metadata service of a session: the execution role's credentials, to whoever has a token.

Recorded from the service: 401 without a token, a token of version 2 works, the role's name is
`execution_role`, without a role there is nothing (SDKs then say `Unable to locate credentials`). The rest is
as EC2 documents it.
"""

import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import replies

ROLE_NAME = "execution_role"
_TOKEN_PATH = "/latest/api/token"  # noqa: S105 - a path
_CREDENTIALS = "/latest/meta-data/iam/security-credentials"
_LONGEST_TTL = 21_600
_MOST_TOKENS = 256
# SDKs fetch anew when less than 15 minutes are left, so what they get must have more.
_RENEWED_SECONDS = 1_800


class NotAssumableError(Exception):
    """The execution role cannot be assumed (any more): the reason in words."""


@dataclass(frozen=True)
class Credentials:
    """A role session's; `expiration` in seconds since 1970."""

    access_key: str
    secret_key: str
    token: str
    expiration: float


class Metadata:
    """One session's metadata service; `mint` is None where the interpreter has no role."""

    def __init__(
        self, region: str, mint: Callable[[], Credentials] | None, now: Callable[[], float] = time.time
    ) -> None:
        self._region = region
        self._mint = mint
        self._now = now
        self._tokens: dict[str, float] = {}
        self._current: tuple[Credentials, float] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        if path == _TOKEN_PATH and method == "PUT":
            await self._give_token(headers, send)
            return
        if method not in ("GET", "HEAD"):
            await replies.text(send, 405, headers={"allow": "GET, HEAD"})
            return
        expires = self._tokens.get(headers.get("x-aws-ec2-metadata-token", ""), 0.0)
        if expires <= self._now():
            await replies.text(send, 401, "Unauthorized\n")
            return
        found = self._document(re.sub("/+", "/", path).rstrip("/"))
        if found is None:
            await replies.text(send, 404, "Not Found\n")
        elif found.startswith("{"):
            await replies.json_text(send, found)
        else:
            await replies.text(send, 200, found)

    async def _give_token(self, headers: dict[str, str], send: Any) -> None:
        if "x-forwarded-for" in headers:
            # A request that a proxy was made to send is none of the session's own.
            await replies.text(send, 403, "Forbidden\n")
            return
        wanted = headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        if not re.fullmatch(r"[0-9]{1,5}", wanted) or not 1 <= int(wanted) <= _LONGEST_TTL:
            await replies.text(send, 400, "Bad Request\n")
            return
        now = self._now()
        self._tokens = {token: expires for token, expires in self._tokens.items() if expires > now}
        while len(self._tokens) >= _MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = secrets.token_urlsafe(42)
        self._tokens[token] = now + int(wanted)
        await replies.text(send, 200, token, {"x-aws-ec2-metadata-token-ttl-seconds": wanted})

    def _document(self, path: str) -> str | None:
        if path == "/latest/meta-data/placement/region":
            return self._region
        if self._mint is None:
            return None
        if path == _CREDENTIALS:
            return ROLE_NAME
        if path == f"{_CREDENTIALS}/{ROLE_NAME}":
            return self._credentials(self._mint)
        return None

    def _credentials(self, mint: Callable[[], Credentials]) -> str:
        now = self._now()
        if self._current is None or self._current[0].expiration - now < _RENEWED_SECONDS:
            try:
                self._current = mint(), now
            except NotAssumableError as error:
                # As EC2 reports it; that the service does the same is unrecorded.
                return json.dumps(
                    {
                        "Code": "AssumeRoleUnauthorizedAccess",
                        "Message": str(error),
                        "LastUpdated": _timestamp(now),
                    }
                )
        credentials, updated = self._current
        return json.dumps(
            {
                "Code": "Success",
                "LastUpdated": _timestamp(updated),
                "Type": "AWS-HMAC",
                "AccessKeyId": credentials.access_key,
                "SecretAccessKey": credentials.secret_key,
                "Token": credentials.token,
                "Expiration": _timestamp(credentials.expiration),
            },
            indent=2,
        )


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
