"""Random policies, envelopes and requests, small enough to meet often; the same ones for the same seed."""

import random
from typing import Any

ACTIONS = ["s3:get", "s3:getall", "s3:put", "iam:pass"]
ACTION_PATTERNS = ["s3:get", "s3:get*", "s3:*", "*", "s3:p?t", "*:pass", "S3:GET", "iam:*"]
KEYS = {
    "s3:prefix": ("text", ["a", "b", "ab", "a/", "A", "ba"]),
    "aws:username": ("text", ["a", "b", "bb"]),
    "s3:max-keys": ("number", ["9", "10", "11", "10.5", "100"]),
    "aws:sourceip": ("address", ["10.0.0.1", "10.200.0.1", "192.168.1.1"]),
    "aws:securetransport": ("bool", ["true", "false"]),
    "aws:sourcearn": ("arn", ["arn:aws:s3:::a", "arn:aws:s3:::b", "arn:aws:sns:us-east-1:1:a"]),
}
OPERATORS = {
    "text": [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
    ],
    "number": [
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ],
    "address": ["IpAddress", "NotIpAddress"],
    "bool": ["Bool"],
    "arn": ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
}
WANTED = {
    "number": ["10", "11", "50"],
    "address": ["10.0.0.0/8", "10.0.0.0/9", "192.168.1.1", "0.0.0.0/0"],
    "bool": ["true", "false"],
    "arn": ["arn:aws:s3:::a", "arn:aws:s3:::*", "arn:aws:*:*:*:a", "arn:aws:s3:::?"],
}
Document = dict[str, Any]


def glob(random: random.Random, letters: str = "ab/*?", most: int = 4) -> str:
    """A short pattern."""
    return "".join(random.choice(letters) for _ in range(random.randint(1, most)))


def condition(random: random.Random, keys: list[str]) -> Document:
    """One to two lines of a Condition block."""
    found: Document = {}
    for key in random.sample(keys, random.choice([1, 1, 2]) if len(keys) > 1 else 1):
        family = KEYS[key][0]
        if random.random() < 0.15:
            found.setdefault("Null", {})[key] = random.choice(["true", "false"])
            continue
        operator = random.choice(OPERATORS[family]) + random.choice(["", "", "IfExists"])
        values = WANTED.get(family) or [glob(random, "abA*?", 2) for _ in range(2)]
        found.setdefault(operator, {})[key] = random.sample(values, random.choice([1, 1, 2]))
    return found


def statement(
    random: random.Random, keys: list[str], effects: tuple[str, ...] = ("Allow", "Allow", "Deny")
) -> Document:
    """One statement over actions, resources and these condition keys."""
    found = {
        "Effect": random.choice(effects),
        random.choice(["Action", "Action", "Action", "NotAction"]): random.choice(ACTION_PATTERNS),
        random.choice(["Resource", "Resource", "Resource", "NotResource"]): [
            glob(random) for _ in range(random.choice([1, 1, 2]))
        ],
    }
    if random.random() < 0.5:
        found["Condition"] = condition(random, keys)
    return found


def policy(
    random: random.Random,
    keys: list[str],
    most: int = 3,
    effects: tuple[str, ...] = ("Allow", "Allow", "Deny"),
) -> Document:
    """A document of one to `most` statements."""
    parts = [statement(random, keys, effects) for _ in range(random.randint(1, most))]
    return {"Version": "2012-10-17", "Statement": parts}


def request(random: random.Random) -> tuple[str, str, dict[str, tuple[str, ...]]]:
    """An action, a resource and a context."""
    context = {key: (random.choice(values),) for key, (_, values) in KEYS.items() if random.random() < 0.6}
    return random.choice(ACTIONS), glob(random, "ab/", 4), context
