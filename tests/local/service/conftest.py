"""Interpreters, sessions, roles and raw requests at the endpoint."""

import json
import re
import ssl
import urllib.error
import urllib.request
import uuid

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

MANAGED = "aws.codeinterpreter.v1"


@pytest.fixture(scope="session")
def control(client):
    return client("bedrock-agentcore-control")


@pytest.fixture(scope="session")
def data(client):
    return client("bedrock-agentcore")


@pytest.fixture
def name():
    """A new interpreter name."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def interpreter(control, name):
    """The id of a new SANDBOX interpreter."""
    made = control.create_code_interpreter(name=name, networkConfiguration={"networkMode": "SANDBOX"})
    yield made["codeInterpreterId"]
    control.delete_code_interpreter(codeInterpreterId=made["codeInterpreterId"])


@pytest.fixture
def session(data):
    """`session(**start arguments)` → what names it in calls; stopped after the test if it still runs."""
    opened = []

    def start(codeInterpreterIdentifier=MANAGED, **arguments):  # noqa: N803 - the API's word
        reply = data.start_code_interpreter_session(
            codeInterpreterIdentifier=codeInterpreterIdentifier, **arguments
        )
        opened.append(
            {"codeInterpreterIdentifier": codeInterpreterIdentifier, "sessionId": reply["sessionId"]}
        )
        return opened[-1]

    yield start
    for one in opened:
        try:
            data.stop_code_interpreter_session(**one)
        except data.exceptions.ConflictException:
            continue  # the test stopped it


@pytest.fixture
def run(data):
    """`run(session, code)` → the result of executeCode."""

    def execute(session, code):
        reply = data.invoke_code_interpreter(
            **session, name="executeCode", arguments={"language": "python", "code": code}
        )
        [event] = reply["stream"]
        return event["result"]

    return execute


@pytest.fixture(scope="session")
def raw(client, root_credentials, process_environment):
    """`raw("PUT", "/path", body)` → status, headers, body of a signed request, as they come."""
    context = ssl.create_default_context(cafile=process_environment.get("AWS_CA_BUNDLE"))
    apis = [client("bedrock-agentcore-control").meta, client("bedrock-agentcore").meta]

    def send(method, path, body=None, headers=()):
        api = apis[bool(re.search(r"/(sessions|tools)/", path))]
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        request = AWSRequest(method, api.endpoint_url + path, data=content, headers=dict(headers))
        SigV4Auth(root_credentials, "bedrock-agentcore", api.region_name).add_auth(request)
        sent = urllib.request.Request(
            request.url, data=content, headers=dict(request.headers.items()), method=method
        )
        try:
            with urllib.request.urlopen(sent, context=context, timeout=60) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    return send
