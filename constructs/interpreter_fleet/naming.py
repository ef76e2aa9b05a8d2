"""Names that survive replacement, and the shard an interpreter always lives in.

All properties of `AWS::BedrockAgentCore::CodeInterpreterCustom` but Tags are create-only, and CloudFormation
creates the replacement before it deletes the original: with an unchanged name the create fails with a
conflict and the update rolls back. So a name is `<base>__<h8>`, where h8 hashes whatever would replace the
interpreter, and `<base>__*` matches every generation of this interpreter and no other.

Names are the account's and Region's, not the fleet's: two fleets there that use the same base name do not
collide (their stacks differ, so the hashes do), but the trust policy and the grants of one match the other.
"""

import hashlib
import json
import re
from collections.abc import Mapping

# CreateCodeInterpreter: name is [a-zA-Z][a-zA-Z0-9_]{0,47} (API model, boto3 1.44).
MAX_NAME = 48
SEPARATOR = "__"
HASH_LENGTH = 8
MAX_BASE = MAX_NAME - len(SEPARATOR) - HASH_LENGTH
# Leaves room for `-interpreters-<account>-<region>` in the 63 characters of a bucket name.
MAX_FLEET = 20
MAX_PREFIX = 256
# On every resource that takes tags; for `aws:ResourceTag` conditions, which outlive replacements too.
FLEET_TAG = "interpreter-fleet"
BASE_TAG = "interpreter-base"

_BASE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_FLEET = re.compile(r"[a-z](-?[a-z0-9])*")
# No `*`, `?` or `$`: they are patterns and variables where the prefix stands in a policy.
_PREFIX = re.compile(r"([a-zA-Z0-9_.=-]+/)+")


def interpreter_name(base: str, create_only: Mapping[str, object]) -> str:
    """`<base>__<h8>`: another name whenever a create-only property differs.

    `create_only` holds plain JSON values: the create-only properties of the interpreter and what would
    replace its role (create-only properties of `AWS::IAM::Role`, its logical id, its stack).
    """
    digest = hashlib.sha256(canonical(create_only).encode()).hexdigest()
    return f"{base}{SEPARATOR}{digest[:HASH_LENGTH]}"


def canonical(value: object) -> str:
    """The one JSON text of a value, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def logical_id(name: str) -> str:
    """A CloudFormation logical id that follows from a name and nothing else."""
    words = "".join(word.capitalize() for word in re.findall("[a-zA-Z0-9]+", name))
    return words + hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH].upper()


def shard_of(base: str, shards: int) -> int:
    """The shard of an interpreter, from its own name and the shard count and nothing else.

    Adding, removing or reordering interpreters moves no other one; changing `shards` moves most.
    """
    return int.from_bytes(hashlib.sha256(base.encode()).digest()[:8]) % shards


def check_base(base: str) -> str:
    """The base name itself, or ValueError with what is allowed."""
    if not _BASE.fullmatch(base):
        raise ValueError(f"found {base!r}; allowed: letters, digits and underscores, the first a letter")
    if SEPARATOR in base or base.endswith("_"):
        # A trailing underscore would make `a_` + `__1…` match the pattern `a__*` of another interpreter.
        raise ValueError(f"found {base!r}; allowed: no '__' and no '_' at the end, '__' ends the base name")
    if len(base) > MAX_BASE:
        raise ValueError(f"found {base!r}, {len(base)} characters; allowed: at most {MAX_BASE}")
    return base


def check_fleet(fleet: str) -> str:
    """The fleet name itself, or ValueError with what is allowed: it starts stack and bucket names."""
    if not _FLEET.fullmatch(fleet) or len(fleet) > MAX_FLEET:
        raise ValueError(
            f"found {fleet!r}; allowed: at most {MAX_FLEET} lower-case letters, digits and single hyphens,"
            " the first a letter"
        )
    return fleet


def check_prefix(prefix: str) -> str:
    """The key prefix itself, or ValueError with what is allowed.

    It ends in '/', or `team` would also cover `team2/...`.
    """
    if not prefix.endswith("/"):
        raise ValueError(f"found {prefix!r}; allowed: a key prefix that ends in '/', such as '{prefix}/'")
    if not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        raise ValueError(
            f"found {prefix!r}; allowed: names of letters, digits and '_.=-', each followed by one '/'"
        )
    if len(prefix) > MAX_PREFIX:
        raise ValueError(f"found a prefix of {len(prefix)} characters; allowed: at most {MAX_PREFIX}")
    return prefix
