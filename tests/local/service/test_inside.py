"""What code finds in a session of the managed interpreter."""

import pytest


@pytest.fixture
def says(session, run):
    """`says(code)` → what it prints in a new session."""
    return lambda code: run(session(), code)["structuredContent"]["stdout"]


@pytest.mark.aws
@pytest.mark.parity("The working folder is /opt/amazon/genesis1p-tools/var", seen="recorded", by="listing")
def test_the_working_folder(says):
    assert says("import os; print(os.getcwd())") == "/opt/amazon/genesis1p-tools/var"


@pytest.mark.aws
@pytest.mark.parity("Python is /opt/amazon/genesis1p-tools/venv/bin/python", seen="recorded", by="spike")
def test_the_interpreter(says):
    assert says("import sys; print(sys.executable)") == "/opt/amazon/genesis1p-tools/venv/bin/python"


@pytest.mark.aws
@pytest.mark.parity("Code runs as genesis1ptools, not as root", seen="recorded", by="hackerone")
def test_the_user(says):
    code = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, os.getuid() > 0)"

    assert says(code) == "genesis1ptools True"


@pytest.mark.aws
@pytest.mark.parity("No credentials and no region are in the environment", seen="recorded", by="mcp-server")
def test_the_environment_holds_no_credentials_and_no_region(says):
    """The local endpoint tells clients which authority to trust, no more."""
    found = says("import os; print(*(name for name in os.environ if name.startswith('AWS_')))")

    assert found in ("", "AWS_CA_BUNDLE")


@pytest.mark.aws
@pytest.mark.parity(
    "With the managed interpreter boto3 finds no credentials: `Unable to locate credentials`",
    seen="recorded",
    by="hackerone",
)
def test_the_managed_interpreter_has_no_role(says):
    code = (
        "import boto3\ntry: boto3.client('s3', 'us-east-1').list_buckets()\nexcept Exception as e: print(e)"
    )

    assert says(code) == "Unable to locate credentials"


@pytest.mark.aws
@pytest.mark.parity(
    "resolv.conf is `nameserver 127.0.0.2` and `search .`", seen="recorded", by="network-probe"
)
def test_the_name_server_is_inside(says):
    lines = says("print(open('/etc/resolv.conf').read())").splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == [
        "nameserver 127.0.0.2",
        "search .",
    ]


@pytest.mark.aws
@pytest.mark.parity("The host is localhost to itself", seen="recorded", by="listing")
def test_the_host_name(says):
    assert says("import socket; print(socket.gethostname())") == "localhost"
