"""The laws of names: what replaces an interpreter renames it, and nothing else does."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreter_fleet import Network
from interpreter_fleet.naming import check_base, check_prefix, interpreter_name, logical_id, shard_of

LETTERS = string.ascii_letters
bases = st.from_regex(r"[a-zA-Z](_?[a-zA-Z0-9]){0,18}", fullmatch=True).filter(lambda base: len(base) <= 38)
json_values = st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner), max_leaves=5)
properties = st.dictionaries(st.sampled_from(["Description", "NetworkConfiguration", "Role"]), json_values)


@given(bases, properties)
def test_a_name_is_one_that_the_api_takes(base, create_only):
    """CreateCodeInterpreter: [a-zA-Z][a-zA-Z0-9_]{0,47}."""
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]{0,47}", interpreter_name(check_base(base), create_only))


@given(bases, properties, properties)
def test_names_differ_exactly_when_create_only_properties_do(base, before, after):
    assert (interpreter_name(base, before) == interpreter_name(base, after)) == (before == after)


@given(bases, bases, properties)
def test_the_pattern_of_one_interpreter_matches_no_other(base, other, create_only):
    """`<base>__*` stands in trust policies and grants."""
    matches = interpreter_name(other, create_only).startswith(f"{base}__")

    assert matches == (base == other)


@pytest.mark.parametrize("base", ["a_", "a__b", "_a", "1a", "a-b", "", "a.b", "é", "a" * 39, "a\n"])
def test_a_base_name_that_would_break_the_pattern_is_refused(base):
    with pytest.raises(ValueError, match="allowed:"):
        check_base(base)


@pytest.mark.parametrize(
    "prefix", ["", "/", "a", "a//", "/a/", "a/../", "./", "a*/", "a?/", "${x}/", "a b/", "a/\n"]
)
def test_a_prefix_that_a_policy_would_read_otherwise_is_refused(prefix):
    with pytest.raises(ValueError, match="allowed:"):
        check_prefix(prefix)


@given(st.sets(bases, min_size=2), st.integers(1, 64))
def test_adding_an_interpreter_moves_no_other(names, shards):
    """The shard is a function of the name and the count; the rest of the fleet is not an argument."""
    shard = {name: shard_of(name, shards) for name in sorted(names)}

    assert all(0 <= n < shards for n in shard.values())
    assert {name: shard_of(name, shards) for name in sorted(names)[1:]}.items() <= shard.items()


def test_shards_are_the_same_everywhere_and_for_ever():
    """These are deployed: a change of the hash would move interpreters between stacks."""
    assert [shard_of(base, 4) for base in ("analytics", "reports", "web_research")] == [2, 3, 3]


@given(st.text(), st.text())
def test_logical_ids_are_alphanumeric_and_one_to_one(name, other):
    assert re.fullmatch("[a-zA-Z0-9]+", logical_id(name))
    assert (logical_id(name) == logical_id(other)) == (name == other)


VPC = Network.vpc(
    subnets=["subnet-0000000a", "subnet-0000000b"], security_groups=["sg-0000000a", "sg-0000000b"]
)
TURNED = Network.vpc(subnets=VPC.subnets[::-1], security_groups=VPC.security_groups[::-1])
OTHER = Network.vpc(subnets=VPC.subnets, security_groups=["sg-0000000c"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"description": "a"}, {"description": "b"}),
        ({}, {"description": "a"}),
        ({}, {"network": Network.public()}),
        ({"network": VPC}, {"network": OTHER}),
        ({"stack_name": "one"}, {"stack_name": "two"}),
        ({"path": "One"}, {"path": "Two"}),
    ],
    ids=lambda declared: ",".join(declared) or "none",
)
def test_what_cloudformation_replaces_gets_a_new_name(name_of, before, after):
    """Create-only properties, and what gives the role another identity: another stack or construct path."""
    assert name_of(**before) != name_of(**after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"tags": {"team": "a"}}),
        ({}, {"trust": "account"}),
        ({}, {"permissions_boundary": "boundary"}),
        ({}, {"network": Network.sandbox()}),
        ({"network": VPC}, {"network": TURNED}),
    ],
    ids=["tags", "trust", "boundary", "default network", "order of ids"],
)
def test_what_cloudformation_changes_in_place_keeps_the_name(name_of, before, after):
    """A rename replaces the interpreter and ends its sessions, so nothing else may cause one."""
    assert name_of(**before) == name_of(**after)
