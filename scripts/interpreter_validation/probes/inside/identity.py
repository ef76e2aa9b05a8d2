"""Runs in a session: as whom does code act, and what is it let do of things that only look?"""

import concurrent.futures
import os
import socket
from typing import Any

# Credentials come from the metadata service, which gets one try of one second by default.
os.environ |= {"AWS_METADATA_SERVICE_TIMEOUT": "5", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "4"}

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError


def main(told: dict[str, Any]) -> dict[str, Any]:
    """`calls` [[service, host, call, arguments], …], of which those that are reached are tried → ends."""
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=told["patience"],
        read_timeout=told["patience"],
        s3={"addressing_style": "path"},
    )
    session = boto3.Session(region_name=told["region"])
    if session.get_credentials() is None:
        return {"credentials": False, "calls": {}}
    patience = {host: told["seconds"] for _, host, _, _ in told["calls"]}
    patience |= {host: told["patience"] for service, host, _, _ in told["calls"] if service == "s3"}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        closed = dict(zip(patience, pool.map(_closed, patience, patience.values()), strict=True))
    clients: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    for service, host, call, arguments in told["calls"]:
        if closed[host]:
            answers[f"{service}.{call}"] = {"ended": "unreachable", "said": closed[host]}
            continue
        # Only of what is reached: a client costs more than its call.
        if service not in clients:
            clients[service] = session.client(service, config=config)
        answers[f"{service}.{call}"] = _try(clients[service], call, arguments)
    return {"credentials": True, "calls": answers}


def _closed(host: str, seconds: float) -> str:
    """Why nobody listens there; "" if somebody does."""
    try:
        with socket.create_connection((host, 443), seconds):
            return ""
    except OSError as error:
        return str(error)


def _try(client: Any, call: str, arguments: dict[str, Any]) -> dict[str, Any]:
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
