"""Where things lie inside a sandbox. Recorded from the live service: the workspace and the user's name."""

from pathlib import Path

TOOLS = Path("/opt/amazon/genesis1p-tools")
WORKSPACE = TOOLS / "var"
VENV = TOOLS / "venv"
AGENT = TOOLS / "agent"
TEMPORARY = Path("/tmp")  # noqa: S108 - the sandbox's own
USER, UID, GID = "genesis1ptools", 992, 992

PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\n"
    f"{USER}:x:{UID}:{GID}::{WORKSPACE}:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/:/bin/false\n"
)
GROUP = f"root:x:0:\n{USER}:x:{GID}:\nnogroup:x:65534:\n"
HOSTS = "127.0.0.1 localhost localhost.localdomain\n::1 localhost localhost.localdomain\n"
# Recorded in SANDBOX mode.
RESOLV_CONF = "nameserver 127.0.0.2\nsearch .\n"
# Where programs look for the certificates that the system trusts: Debian's place, Red Hat's, OpenSSL's.
TRUSTED = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
# For clients that bring certificates of their own and would not look there.
TRUST = {
    name: str(TRUSTED[0])
    for name in (
        "AWS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "DENO_CERT",
        "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
    )
}


def environment(
    workspace: Path = WORKSPACE, venv: Path = VENV, temporary: Path = TEMPORARY
) -> dict[str, str]:
    """The whole environment of a session's processes: nothing of the endpoint's own."""
    return {
        "HOME": str(workspace),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "PATH": f"{venv}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "PWD": str(workspace),
        "TERM": "xterm-256color",
        "TMPDIR": str(temporary),
        "USER": USER,
        "VIRTUAL_ENV": str(venv),
    }
