"""What PUBLIC mode lets out: public addresses, never this machine."""

from ipaddress import IPv4Address

import pytest

from interpreter_local.network.packets import Flow
from interpreter_local.network.public import own_addresses, refusal


def asked(address, *, internet=True, own=()):
    flow = Flow("tcp", IPv4Address(address), 443)
    return refusal(flow, internet=internet, own=lambda: [IPv4Address(one) for one in own])


def test_a_public_address_is_reached_where_there_is_a_way():
    assert asked("8.8.8.8") is None
    assert asked("8.8.8.8", internet=False) == "there is no way to the internet here"


def test_the_outside_host_needs_no_internet():
    assert asked("198.51.100.7", internet=False) is None


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.2.3",
        "100.64.0.2",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.1.1",
        "198.51.100.8",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
    ],
)
def test_what_is_not_public_is_refused(address):
    assert asked(address) == f"{address} is not a public address"


def test_this_machines_public_address_is_refused():
    assert asked("8.8.8.8", own=["9.9.9.9", "8.8.8.8"]) == "8.8.8.8 is this machine"


def test_this_machine_knows_its_addresses():
    assert IPv4Address("127.0.0.1") in own_addresses()
