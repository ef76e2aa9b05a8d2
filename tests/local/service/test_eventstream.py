"""Frames of the event stream, read back by botocore's own parser."""

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from interpreter_local import eventstream

names = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=20)


@given(st.dictionaries(names, st.text(max_size=50), max_size=5), st.binary(max_size=2000))
def test_botocore_reads_what_we_write(headers, payload):
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.encode(headers, payload))

    [message] = list(buffer)

    assert message.headers == headers
    assert message.payload == payload


def test_an_event_says_what_it_is():
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.event("result", b"{}") * 2)

    for message in buffer:
        assert message.to_response_dict()["headers"] == {
            ":message-type": "event",
            ":event-type": "result",
            ":content-type": "application/json",
        }
