"""The boto3 clients, and what an error of theirs says about what we wanted to know."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# AWS docs: a synchronous request may take 15 minutes; the reply's headers come only at its end.
INVOKE_READ_TIMEOUT_SECONDS = 960
# These tell that we may not ask, or not now: nothing about the interpreter.
_NOT_TOLD = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "RequestExpired",
        "ServiceQuotaExceededException",
        "ThrottlingException",
        "TooManyRequestsException",
        "UnrecognizedClientException",
    }
)

AwsError = (ClientError, BotoCoreError)


@dataclass(frozen=True)
class Clients:
    """One client for each API; `invoke` waits for long code and never repeats a call."""

    control: Any
    data: Any
    invoke: Any
    ssm: Any
    quotas: Any

    @property
    def region(self) -> str:
        """Where they look."""
        return str(self.control.meta.region_name)

    @property
    def endpoint(self) -> str:
        """Whom they ask."""
        return str(self.control.meta.endpoint_url)


def connect(*, region: str | None, profile: str | None, endpoint_url: str | None, pool: int) -> Clients:
    """Clients from the usual sources of credentials and region; `pool` connections at once."""
    session = boto3.Session(region_name=region, profile_name=profile)
    retrying = Config(
        retries={"mode": "standard", "total_max_attempts": 6},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=max(10, pool),
    )
    # Invoke has no idempotency token: a retry would run the code twice.
    once = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=10,
        read_timeout=INVOKE_READ_TIMEOUT_SECONDS,
        max_pool_connections=max(10, pool),
    )

    def make(name: str, config: Config = retrying) -> Any:
        return session.client(name, endpoint_url=endpoint_url, config=config)

    return Clients(
        control=make("bedrock-agentcore-control"),
        data=make("bedrock-agentcore"),
        invoke=make("bedrock-agentcore", once),
        ssm=make("ssm"),
        quotas=make("service-quotas"),
    )


def code_of(error: BaseException) -> str:
    """The service's error code, else the exception's name."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def is_telling(error: BaseException) -> bool:
    """Whether an error says something about what was asked for, rather than about who asked or when."""
    return isinstance(error, ClientError) and code_of(error) not in _NOT_TOLD


def words(error: BaseException) -> str:
    """The error in one line."""
    if isinstance(error, ClientError):
        message = error.response.get("Error", {}).get("Message") or "no message"
        return f"{error.operation_name}: {code_of(error)}: {message}"
    return f"{type(error).__name__}: {error}"
