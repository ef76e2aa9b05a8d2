"""Runs in a session: tries a list of S3 requests with the execution role, and says how each ended."""

import concurrent.futures
import ssl
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`attempts` [{label, call, with}] → {label: {allowed, code, said}}, `region`, `seconds` each."""
    config = Config(
        retries={"total_max_attempts": 1}, connect_timeout=told["seconds"], read_timeout=2 * told["seconds"]
    )
    s3 = boto3.client("s3", region_name=told["region"], config=config)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tried = {
            one["label"]: pool.submit(_try, s3, one["call"], one["with"], told["seconds"])
            for one in told["attempts"]
        }
        return {label: one.result() for label, one in tried.items()}


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


def _presigned(url: str, seconds: float) -> dict[str, Any]:
    try:
        context = ssl.create_default_context()
        with urllib.request.urlopen(url, timeout=seconds, context=context) as reply:  # noqa: S310 - https
            return {"allowed": True, "code": "", "said": f"HTTP {reply.status}"}
    except urllib.error.HTTPError as error:
        text = error.read(2000).decode(errors="replace")
        code = text.partition("<Code>")[2].partition("</Code>")[0] or str(error.code)
        said = text.partition("<Message>")[2].partition("</Message>")[0]
        return {"allowed": False, "code": code, "said": said}
    except OSError as error:
        return {"allowed": False, "code": type(error).__name__, "said": str(error)}
