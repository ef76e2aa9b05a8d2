"""Given a fleet.yaml: the fleet, or every error in it with its line."""

import datetime
from pathlib import Path

import pytest

from interpreter_fleet import FleetFileError, FleetSpec, load
from interpreter_fleet.fleet_file import loads
from interpreter_fleet.spec import InterpreterSpec, StorageSpec, prefix_of


def errors(text: str) -> list[str]:
    with pytest.raises(FleetFileError) as raised:
        loads(text, "f.yaml")
    return str(raised.value).splitlines()


def one(interpreter: str) -> str:
    """A fleet whose only interpreter, `a`, has these keys, on line 3 and below."""
    return "fleet: demo\ninterpreters:\n  a: " + interpreter


def test_the_least_fleet_is_a_name_and_an_interpreter():
    spec = loads("fleet: demo\ninterpreters:\n  analytics: {}\n")

    assert spec.interpreters == {"analytics": InterpreterSpec()}
    assert spec.interpreters["analytics"].network == "SANDBOX"
    assert spec.trust == "exact"
    assert spec.shards == 1


def test_the_prefix_is_the_base_name_unless_one_is_given():
    given = InterpreterSpec(storage=StorageSpec(access="read", prefix="shared/reports/"))

    assert prefix_of("a", InterpreterSpec(storage=StorageSpec(access="read"))) == "a/"
    assert prefix_of("a", given) == "shared/reports/"
    assert prefix_of("a", InterpreterSpec()) is None


def test_a_waiver_ends_on_a_date():
    spec = loads(one("{waivers: [{rule: ACCI-020, reason: x, owner: y, until: 2027-02-28}]}"))

    assert spec.interpreters["a"].waivers[0].until == datetime.date(2027, 2, 28)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.yaml:1: found nothing; allowed: a mapping with 'fleet' and 'interpreters'"),
        ("- a\n", "f.yaml:1: found a list; allowed: a mapping with 'fleet' and 'interpreters'"),
        ("fleet: demo\n", "f.yaml:1: interpreters: required key is missing"),
        ("interpreters: {a: {}}\n", "f.yaml:1: fleet: required key is missing"),
        (
            "interpreters: {a: {}}\nfleet: Demo\n",
            "f.yaml:2: fleet: found 'Demo'; allowed: at most 20 lower-case letters, digits and single"
            " hyphens, the first a letter",
        ),
        (
            "fleet: demo\ninterpreters: {}\n",
            "f.yaml:2: interpreters: found 0 entries; allowed: 1 or more",
        ),
        (
            "fleet: demo\ntag: {}\ninterpreters: {a: {}}\n",
            "f.yaml:2: tag: unknown key 'tag', did you mean 'tags'; allowed: fleet, bucket, tags,"
            " permissions_boundary, trust, shards, canary_gate, canary_schedule, probes, libraries,"
            " interpreters",
        ),
        (
            "fleet: demo\ncanary_schedule:\n  every: 60\ninterpreters: {a: {}}\n",
            "f.yaml:3: canary_schedule.every: unknown key 'every'; allowed: every_minutes, at_once,"
            " slow_start_seconds",
        ),
        (
            "fleet: demo\nbucket:\n  nam: x\ninterpreters: {a: {}}\n",
            "f.yaml:3: bucket.nam: unknown key 'nam', did you mean 'name'; allowed: name, retain",
        ),
        (
            "fleet: demo\nbucket: {name: my-bucket, retain: true}\ninterpreters: {a: {}}\n",
            "f.yaml:2: bucket.retain: found 'retain' with 'name'; allowed: one of them,"
            " an existing bucket always stays",
        ),
        (
            "fleet: demo\nbucket: {name: My_Bucket}\ninterpreters: {a: {}}\n",
            "f.yaml:2: bucket.name: found 'My_Bucket'; allowed: the name of a bucket of this account,"
            " 3 to 63 characters",
        ),
        (
            "fleet: demo\ntrust: everyone\ninterpreters: {a: {}}\n",
            "f.yaml:2: trust: found 'everyone'; allowed: exact, account",
        ),
        (
            "fleet: demo\nshards: 0\ninterpreters: {a: {}}\n",
            "f.yaml:2: shards: found 0; allowed: 1 or more",
        ),
        (
            "fleet: demo\nshards: '2'\ninterpreters: {a: {}}\n",
            "f.yaml:2: shards: found '2'; allowed: a whole number",
        ),
        (
            "fleet: demo\npermissions_boundary: 'a b'\ninterpreters: {a: {}}\n",
            "f.yaml:2: permissions_boundary: found 'a b'; allowed: the ARN of an IAM policy,"
            " or its name in this account",
        ),
        (
            "fleet: demo\ninterpreters:\n  a__b: {}\n",
            "f.yaml:3: interpreters.a__b: found 'a__b'; allowed: no '__' and no '_' at the end,"
            " '__' ends the base name",
        ),
        (
            "fleet: demo\ninterpreters:\n  a-b: {}\n",
            "f.yaml:3: interpreters.a-b: found 'a-b'; allowed: letters, digits and underscores,"
            " the first a letter",
        ),
        (
            "fleet: demo\ninterpreters:\n  1: {}\n",
            "f.yaml:3: interpreters.1: found '1'; allowed: letters, digits and underscores,"
            " the first a letter",
        ),
        (
            f"fleet: demo\ninterpreters:\n  {'a' * 39}: {{}}\n",
            f"f.yaml:3: interpreters.{'a' * 39}: found '{'a' * 39}', 39 characters; allowed: at most 38",
        ),
        (one("\n"), "f.yaml:3: interpreters.a: found nothing; allowed: a mapping (key: value)"),
        (
            one("{network: INTERNET}"),
            "f.yaml:3: interpreters.a.network: found 'INTERNET'; allowed: SANDBOX, PUBLIC, VPC",
        ),
        (
            one("\n    netwrok: SANDBOX\n"),
            "f.yaml:4: interpreters.a.netwrok: unknown key 'netwrok', did you mean 'network'; allowed:"
            " description, network, vpc, storage, tags, shard, waivers, probes, libraries",
        ),
        (
            one("\n    description: x\n    network: PUBLIC\n"),
            "f.yaml:5: interpreters.a.network: found PUBLIC without a waiver; allowed: SANDBOX, VPC, or with"
            " 'waivers: [{rule: ACCI-001, reason: …, owner: …, until: YYYY-MM-DD}]'",
        ),
        (
            one("{network: PUBLIC, waivers: [{rule: ACCI-020, reason: x, owner: y, until: 2027-01-31}]}"),
            "f.yaml:3: interpreters.a.network: found PUBLIC without a waiver; allowed: SANDBOX, VPC, or with"
            " 'waivers: [{rule: ACCI-001, reason: …, owner: …, until: YYYY-MM-DD}]'",
        ),
        (
            one("{network: VPC}"),
            "f.yaml:3: interpreters.a.network: found VPC without 'vpc'; allowed: with"
            " 'vpc: {subnets: […], security_groups: […]}'",
        ),
        (
            one("{vpc: {subnets: [subnet-01234567], security_groups: [sg-01234567]}}"),
            "f.yaml:3: interpreters.a.vpc: found 'vpc' with network SANDBOX; allowed: with network VPC",
        ),
        (
            one("{network: VPC, vpc: {subnets: [subnet-1], security_groups: [sg-01234567]}}"),
            "f.yaml:3: interpreters.a.vpc.subnets: found 'subnet-1'; allowed: subnet ids such as"
            " subnet-0123456789abcdef0",
        ),
        (
            one(
                "\n    network: VPC\n    vpc:"
                " {subnets: [subnet-00000000], security_groups: [sg-00000000, sg-00000000]}"
            ),
            "f.yaml:5: interpreters.a.vpc.security_groups: found 'sg-00000000' twice; allowed: each id once",
        ),
        (
            one("{storage: {access: read, prefix: team}}"),
            "f.yaml:3: interpreters.a.storage.prefix: found 'team'; allowed: a key prefix that ends in '/',"
            " such as 'team/'",
        ),
        (
            one("{storage: {access: read, prefix: 'a*/'}}"),
            "f.yaml:3: interpreters.a.storage.prefix: found 'a*/'; allowed: names of letters, digits and"
            " '_.=-', each followed by one '/'",
        ),
        (one("{storage: {}}"), "f.yaml:3: interpreters.a.storage.access: required key is missing"),
        (one("{shard: 1}"), "f.yaml:3: interpreters.a.shard: found 1; allowed: 0 to 0, as 'shards' is 1"),
        (
            one("{tags: {cost-center: 1234}}"),
            "f.yaml:3: interpreters.a.tags.cost-center: found 1234; allowed: text; put it in quotes",
        ),
        (
            one("{tags: {interpreter-fleet: x}}"),
            "f.yaml:3: interpreters.a.tags: found the tag key 'interpreter-fleet'; allowed: any other,"
            " the fleet sets this one itself",
        ),
        (
            one("\n    waivers:\n      - {rule: ACCI-001, reason: x, owner: y, until: 31.1.2027}\n"),
            "f.yaml:5: interpreters.a.waivers[0].until: found '31.1.2027'; allowed: a date as YYYY-MM-DD",
        ),
        (
            one("\n    waivers:\n      - {rule: ACCI-001, reason: x, owner: y, until: 2027-02-29}\n"),
            "f.yaml:5: interpreters.a.waivers[0].until: found '2027-02-29': day is out of range for month;"
            " allowed: a date as YYYY-MM-DD",
        ),
        (
            one("{waivers: [{rule: ACCI-001, reason: x, until: 2027-02-28}]}"),
            "f.yaml:3: interpreters.a.waivers[0].owner: required key is missing",
        ),
        (
            one("{waivers: [{rule: PUBLIC, reason: x, owner: y, until: 2027-02-28}]}"),
            "f.yaml:3: interpreters.a.waivers[0].rule: found 'PUBLIC'; allowed: the id of a rule,"
            " such as ACCI-001",
        ),
        (
            "fleet: demo\nfleet: other\ninterpreters: {a: {}}\n",
            "f.yaml:2: the key 'fleet' stands here again, first on line 1",
        ),
        (
            "fleet: demo\ninterpreters:\n  a: {}\n  b: {}\n  a: {}\n",
            "f.yaml:5: the key 'a' stands here again, first on line 3",
        ),
        ("? [a]\n: 1\n", "f.yaml:1: a key is a list or a mapping; allowed: text"),
        ("a: &a [*a]\n", "f.yaml:1: an alias refers to the value that it stands in"),
        (
            "fleet: demo\ninterpreters: {a: {}\n",
            "f.yaml:3: not YAML: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'",
        ),
        ("fleet: \x07\n", "f.yaml:1: not YAML: special characters are not allowed: character #x0007"),
        (
            "fleet: demo\n---\nfleet: two\n",
            "f.yaml:2: not YAML: expected a single document in the stream, but found another document",
        ),
        ("fleet: !!python/object:os.system {}\n", None),
    ],
)
def test_an_error_names_line_key_what_was_found_and_what_is_allowed(text: str, expected: str | None):
    found = errors(text)

    assert len(found) == 1
    if expected is None:
        assert found[0].startswith("f.yaml:1: not YAML: could not determine a constructor for the tag")
    else:
        assert found[0] == expected


def test_overlapping_prefixes_name_both_lines():
    """`team/` covers `team/x/`; a look-alike such as `team2/` is another prefix."""
    found = errors(
        "fleet: demo\n"
        "interpreters:\n"
        "  a:\n"
        "    storage: {access: read, prefix: team/}\n"
        "  b:\n"
        "    storage:\n"
        "      access: write\n"
        "      prefix: team/x/\n"
        "  team2:\n"
        "    storage: {access: read}\n"
    )

    assert found == [
        "f.yaml:8: interpreters.b.storage.prefix: found 'team/x/', which overlaps 'team/' of 'a' on line 4;"
        " allowed: prefixes that do not overlap"
    ]


def test_a_default_prefix_can_overlap_a_given_one():
    found = errors(
        "fleet: demo\n"
        "interpreters:\n"
        "  a:\n"
        "    storage: {access: read}\n"
        "  b:\n"
        "    storage: {access: read, prefix: a/}\n"
    )

    assert found == [
        "f.yaml:6: interpreters.b.storage.prefix: found 'a/', which overlaps 'a/' of 'a' on line 4;"
        " allowed: prefixes that do not overlap"
    ]


def test_all_errors_are_reported_together_in_the_order_of_the_file():
    """An error in one interpreter hides neither those of others nor the conflicts between them."""
    found = errors(
        "fleet: demo\n"
        "colour: red\n"
        "interpreters:\n"
        "  a: {network: INTERNET}\n"
        "  b: {storage: {access: read, prefix: x/}}\n"
        "  c: {storage: {access: read, prefix: x/y/}}\n"
        "  d: {shard: 3}\n"
    )

    assert [line.split(": ")[:2] for line in found] == [
        ["f.yaml:2", "colour"],
        ["f.yaml:4", "interpreters.a.network"],
        ["f.yaml:6", "interpreters.c.storage.prefix"],
        ["f.yaml:7", "interpreters.d.shard"],
    ]


def test_values_are_what_a_reader_sees():
    """`no`, `on`, `0123` and dates are text, as they look; YAML 1.1 would make something else of them."""
    spec = loads(
        "fleet: demo\ntags: {a: no, b: 0123, c: 2027-01-31, d: 12:30:45}\ninterpreters: {on: {}, y: {}}\n"
    )

    assert spec.tags == {"a": "no", "b": "0123", "c": "2027-01-31", "d": "12:30:45"}
    assert list(spec.interpreters) == ["on", "y"]


def test_anchors_and_merge_keys_keep_their_lines():
    text = (
        "fleet: demo\n"
        "interpreters:\n"
        "  a: &common\n"
        "    description: x\n"
        "    network: SANDBOX\n"
        "  b:\n"
        "    <<: *common\n"
        "    network: INTERNET\n"
    )

    assert errors(text) == [
        "f.yaml:8: interpreters.b.network: found 'INTERNET'; allowed: SANDBOX, PUBLIC, VPC"
    ]
    assert loads(text.replace("INTERNET", "SANDBOX")).interpreters["b"].description == "x"


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"fleet: demo\ntags: {a: caf\xe9}\n")

    with pytest.raises(FleetFileError, match=r"none\.yaml: No such file or directory$"):
        load(tmp_path / "none.yaml")
    with pytest.raises(FleetFileError, match=r"latin\.yaml:2: not UTF-8 text: byte 0xe9$"):
        load(latin)
    with pytest.raises(FleetFileError, match=r": Is a directory$"):
        load(tmp_path)


def test_a_fleet_made_in_python_is_checked_the_same():
    with pytest.raises(ValueError, match=r"b\.storage\.prefix: found 'x/y/', which overlaps 'x/' of 'a'"):
        FleetSpec(
            fleet="demo",
            interpreters={
                "a": InterpreterSpec(storage=StorageSpec(access="read", prefix="x/")),
                "b": InterpreterSpec(storage=StorageSpec(access="read", prefix="x/y/")),
            },
        )
