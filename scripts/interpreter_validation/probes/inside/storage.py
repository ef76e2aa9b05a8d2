"""Runs in a session: tries a list of S3 requests with the execution role, and says how each ended."""

import functools
import os
import ssl
import urllib.error
import urllib.request
from typing import Any

# Credentials come from the metadata service, which gets one try of one second by default.
os.environ |= {"AWS_METADATA_SERVICE_TIMEOUT": "5", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "4"}

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# botocore's names of a connection that did not open.
_UNREACHED = ("ConnectTimeoutError", "EndpointConnectionError")


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`attempts` [{label, call, with}] → {label: {allowed, code, said}}, `region`, `seconds` each.

    One after the other on one connection: each more would read all certificate authorities again, which is
    most of what this costs. When S3 is not reached, it is not asked again.
    """
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=told["seconds"],
        read_timeout=2 * told["seconds"],
        s3={"addressing_style": "path"},
    )
    s3 = boto3.client("s3", region_name=told["region"], config=config)
    answers: dict[str, Any] = {}
    unreached: dict[str, Any] | None = None
    for one in told["attempts"]:
        answers[one["label"]] = unreached or _try(s3, one["call"], one["with"], told["seconds"])
        if answers[one["label"]]["code"] in _UNREACHED:
            unreached = answers[one["label"]]
    return answers


def _try(s3: Any, call: str, arguments: dict[str, Any], seconds: float) -> dict[str, Any]:
    try:
        if call == "presigned_get":
            return _presigned(s3.generate_presigned_url("get_object", arguments), seconds)
        getattr(s3, call)(**arguments)
    except ClientError as error:
        told = error.response["Error"]
        code, said = str(told.get("Code", "")), str(told.get("Message", ""))
        return {"allowed": False, "code": code, "said": said}
    except BotoCoreError as error:
        return {"allowed": False, "code": type(error).__name__, "said": str(error)}
    return {"allowed": True, "code": "", "said": "allowed"}


@functools.cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _presigned(url: str, seconds: float) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=seconds, context=_context()) as reply:  # noqa: S310 - https
            return {"allowed": True, "code": "", "said": f"HTTP {reply.status}"}
    except urllib.error.HTTPError as error:
        text = error.read(2000).decode(errors="replace")
        code = text.partition("<Code>")[2].partition("</Code>")[0] or str(error.code)
        said = text.partition("<Message>")[2].partition("</Message>")[0]
        return {"allowed": False, "code": code, "said": said}
    except OSError as error:
        return {"allowed": False, "code": type(error).__name__, "said": str(error)}
