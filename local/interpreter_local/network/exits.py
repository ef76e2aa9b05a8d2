"""What lies beyond a session in PUBLIC and VPC mode: addresses, AWS's endpoints, other names.

Implements `network.Egress` with the street behind it, if this machine can have one.
"""

import asyncio
import functools
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from typing import Any

from interpreter_local.tls import Authority

from . import public, vpc
from .attachment import Attachment, Reach, Way, public_reach, sandbox_reach
from .aws_names import AwsName
from .certificates import server_context
from .names import Resolver
from .outside import NAME, OUTSIDE
from .packets import Flow
from .street import Street, StreetUnavailableError, open_street
from .vpc import Ec2

# Not asyncio's own threads: sessions start and stop in those, and a name can take half a minute.
_looking_up = ThreadPoolExecutor(4, "names")
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


async def open_exits(authority: Authority, ec2: Callable[[Attachment], Ec2], *, devices: bool) -> "Exits":
    """The ways out, with a street if there can be one; `devices`: whether sessions can have one of their own.

    The outside host's certificate is signed by `authority`, which sessions trust.
    """
    if not devices:
        return Exits(None, ec2, "sessions have no network device here")
    tls = server_context(authority, [NAME], (str(OUTSIDE),))
    try:
        return Exits(await open_street(tls), ec2)
    except StreetUnavailableError as error:
        return Exits(None, ec2, str(error))


class Exits:
    """The ways out of every session; one for the endpoint.

    `ec2` reads the emulated EC2 of a session's account and region. `no_street`: why there is none.
    """

    def __init__(self, street: Street | None, ec2: Callable[[Attachment], Ec2], no_street: str = "") -> None:
        self._street = street
        self._ec2 = ec2
        self._no_street = no_street
        self._addresses: dict[str, IPv4Address] = {}

    @property
    def enforced(self) -> tuple[str, ...]:
        """For `status`."""
        if self._street is None:
            return ()
        return (f"egress in PUBLIC and VPC mode, to {NAME}" + (" and the internet" * self._street.internet),)

    @property
    def missing(self) -> tuple[str, ...]:
        """For `status`."""
        if self._street is None:
            return (f"egress in PUBLIC and VPC mode: {self._no_street}",)
        return (*self._street.missing, vpc.NOT_ENFORCED)

    def take_address(self, session: Attachment) -> str | None:
        """The address of a session's device, None where it gets none; to be given back."""
        if self._street is None or session.mode == "SANDBOX":
            return None
        address = self._addresses[session.session_id] = self._street.router.take_address()
        return str(address)

    def give_back(self, session: Attachment) -> None:
        """See `network.Egress`."""
        address = self._addresses.pop(session.session_id, None)
        if address is not None and self._street is not None:
            self._street.router.give_back(address)

    def attach(self, session: Attachment, tun: int) -> Callable[[], None]:
        """See `network.Egress`."""
        assert self._street is not None, "a device needs an address, which only a street gives"
        router = self._street.router
        port = router.attach(tun, self._addresses[session.session_id], self._rule(session))
        return functools.partial(router.detach, port)

    def resolver(self, session: Attachment) -> Resolver:
        """See `network.Egress`: the outside host's name, and with internet what this machine resolves."""

        async def resolve(name: str) -> list[str] | None:
            if session.mode == "VPC" and not vpc.resolves_names(self._ec2(session), _config(session)):
                return None
            if self._street is None:
                return None
            if name == NAME:
                return [str(OUTSIDE)]
            return await _public_addresses(name) if self._street.internet else None

        return resolve

    def reach(self, session: Attachment) -> Reach:
        """See `network.Egress`: the endpoints of the session's VPC, or its NAT gateway."""
        is_s3_here = sandbox_reach(session)

        def reach(name: AwsName) -> Way | None:
            ec2, config = self._ec2(session), _config(session)
            if public_reach(name) is None or not vpc.resolves_names(ec2, config):
                return None
            is_here = name.region == session.region or is_s3_here(name) is not None
            path = vpc.service_path(ec2, config, name.service, session.region, is_here=is_here)
            if isinstance(path, vpc.Refused):
                return None
            context = {"aws:SourceVpc": path.vpc, "aws:SourceVpce": path.endpoint} if path.endpoint else {}
            return Way(context, path.policy)

        return reach

    def close(self) -> None:
        """Ends all."""
        if self._street is not None:
            self._street.close()

    def _rule(self, session: Attachment) -> Callable[[Flow], str | None]:
        street = self._street
        assert street is not None
        if session.mode == "PUBLIC":
            return street.public_egress

        def rule(flow: Flow) -> str | None:
            refused = vpc.egress(self._ec2(session), _config(session), flow)
            return street.public_egress(flow) if refused is None else refused

        return rule


def _config(session: Attachment) -> Mapping[str, Any]:
    assert session.vpc is not None, "an interpreter in VPC mode has a vpcConfig"
    return session.vpc


async def _public_addresses(name: str) -> list[str] | None:
    """What this machine's resolver says, without what sessions may not reach; None for no such name."""
    loop = asyncio.get_running_loop()
    # With its dot the name is whole: no search list of this machine's is tried.
    asked = functools.partial(
        socket.getaddrinfo, f"{name}.", None, family=socket.AF_INET, type=socket.SOCK_STREAM
    )
    try:
        found = await loop.run_in_executor(_looking_up, asked)
    except UnicodeError:
        # Python asks nobody about empty labels, as of a label with a dot in it.
        return None
    except socket.gaierror as error:
        if error.errno in _NO_SUCH_NAME:
            return None
        raise
    addresses = [IPv4Address(str(place[0])) for *_, place in found]
    flows = [Flow("tcp", address, 443) for address in addresses]
    return [str(flow.address) for flow in flows if public.refusal(flow, internet=True) is None] or None
