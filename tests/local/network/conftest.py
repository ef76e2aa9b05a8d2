"""HTTP against one application of a session's network on a loopback socket; and the whole from inside."""

import asyncio
import contextlib
import json
import socket
import uuid
from dataclasses import dataclass

import pytest

from interpreter_local.network import serving
from interpreter_local.sandbox.capabilities import SOCKETS


@contextlib.asynccontextmanager
async def door(factory, **options):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    opened = serving.Door(listener, factory, **{"most": 8, **options})
    try:
        yield port
    finally:
        opened.close()


@pytest.fixture
def ask(runner):
    """`ask(app, "GET / HTTP/1.1", "Host: x", …)` → status, headers, body; the request goes out as written."""

    async def exchange(app, lines, body):
        async with door(serving.http(app)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            request = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8") + body
            writer.write(request)
            head, _, content = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
            writer.close()
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in rest)
        return int(first.split()[1]), headers, content.decode()

    return lambda app, *lines, body=b"": runner.run(exchange(app, lines, body))


@pytest.fixture
def opened(runner):
    """`opened(factory, use, **options)`: runs `use(port)` while the factory's connections are accepted."""

    async def run(factory, use, options):
        async with door(factory, **options) as port:
            return await use(port)

    return lambda factory, use, **options: runner.run(run(factory, use, options))


# From inside

ACCOUNT = "123456789012"
INTERPRETERS = f"arn:aws:bedrock-agentcore:*:{ACCOUNT}:code-interpreter-custom/*"
# What the code of every test finds: a client as a tutorial makes it, and words for what comes of a call.
PRELUDE = """
import boto3, botocore.config, botocore.exceptions, io, json, urllib.error, urllib.request
once = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5)
s3 = boto3.client("s3", region_name="us-east-1")
def outcome(call):
    try:
        print(repr(call()))
    except botocore.exceptions.ClientError as error:
        print(error.response["Error"]["Code"])
    except urllib.error.HTTPError as error:
        print(error.code)
    except (botocore.exceptions.BotoCoreError, OSError) as error:
        print(type(error).__name__)
def fetch(url, **options):
    with urllib.request.urlopen(urllib.request.Request(url, **options)) as reply:
        return reply.read()
"""


@pytest.fixture(scope="session")
def prelude():
    return PRELUDE


@dataclass(frozen=True)
class Inside:
    """A running session and what its role may use."""

    data: object
    name: dict[str, str]
    bucket: str
    role: str

    def tool(self, tool, **arguments):
        [event] = self.data.invoke_code_interpreter(**self.name, name=tool, arguments=arguments)["stream"]
        return event["result"]["structuredContent"]

    def python(self, code):
        """Standard output of code that must not raise; `B` is the bucket."""
        said = self.tool("executeCode", language="python", code=f"B = {self.bucket!r}\n{code}")
        assert said["exitCode"] == 0, said["stderr"]
        return said["stdout"]

    def outcome(self, expression):
        """The value's repr, the code of AWS's error, or the name of what a connection failed with."""
        return self.python(f"outcome(lambda: {expression})")

    def shell(self, command):
        said = self.tool("executeCommand", command=command)
        return said["exitCode"], (said["stdout"] + said["stderr"]).replace("\r\n", "\n")

    def stop(self):
        self.data.stop_code_interpreter_session(**self.name)


@pytest.fixture(scope="session")
def enter(client, execution_role, capabilities):
    """`enter(bucket, *statements, mode=…)` → a session of a new interpreter whose role has these rights."""
    if SOCKETS not in capabilities.enforced:
        pytest.skip("sessions have no network here")
    iam = client("iam")
    entered = []

    def start(bucket, *statements, mode="SANDBOX", first=PRELUDE, region="us-east-1"):
        control = client("bedrock-agentcore-control", region=region)
        data = client("bedrock-agentcore", region=region)
        role = execution_role(INTERPRETERS)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="p", PolicyDocument=document)
        interpreter = control.create_code_interpreter(
            name=f"t{uuid.uuid4().hex[:12]}",
            executionRoleArn=role,
            networkConfiguration={"networkMode": mode},
        )["codeInterpreterId"]
        session = data.start_code_interpreter_session(codeInterpreterIdentifier=interpreter)
        named = {"codeInterpreterIdentifier": interpreter, "sessionId": session["sessionId"]}
        made = Inside(data, named, bucket, role)
        entered.append(made)
        made.python(first)
        return made

    yield start
    for one in entered:
        with contextlib.suppress(one.data.exceptions.ConflictException):
            one.stop()


@pytest.fixture(scope="session")
def bucket(client):
    """A bucket with a/x, which the role may read, and b/secret, which it may not."""
    s3 = client("s3")
    name = f"fleet-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a/x", Body=b"hello")
    s3.put_object(Bucket=name, Key="b/secret", Body=b"secret")
    return name


def prefix_statements(bucket, prefix):
    """Read and write beneath one prefix, as the fleet's constructs grant it."""
    return [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*",
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": f"{prefix}/*"}},
        },
    ]


@pytest.fixture(scope="session")
def inside(enter, bucket):
    """A SANDBOX session whose role reads and writes beneath a/ of the bucket."""
    return enter(bucket, *prefix_statements(bucket, "a"))


@pytest.fixture(scope="session")
def public(enter, bucket):
    """The same in PUBLIC mode."""
    return enter(bucket, *prefix_statements(bucket, "a"), mode="PUBLIC")
