"""What a session reaches over the network: AWS through a gateway, its credentials, names.

network = Network(aws, authority)
attached = await network.attach(session, listeners, tun)
await attached.close()
"""

import functools
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from interpreter_local.tls import Authority

from . import names, serving
from .attachment import Attachment, Mode, Reach, Way, public_reach, sandbox_reach
from .certificates import Certificates
from .gateway import Aws, Gateway, Routed
from .metadata import Credentials, Metadata, NotAssumableError

__all__ = [
    "Attached",
    "Attachment",
    "Aws",
    "Credentials",
    "Egress",
    "Identities",
    "Mode",
    "Network",
    "NotAssumableError",
    "Reach",
    "Routed",
    "Way",
]

# Connections at a time, of one session: more than any client opens.
_AWS_CONNECTIONS, _OTHER_CONNECTIONS = 64, 16


class Identities(Protocol):
    """Who mints the sessions of execution roles (`ministack`)."""

    def mint(self, session: Attachment) -> Credentials:
        """Credentials of the session's role; NotAssumableError when its trust policy does not allow it."""

    def forget(self, access_key: str) -> None:
        """The credentials are good no longer."""


class Egress(Protocol):
    """What lies beyond AWS's endpoints in PUBLIC and VPC mode."""

    def attach(self, session: Attachment, tun: int) -> Callable[[], None]:
        """Carries the packets of the session's device, which it owns, until the result is called."""

    def give_back(self, session: Attachment) -> None:
        """The session ends, and no longer uses the address that it was given. May be called again."""

    def resolver(self, session: Attachment) -> names.Resolver | None:
        """Who knows names other than AWS's."""

    def reach(self, session: Attachment) -> Reach:
        """The ways to AWS of a session in VPC mode: the endpoints of its VPC."""


class Attached:
    """One session's network; close it when the session ends."""

    def __init__(self, closing: list[Callable[[], None]]) -> None:
        self._closing = closing

    async def close(self) -> None:
        """Closes the sockets, cuts the connections and ends the credentials. May be called again."""
        while self._closing:
            self._closing.pop()()


class Network:
    """Attaches sessions; one for the endpoint."""

    def __init__(
        self, aws: Aws, identities: Identities, authority: Authority, egress: Egress | None = None
    ) -> None:
        self._egress = egress
        self._aws = aws
        self._identities = identities
        self._certificates = Certificates(authority)

    async def attach(
        self, session: Attachment, listeners: Mapping[str, socket.socket], tun: int | None
    ) -> Attached:
        """Serves the session on its sockets: `dns`, `dns-tcp`, `aws`, `aws-http`, `metadata`. Owns them."""
        closing: list[Callable[[], None]] = []
        attached = Attached(closing)
        left = dict(listeners)
        try:
            if self._egress is not None:
                closing.append(functools.partial(self._egress.give_back, session))
            if tun is not None:
                closing.append(self._carry(session, tun))
            reach = self._reach(session)
            gateway = Gateway(session, reach, self._aws)
            resolver = None
            if self._egress is not None and session.mode != "SANDBOX":
                resolver = self._egress.resolver(session)
            named = names.Names(reach, session.partition, resolver)
            minted: list[str] = []
            metadata = Metadata(session.region, self._mint(session, minted) if session.role_arn else None)
            closing.append(lambda: self._forget(minted))
            if bound := left.pop("dns", None):
                closing.append((await names.serve_udp(bound, named)).close)
            secure = self._context(reach, session.partition)
            served: tuple[tuple[str, serving.Factory, int, Any], ...] = (
                ("dns-tcp", lambda lost: names.OverTcp(named, lost), _OTHER_CONNECTIONS, None),
                ("aws", serving.http(gateway), _AWS_CONNECTIONS, secure),
                ("aws-http", serving.http(gateway), _AWS_CONNECTIONS, None),
                ("metadata", serving.http(metadata), _OTHER_CONNECTIONS, None),
            )
            for key, factory, most, context in served:
                if listener := left.pop(key, None):
                    closing.append(serving.Door(listener, factory, most=most, context=context).close)
        except BaseException:
            await attached.close()
            raise
        finally:
            for unknown in left.values():
                unknown.close()
        return attached

    def _reach(self, session: Attachment) -> Reach:
        if session.mode == "SANDBOX":
            return sandbox_reach(session)
        if session.mode == "PUBLIC":
            return public_reach
        return self._egress.reach(session) if self._egress is not None else lambda name: None

    def _carry(self, session: Attachment, tun: int) -> Callable[[], None]:
        if self._egress is not None and session.mode != "SANDBOX":
            return self._egress.attach(session, tun)
        os.close(tun)
        return lambda: None

    def _mint(self, session: Attachment, minted: list[str]) -> Callable[[], Credentials]:
        def mint() -> Credentials:
            made = self._identities.mint(session)
            minted.append(made.access_key)
            return made

        return mint

    def _forget(self, minted: list[str]) -> None:
        for key in minted:
            self._identities.forget(key)

    def _context(self, reach: Reach, partition: str) -> Callable[[], ssl.SSLContext]:
        made: list[ssl.SSLContext] = []

        def context() -> ssl.SSLContext:
            # Most sessions never connect, so the context is made for the first connection.
            if not made:
                made.append(self._certificates.context(reach, partition))
            return made[0]

        return context
