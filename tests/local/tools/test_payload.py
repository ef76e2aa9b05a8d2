"""Given more than one event of the stream can carry, a result that is cut or refused, never a broken frame.

botocore's decoder refuses a payload of more than 25,165,824 bytes.
"""

import base64
import json

import pytest
from botocore.eventstream import EventStreamBuffer

from interpreter_local import errors, eventstream
from interpreter_local.tools import result

LIMIT = 25_165_824


def through_botocore(made):
    """The result as a client has it after decoding the stream."""
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.event("result", errors.body(made)))
    [event] = list(buffer)
    return json.loads(event.payload)


@pytest.mark.parametrize("character", ["x", "é", "中", "🎉", "\n", "\x01", '"', "\\", "\ud800"], ids=ascii)
def test_output_is_cut_to_what_fits_whatever_it_costs_in_json(character):
    made = result.of_output(character * 14_000_000, "", {"exitCode": 0}, is_error=False)

    sent = through_botocore(result.bounded(made))

    assert sent["structuredContent"]["stdout"].endswith("[output truncated: more than one event can carry]")
    assert 0.95 * LIMIT < len(errors.body(made)) <= LIMIT


def test_output_that_fits_is_whole():
    stdout, stderr = "中" * 2_000_000, "é" * 3_000_000

    sent = through_botocore(result.bounded(result.of_output(stdout, stderr, {}, is_error=False)))

    assert sent["structuredContent"] == {"stdout": stdout, "stderr": stderr}


def test_both_streams_share_the_room():
    made = result.of_output("o" * 9_000_000, "e" * 9_000_000, {}, is_error=True)

    sent = through_botocore(result.bounded(made))

    for stream in ("stdout", "stderr"):
        assert sent["structuredContent"][stream].endswith("[output truncated: more than one event can carry]")
    assert 0.95 * LIMIT < len(errors.body(made)) <= LIMIT


@pytest.mark.parametrize("said", ["", "why it failed\n"])
def test_much_output_leaves_room_for_why_it_failed(said):
    made = result.of_output("o" * 30_000_000, said, {}, is_error=True)

    sent = through_botocore(result.bounded(made))

    assert sent["structuredContent"]["stderr"] == said
    assert len(sent["content"]) == (2 if said else 1)
    assert sent["structuredContent"]["stdout"].endswith("[output truncated: more than one event can carry]")


def test_a_stream_alone_has_all_of_the_room():
    for streams in (("x" * 12_000_000, ""), ("", "x" * 12_000_000)):
        sent = through_botocore(result.bounded(result.of_output(*streams, {}, is_error=False)))

        assert (sent["structuredContent"]["stdout"], sent["structuredContent"]["stderr"]) == streams


def test_a_result_of_exactly_the_limit_is_sent_and_one_byte_more_is_an_error():
    around = len(errors.body(result.make([result.text("")])))
    fits = result.make([result.text("x" * (LIMIT - around))])
    over = result.make([result.text("x" * (LIMIT - around + 1))])

    assert through_botocore(result.bounded(fits)) == fits
    refused = through_botocore(result.bounded(over))
    assert refused["isError"]
    assert refused["content"][0]["text"].startswith(f"result of {LIMIT + 1} bytes is too large for one event")


def test_eighteen_megabytes_of_bytes_can_be_read(invoke):
    invoke("executeCommand", command="head -c 18000000 /dev/urandom > big; sha256sum big > sum")

    blocks = through_botocore(invoke("readFiles", paths=["big"]))["content"]

    assert len(base64.b64decode(blocks[0]["resource"]["blob"])) == 18_000_000


@pytest.mark.parity("A file that no event can carry: isError", seen="unrecorded")
@pytest.mark.parametrize("size", [20_000_000, 30_000_000])
def test_a_file_that_no_event_can_carry_is_an_error(invoke, size):
    """Unrecorded."""
    invoke("executeCommand", command=f"head -c {size} /dev/urandom > big")

    read = invoke("readFiles", paths=["big"])

    assert read["isError"]
    assert "too large for one event" in read["content"][0]["text"]


@pytest.mark.parity("Output that no event can carry is cut", seen="unrecorded")
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("executeCommand", {"command": "yes | head -c 14000000"}),
        ("executeCode", {"code": "import os; os.system('yes | head -c 40000000'); None"}),
    ],
)
def test_output_of_a_program_is_cut_and_says_so(invoke, tool, arguments):
    sent = through_botocore(invoke(tool, **arguments))

    assert not sent["isError"]
    assert sent["structuredContent"]["stdout"].endswith("[output truncated: more than one event can carry]")
