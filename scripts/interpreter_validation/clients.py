"""The boto3 clients, and what an error of theirs says about what we wanted to know."""

import os
import random
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from . import replies

# How long a reply may take. What a canary runs takes seconds, and the reply comes at its end (recorded). A
# start answers when the session is ready; it is asked again with the same token, so nothing is lost.
TIMEOUT_SECONDS, INVOKE_TIMEOUT_SECONDS = 30.0, 120.0
_CONNECT_SECONDS = 10.0
_ATTEMPTS = 6
# Refused before anything was done, so that asking again repeats nothing.
_THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# These tell that we may not ask, or not now: nothing about the interpreter.
_NOT_TOLD = _THROTTLED | {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InternalServerException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "ServiceQuotaExceededException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_INVOKE_ATTEMPTS = 8

# What calls raise. XML that ends in the middle is a ResponseParserError, which is no BotoCoreError.
AwsError = (ClientError, BotoCoreError, ResponseParserError)


@dataclass(frozen=True)
class Clients:
    """One client for each API; `invoke` waits for long code and repeats a call only if it was throttled."""

    control: Any
    data: Any
    invoke: Any
    ssm: Any
    quotas: Any
    iam: Any
    s3: Any
    ec2: Any
    sts: Any
    cloudformation: Any

    def all(self) -> tuple[Any, ...]:
        """Every client that was made."""
        made = (getattr(self, field.name) for field in fields(self))
        return tuple(one for one in made if one is not None)

    @property
    def region(self) -> str:
        """Where they look."""
        return str(self.control.meta.region_name)

    @property
    def endpoint(self) -> str:
        """Whom they ask."""
        return str(self.control.meta.endpoint_url)


def connect(
    *,
    region: str | None,
    profile: str | None,
    endpoint_url: str | None,
    pool: int,
    without: Collection[str] = (),
    timeout: float | None = None,
) -> Clients:
    """Clients from the usual sources of credentials and region; `pool` connections at once.

    Those named in `without` are None: to make one takes time, and on a small machine much. `timeout` is how
    many seconds a reply may take, whichever it is. Requests are repeated as often as AWS_MAX_ATTEMPTS or the
    profile's max_attempts says, else 6 times in all.
    """
    # botocore knows AWS_DEFAULT_REGION only; the CDK, the AWS CLI and the other SDKs put AWS_REGION first.
    region = region or os.environ.get("AWS_REGION") or None
    session = boto3.Session(region_name=region, profile_name=profile)
    attempts = session._session.get_config_variable("max_attempts") or _ATTEMPTS
    retrying = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=min(timeout or _CONNECT_SECONDS, _CONNECT_SECONDS),
        read_timeout=timeout or TIMEOUT_SECONDS,
        max_pool_connections=max(10, pool),
    )
    # Invoke has no idempotency token: a retry would run the code twice.
    once = retrying.merge(
        Config(retries={"total_max_attempts": 1}, read_timeout=timeout or INVOKE_TIMEOUT_SECONDS)
    )

    def make(name: str, config: Config = retrying) -> Any:
        if name in without:
            return None
        client = session.client(name, endpoint_url=endpoint_url, config=config)
        replies.watch(client)
        return client

    invoke = make("bedrock-agentcore", once)
    invoke.meta.events.register_first("needs-retry", _again_if_throttled)
    return Clients(
        control=make("bedrock-agentcore-control"),
        data=make("bedrock-agentcore"),
        invoke=invoke,
        ssm=make("ssm"),
        quotas=make("service-quotas"),
        iam=make("iam"),
        s3=make("s3"),
        ec2=make("ec2"),
        sts=make("sts"),
        cloudformation=make("cloudformation"),
    )


def is_throttle(parsed: dict[str, Any] | None) -> bool:
    """Whether a parsed reply is a refusal because of too many requests."""
    return (parsed or {}).get("Error", {}).get("Code") in _THROTTLED


def _again_if_throttled(
    response: tuple[Any, dict[str, Any]] | None, attempts: int, **_: object
) -> float | None:
    """The seconds after which botocore sends an Invoke again; None: not."""
    if response is None or not is_throttle(response[1]) or attempts >= _INVOKE_ATTEMPTS:
        return None
    return random.uniform(0.1, min(0.25 * 2.0**attempts, 8.0))  # noqa: S311


def code_of(error: BaseException) -> str:
    """The service's error code, else the exception's name."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code") or "Unknown")
        # In an event stream it is the name of the stream's member: throttlingException.
        return code[:1].upper() + code[1:]
    return type(error).__name__


def is_telling(error: BaseException) -> bool:
    """Whether an error says something about what was asked for, rather than about who asked or when.

    That the service itself is not well (5xx) says nothing about one interpreter.
    """
    if not isinstance(error, ClientError) or code_of(error) in _NOT_TOLD:
        return False
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) < 500


def is_refusal(error: BaseException) -> bool:
    """Whether a call surely did nothing: it was refused (4xx), and was not sent before without an answer."""
    if not isinstance(error, ClientError):
        return False
    told = error.response.get("ResponseMetadata", {})
    return 400 <= int(told.get("HTTPStatusCode", 0)) < 500 and bool(told.get("RetryAttempts") == 0)


def words(error: BaseException) -> str:
    """The error in one line."""
    if isinstance(error, ClientError):
        message = error.response.get("Error", {}).get("Message") or "no message"
        return f"{error.operation_name}: {code_of(error)}: {message}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
