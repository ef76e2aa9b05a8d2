"""A user-space IPv4 forwarder: the sessions' TUN devices on one side, the street's on the other.

It stands where a NAT gateway stands on AWS: sessions open flows outwards, replies come back, nothing comes
in unasked, and sessions do not see each other. It works in the event loop and keeps no packet: what a device
does not take at once is lost, as on any wire, so no queue can grow.
"""

import asyncio
import errno
import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

from . import packets
from .packets import Flow, MalformedError, Packet

# The sessions' addresses (RFC 6598); the first is the router's own, on the street's device.
SESSIONS = IPv4Network("100.64.0.0/10")
ROUTER = SESSIONS[1]
# A NAT gateway forgets what was idle for 350 s (AWS docs, "NAT gateway: troubleshooting").
IDLE_SECONDS = 350.0
# Flows that one session may have open; the longest idle goes first.
MAX_FLOWS = 4096
# New flows that one session may ask for in a second: each one's rules are read in the endpoint's event loop.
MAX_NEW_FLOWS = 1000
# Packets taken from a device before others get their turn.
_BURST = 32
_LARGEST = 65535

# Why a flow is refused, or None: it may pass.
Egress = Callable[[Flow], str | None]
_FlowKey = tuple[int, int, bytes, int]


class Port:
    """One session's side: its TUN device, its address, what it may open. Made by `Router.attach`."""

    def __init__(self, tun: int, address: IPv4Address, egress: Egress) -> None:
        self.tun = tun
        self.address = address.packed
        self.counts: Counter[str] = Counter()
        self._egress = egress
        # When each was last seen, the longest ago first; and of TCP what its peer expects next.
        self._flows: OrderedDict[_FlowKey, float] = OrderedDict()
        self._expected: dict[_FlowKey, int] = {}
        self._second, self._asked = 0, 0

    def outward(self, raw: bytes) -> tuple[bytes | None, bytes | None]:
        """A packet of the session: (what goes on to the street, what goes back to the session)."""
        router = ROUTER.packed
        try:
            packet = packets.parse(raw)
        except MalformedError as error:
            return self._dropped(str(error))
        if packet.source != self.address:
            return self._dropped("not the session's address")
        key: _FlowKey = (packet.protocol, packet.ports[0], packet.target, packet.ports[1])
        if packet.quoted is not None:
            return self._dropped("an ICMP error of a session")
        if not self._known(key):
            if packet.opens and not self._may_ask():
                return self._dropped("too many new flows")
            reason = self._egress(packets.flow_of(packet)) if packet.opens else "no such flow"
            if reason is not None:
                self.counts[reason] += 1
                return None, packets.prohibited(packet, router)
            self._open(key)
        if packet.ttl <= 1:
            return None, packets.time_exceeded(packet, router)
        if packet.protocol == packets.TCP:
            self._expected[key] = packets.next_sequence(packet)
        self.counts["out"] += 1
        return packets.next_hop(packet), None

    def inward(self, packet: Packet) -> bytes | None:
        """A packet of the street for this session: what goes on to it, if it belongs to an open flow."""
        key: _FlowKey = (packet.protocol, packet.ports[1], packet.source, packet.ports[0])
        if packet.quoted is not None:
            source, target, protocol, ports = packet.quoted
            key = (protocol, ports[0], target, ports[1])
            if source != self.address:
                return self._dropped("an ICMP error about another's packet")[0]
        elif packet.protocol == packets.ICMP and packet.opens:
            return self._dropped("an unasked echo request")[0]
        if not self._known(key):
            return self._dropped("an unasked packet")[0]
        if packet.ttl <= 1:
            return self._dropped("time to live")[0]
        self.counts["in"] += 1
        return packets.next_hop(packet)

    def resets(self) -> list[bytes]:
        """What ends the session's TCP connections at their other ends, which would wait for it for ever."""
        return [
            packets.reset(self.address, target, (source_port, target_port), expected)
            for (_, source_port, target, target_port), expected in self._expected.items()
        ]

    def _known(self, key: _FlowKey) -> bool:
        seen = self._flows.get(key)
        if seen is None:
            return False
        now = time.monotonic()
        if now - seen > IDLE_SECONDS:
            del self._flows[key]
            self._expected.pop(key, None)
            return False
        self._flows[key] = now
        self._flows.move_to_end(key)
        return True

    def _may_ask(self) -> bool:
        second = int(time.monotonic())
        self._second, self._asked = second, self._asked + 1 if second == self._second else 1
        return self._asked <= MAX_NEW_FLOWS

    def _open(self, key: _FlowKey) -> None:
        self._flows[key] = time.monotonic()
        if len(self._flows) > MAX_FLOWS:
            oldest, _ = self._flows.popitem(last=False)
            self._expected.pop(oldest, None)

    def _dropped(self, reason: str) -> tuple[None, None]:
        self.counts[reason] += 1
        return None, None


class Router:
    """Forwards while it is open. Needs a running event loop; owns the descriptors that it is given."""

    def __init__(self, street: int) -> None:
        self._street = street
        self._ports: dict[bytes, Port] = {}
        self._taken: set[IPv4Address] = set()
        self._last = int(ROUTER)
        self._loop = asyncio.get_running_loop()
        os.set_blocking(street, False)
        self._loop.add_reader(street, self._from_street)

    def take_address(self) -> IPv4Address:
        """An address for a new session; the one that was used least recently. Give it back in the end."""
        first, size = int(ROUTER) + 1, SESSIONS.num_addresses - 3
        for step in range(1, size + 1):
            address = IPv4Address(first + (self._last - first + step) % size)
            if address not in self._taken:
                self._last = int(address)
                self._taken.add(address)
                return address
        raise RuntimeError(f"all {size} session addresses are taken")

    def give_back(self, address: IPv4Address) -> None:
        """Frees an address of `take_address`."""
        self._taken.discard(address)

    def attach(self, tun: int, address: IPv4Address, egress: Egress) -> Port:
        """Forwards for the session behind this device (IFF_TUN, IFF_NO_PI), under this address only."""
        os.set_blocking(tun, False)
        port = Port(tun, address, egress)
        self._ports[port.address] = port
        self._loop.add_reader(tun, self._from_session, port)
        return port

    def detach(self, port: Port) -> None:
        """Ends a session's forwarding and connections, and closes its device. May be called again."""
        if self._ports.get(port.address) is port:
            del self._ports[port.address]
            for last in port.resets():
                _write(self._street, last, port.counts)
            self._loop.remove_reader(port.tun)
            os.close(port.tun)

    def close(self) -> None:
        """Ends all forwarding and closes every device."""
        for port in list(self._ports.values()):
            self.detach(port)
        if self._street >= 0:
            self._loop.remove_reader(self._street)
            os.close(self._street)
            self._street = -1

    def _from_session(self, port: Port) -> None:
        for _ in range(_BURST):
            try:
                raw = os.read(port.tun, _LARGEST)
            except BlockingIOError:
                return
            except OSError:
                # EBADFD: the device is gone.
                self.detach(port)
                return
            onward, back = port.outward(raw)
            if onward is not None:
                _write(self._street, onward, port.counts)
            if back is not None:
                _write(port.tun, back, port.counts)

    def _from_street(self) -> None:
        for _ in range(_BURST):
            try:
                raw = os.read(self._street, _LARGEST)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            try:
                packet = packets.parse(raw)
            except MalformedError:
                continue
            port = self._ports.get(packet.target)
            if port is not None and (onward := port.inward(packet)) is not None:
                _write(port.tun, onward, port.counts)


def _write(device: int, raw: bytes, counts: Counter[str]) -> None:
    try:
        os.write(device, raw)
    except OSError as error:
        # The device is full, down or gone; for the packet it is the same.
        counts[f"lost: {errno.errorcode.get(error.errno or 0, str(error))}"] += 1
