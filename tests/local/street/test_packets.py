"""Packets as bytes: what is read, what is refused, what is answered."""

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreter_local.network import packets
from interpreter_local.network.packets import MalformedError
from interpreter_local.network.router import IDLE_SECONDS, MAX_FLOWS, MAX_NEW_FLOWS, ROUTER, Port

SESSION, OUTSIDE = IPv4Address("100.64.0.2").packed, IPv4Address("198.51.100.7").packed
SYN, SYN_ACK, ACK, RST = 0x02, 0x12, 0x10, 0x04


def ip(payload, protocol, source=SESSION, target=OUTSIDE, ttl=64, fragment=0, first=0x45):
    header = struct.pack(
        "!BBHHHBBH4s4s", first, 0, 20 + len(payload), 1, fragment, ttl, protocol, 0, source, target
    )
    return header[:10] + struct.pack("!H", packets.checksum(header)) + header[12:] + payload


def tcp(flags=SYN, ports=(40000, 443), numbers=(7, 9), data=b"", **options):
    return ip(struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 1000, 0, 0) + data, 6, **options)


def udp(ports=(40000, 53), data=b"data", **options):
    return ip(struct.pack("!HHHH", *ports, 8 + len(data), 0) + data, 17, **options)


def icmp(kind, code=0, rest=b"\0\x01\0\x02", **options):
    body = struct.pack("!BBH", kind, code, 0) + rest
    return ip(body[:2] + struct.pack("!H", packets.checksum(body)) + body[4:], 1, **options)


def back(packet, **options):
    """The same as an answer: from the outside host to the session."""
    return packet(source=OUTSIDE, target=SESSION, **options)


def allow(_flow):
    return None


def refuse(_flow):
    return "not today"


@pytest.fixture
def port():
    return Port(-1, IPv4Address(SESSION), allow)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"", "0 bytes"),
        (b"\x60" + bytes(60), "IP version 6"),
        (tcp() + b"x", "length field 40"),
        (tcp()[:-1], "length field 40"),
        (tcp(first=0x46), "IP options"),
        (udp(fragment=0x2000), "a fragment"),
        (udp(fragment=1), "a fragment"),
        (tcp()[:8] + b"\x01" + tcp()[9:], "header checksum"),
        (ip(bytes(8), 17), "UDP header"),
        (ip(bytes(19), 6), "TCP header"),
        (ip(bytes(20), 6), "TCP header"),
        (ip(bytes(20), 132), "protocol 132"),
        (icmp(5), "ICMP type 5"),
        (icmp(3, rest=bytes(4)), "quotes no packet"),
    ],
)
def test_what_is_not_a_plain_packet_is_refused(raw, what):
    with pytest.raises(MalformedError, match=what):
        packets.parse(raw)


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(raw):
    """Never another exception: it would end the loop that reads the device."""
    try:
        packets.parse(raw)
    except MalformedError:
        return


@given(st.binary(max_size=80), st.sampled_from([1, 6, 17]))
def test_any_payload_is_read_or_refused(payload, protocol):
    port = Port(-1, IPv4Address(SESSION), allow)
    onward, answer = port.outward(ip(payload, protocol))
    assert onward is None or answer is None


@given(st.integers(2, 255), st.binary(min_size=4, max_size=4))
def test_the_next_hop_has_a_right_checksum(ttl, target):
    sent = packets.parse(udp(ttl=ttl, target=target))

    after = packets.parse(packets.next_hop(sent))

    assert (after.ttl, after.raw[20:]) == (ttl - 1, sent.raw[20:])


def test_a_flow_opens_outwards_and_its_replies_come_back(port):
    assert port.inward(packets.parse(back(tcp, flags=SYN_ACK, ports=(443, 40000)))) is None

    assert port.outward(tcp())[0] is not None

    assert port.inward(packets.parse(back(tcp, flags=SYN_ACK, ports=(443, 40000)))) is not None
    assert port.inward(packets.parse(back(tcp, flags=SYN_ACK, ports=(443, 40001)))) is None
    assert port.inward(packets.parse(back(tcp, flags=SYN_ACK, ports=(80, 40000)))) is None


def test_nothing_comes_in_unasked(port):
    for raw in (back(tcp), back(udp), back(icmp, kind=8), back(icmp, kind=0)):
        assert port.inward(packets.parse(raw)) is None


def test_an_icmp_error_comes_in_for_an_open_flow_only(port):
    quoted = udp()
    error = icmp(3, 3, rest=bytes(4) + quoted, source=OUTSIDE, target=SESSION)
    assert port.inward(packets.parse(error)) is None

    port.outward(quoted)

    assert port.inward(packets.parse(error)) is not None


def test_another_source_address_goes_nowhere(port):
    forged = IPv4Address("100.64.0.3").packed

    assert port.outward(tcp(source=forged)) == (None, None)
    assert port.counts["not the session's address"] == 1


def test_a_refused_connection_is_answered_as_prohibited():
    port = Port(-1, IPv4Address(SESSION), refuse)

    onward, answer = port.outward(tcp())

    assert onward is None
    assert (answer[20], answer[21], answer[12:16], answer[16:20]) == (3, 13, ROUTER.packed, SESSION)
    assert packets.checksum(answer[:20]) == packets.checksum(answer[20:]) == 0
    assert answer[28:] == tcp()  # quoted, so that the sender finds its socket
    assert port.counts["not today"] == 1


@pytest.mark.parametrize(
    ("raw", "numbers", "flags"),
    [
        (tcp(flags=ACK, numbers=(7, 9)), (9, 0), RST),
        (tcp(flags=0, numbers=(7, 0), data=b"abc"), (0, 10), RST | ACK),
    ],
)
def test_a_connection_that_nobody_knows_is_reset(port, raw, numbers, flags):
    _, answer = port.outward(raw)

    assert (answer[12:16], answer[16:20]) == (OUTSIDE, SESSION)
    assert struct.unpack_from("!HHII", answer, 20) == (443, 40000, *numbers)
    assert answer[33] == flags
    pseudo = answer[12:20] + struct.pack("!BBH", 0, 6, len(answer) - 20)
    assert packets.checksum(pseudo + answer[20:]) == 0


@pytest.mark.parametrize(
    "raw",
    [
        tcp(flags=RST),
        icmp(3, 3, rest=bytes(4) + udp()),
        udp(target=IPv4Address("255.255.255.255").packed),
        udp(target=IPv4Address("239.0.0.1").packed),
        icmp(0),
    ],
)
def test_an_answer_never_answers_an_error_nor_a_broadcast(raw):
    port = Port(-1, IPv4Address(SESSION), refuse)

    assert port.outward(raw) == (None, None)


def test_the_last_hop_says_so(port):
    onward, answer = port.outward(udp(ttl=1))

    assert onward is None
    assert (answer[20], answer[21]) == (11, 0)


def test_the_rule_is_asked_once_for_a_flow():
    """As with a security group: what is open stays open when a rule goes."""
    asked = []
    port = Port(-1, IPv4Address(SESSION), asked.append)

    for _ in range(3):
        port.outward(udp())
    port.outward(udp(ports=(40001, 53)))

    assert [(flow.protocol, str(flow.address), flow.port) for flow in asked] == [
        ("udp", "198.51.100.7", 53)
    ] * 2


def test_an_idle_flow_is_forgotten(port, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("interpreter_local.network.router.time.monotonic", lambda: now[0])
    port.outward(tcp())
    now[0] += IDLE_SECONDS - 1
    assert port.outward(tcp(flags=ACK))[0] is not None

    now[0] += IDLE_SECONDS + 1

    assert port.outward(tcp(flags=ACK))[0] is None
    assert port.counts["no such flow"] == 1


def test_open_flows_are_bounded(port, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("interpreter_local.network.router.time.monotonic", lambda: now[0])
    for number in range(MAX_FLOWS + 1):
        port.outward(udp(ports=(number, 53)))
        now[0] += 0.01

    assert port.inward(packets.parse(back(udp, ports=(53, 0)))) is None  # the oldest went
    assert port.inward(packets.parse(back(udp, ports=(53, MAX_FLOWS)))) is not None


def test_new_flows_are_bounded_in_a_second(port, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("interpreter_local.network.router.time.monotonic", lambda: now[0])
    for number in range(MAX_NEW_FLOWS):
        assert port.outward(udp(ports=(number, 53)))[0] is not None

    assert port.outward(udp(ports=(MAX_NEW_FLOWS, 53))) == (None, None)
    assert port.outward(udp(ports=(0, 53)))[0] is not None  # one that is open goes on
    now[0] += 1
    assert port.outward(udp(ports=(MAX_NEW_FLOWS, 53)))[0] is not None


def test_what_ends_a_connection_carries_the_number_that_its_peer_expects(port):
    port.outward(tcp(numbers=(100, 0)))
    port.outward(tcp(flags=ACK, numbers=(101, 7), data=b"hello"))
    port.outward(udp())

    [raw] = port.resets()

    last = packets.parse(raw)
    assert (last.source, last.target, last.ports, last.flags) == (SESSION, OUTSIDE, (40000, 443), RST)
    assert struct.unpack_from("!I", raw, 24) == (106,)
