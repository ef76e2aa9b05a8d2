"""Runs in a session: as whom does code act, and what is it let do of things that only look?"""

import concurrent.futures
import socket
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`calls` [[service, call, arguments], …] of which those are tried that are reached → how each ended."""
    config = Config(
        retries={"total_max_attempts": 1}, connect_timeout=told["seconds"], read_timeout=2 * told["seconds"]
    )
    session = boto3.Session(region_name=told["region"])
    if session.get_credentials() is None:
        return {"credentials": False, "calls": {}}
    clients = {name: session.client(name, config=config) for name in {one[0] for one in told["calls"]}}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        tried = {
            f"{service}.{call}": pool.submit(_try, clients[service], call, arguments, told["seconds"])
            for service, call, arguments in told["calls"]
        }
        return {"credentials": True, "calls": {name: one.result() for name, one in tried.items()}}


def _try(client: Any, call: str, arguments: dict[str, Any], seconds: float) -> dict[str, Any]:
    host = client.meta.endpoint_url.partition("://")[2].partition(":")[0]
    try:
        with socket.create_connection((host, 443), seconds):
            pass
    except OSError as error:
        return {"ended": "unreachable", "said": str(error)}
    try:
        reply = getattr(client, call)(**arguments)
    except ClientError as error:
        told = error.response["Error"]
        return {"ended": "error", "code": told.get("Code", ""), "said": told.get("Message", "")}
    except NoCredentialsError as error:
        return {"ended": "no credentials", "said": str(error)}
    except BotoCoreError as error:
        return {"ended": "unreachable", "said": str(error)}
    return {"ended": "allowed", "said": str(reply.get("Arn", "allowed"))}
