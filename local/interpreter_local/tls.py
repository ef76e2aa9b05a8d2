"""Certificate authorities of the endpoint: one for clients on this machine, one that only sessions trust."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = datetime.timedelta(days=30)
_PEM = serialization.Encoding.PEM


class Authority:
    """A new authority; its key lives in this process only."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        made = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = made.public_bytes(_PEM)

    def issue(self, names: list[str], addresses: tuple[str, ...] = ()) -> tuple[bytes, bytes]:
        """A server's certificate for these DNS names and addresses, and its key: both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        # A common name holds 64 characters; clients read the alternatives.
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(subject, self._name, key)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate.public_bytes(_PEM), private


@dataclass(frozen=True)
class Certificates:
    """PEM files: what clients trust, and the server's own certificate and key."""

    authority: Path
    certificate: Path
    key: Path


def create(folder: Path) -> Certificates:
    """Makes a new authority, good for loopback names only, and a server certificate in `folder`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority = Authority("interpreter-local")
    certificate, key = authority.issue(["localhost", "*.localhost"], ("127.0.0.1",))
    made.authority.write_bytes(authority.certificate)
    made.certificate.write_bytes(certificate)
    made.key.touch(mode=0o600)
    made.key.write_bytes(key)
    return made


def write_bundle(file: Path, authority: Authority) -> Path:
    """What sessions trust: the usual roots, and the authority of AWS's names.

    The roots are botocore's, which are certifi's.
    """
    import botocore  # only here: it is not needed to run the rest

    roots = Path(botocore.__file__).with_name("cacert.pem").read_bytes()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_bytes(roots.rstrip() + b"\n\n" + authority.certificate)
    return file


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _LIFE)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
