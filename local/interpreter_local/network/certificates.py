"""TLS for the names of AWS inside sessions: certificates made when a name is first asked for."""

import ssl
import tempfile
from collections import OrderedDict
from pathlib import Path

from interpreter_local.tls import Authority

from .attachment import Reach
from .aws_names import parse

_KEPT = 256


class Certificates:
    """Contexts by name, signed by an authority that only sessions trust; the newest are kept."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()

    def context(self, reach: Reach, partition: str) -> ssl.SSLContext:
        """What one session's connections start with: the name that a client asks for picks the certificate.

        A name that the session cannot reach is refused in the handshake (unrecorded: there it times out).
        """

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            if name is None:
                return None
            aws = parse(name, partition)
            if aws is None or reach(aws) is None:
                return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
            connection.context = self._for(aws.host)
            return None

        made = server_context(self._authority, ["*.amazonaws.com"])
        made.sni_callback = choose
        return made

    def _for(self, host: str) -> ssl.SSLContext:
        parent = host.partition(".")[2]
        found = self._contexts.get(parent)
        if found is None:
            # A wildcard stands for one label, so the names under one parent share a certificate.
            names = [f"*.{parent}", parent]
            found = self._contexts[parent] = server_context(self._authority, names)
            if len(self._contexts) > _KEPT:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(parent)
        return found


def server_context(authority: Authority, names: list[str], addresses: tuple[str, ...] = ()) -> ssl.SSLContext:
    """What a server under these names and addresses speaks, with a new certificate."""
    certificate, key = authority.issue(names, addresses)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # The ssl module reads chains from files only.
    with tempfile.TemporaryDirectory(prefix="tls-") as folder:
        file = Path(folder, "chain.pem")
        file.touch(mode=0o600)
        file.write_bytes(key + certificate)
        context.load_cert_chain(file)
    return context
