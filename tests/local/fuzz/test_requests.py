"""Whatever is sent to an operation: a reply that AWS's model allows, no 500, no hang, nothing left over."""

import json
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from interpreter_local import wire

from .strategies import MANAGED, TOOLS, Request, broken, requests

OPERATIONS = {route.name: route.model for route in wire.routes()}
# Not shrunk: what sends requests takes too long to be sent a thousand times more.
COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.generate]}
# A few of each with every change, always the same; many in the slow run, every time others.
FEW = settings(max_examples=50, derandomize=True, database=None, **COMMON)
MANY = settings(max_examples=500, **COMMON)


@pytest.fixture
def try_all(exchange, signed, model, client, nothing_is_left):
    """Sends requests and judges each reply: `drawn(operation, settings)` by the hundred, `judge` one."""
    control, data = client("bedrock-agentcore-control"), client("bedrock-agentcore")
    made = control.create_code_interpreter(name="fuzzed", networkConfiguration={"networkMode": "SANDBOX"})
    session = {"codeInterpreterIdentifier": MANAGED}

    def live():
        """The id of a session that runs: what is sent may have stopped the last one."""
        known = session.get("sessionId")
        if not known or data.get_code_interpreter_session(**session)["status"] != "READY":
            session["sessionId"] = data.start_code_interpreter_session(codeInterpreterIdentifier=MANAGED)[
                "sessionId"
            ]
        return session["sessionId"]

    def judge(operation, request):
        reply = exchange(signed(request), request.method)
        if reply is None and request.method != operation.http["method"]:
            # Answered before its body was read, and closed: the reply may be lost on the way (RFC 9112, 9.6).
            reply = exchange(signed(request), request.method)
        assert reply is not None, "the connection was closed without a reply"
        status, headers, body = reply
        assert status < 500, (status, body[:500])
        clean(request, status, headers, body)
        if not request.plain:
            return
        found = model.reply_problems(operation, status, headers, body)
        assert not found, (status, found)
        assert "InvalidSignature" not in headers.get("x-amzn-errortype", "")
        if operation.has_event_stream_output and status == 200:
            buffer = EventStreamBuffer()
            buffer.add_data(body)
            for event in buffer:
                assert not (found := model.event_problems(event.payload)), found

    def clean(request, status, headers, body):
        """Removes what a request made."""
        if status == 202 and request.method == "PUT":
            identifier = json.loads(body)["codeInterpreterId"]
            try:
                control.delete_code_interpreter(codeInterpreterId=identifier)
            except control.exceptions.ResourceNotFoundException:
                return  # the reply to a client token that was used before
        started = headers.get("x-amzn-code-interpreter-session-id")
        if status == 200 and request.path.endswith("/sessions/start") and request.method == "PUT":
            started = json.loads(body)["sessionId"]
        if started and started != session.get("sessionId"):
            identifier = request.path.split("/")[2]
            try:
                data.stop_code_interpreter_session(codeInterpreterIdentifier=identifier, sessionId=started)
            except data.exceptions.ConflictException:
                return  # the reply to a client token that was used before

    def known():
        return {
            "codeInterpreterIdentifier": MANAGED,
            "codeInterpreterId": made["codeInterpreterId"],
            "resourceArn": made["codeInterpreterArn"],
            "sessionId": live(),
        }

    def run(operation, how, **more):
        @how
        @given(st.data())
        def trial(drawn):
            judge(operation, drawn.draw(requests(operation, {**known(), **more})))

        trial()

    yield SimpleNamespace(drawn=run, judge=judge, known=known)
    if "sessionId" in session and data.get_code_interpreter_session(**session)["status"] == "READY":
        data.stop_code_interpreter_session(**session)
    listed = control.list_code_interpreters(type="CUSTOM", maxResults=100)["codeInterpreterSummaries"]
    for one in listed:
        if one["name"] == "fuzzed":
            control.delete_code_interpreter(codeInterpreterId=one["codeInterpreterId"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_bodies_that_are_no_json_object(try_all, operation):
    """Cut, nested too deep, in another encoding, no object at all: on a request that is whole otherwise."""
    model = OPERATIONS[operation]
    path = model.http["requestUri"].partition("?")[0]
    for name in ("codeInterpreterIdentifier", "codeInterpreterId", "resourceArn"):
        path = path.replace(f"{{{name}}}", quote(try_all.known()[name], safe=""))
    for body in broken(b'{"name": "executeCode"}'):
        try_all.judge(model, Request(model.http["method"], path, body=body))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_few_of_every_kind(try_all, operation):
    try_all.drawn(OPERATIONS[operation], FEW)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_few_of_every_tool(try_all, tool):
    try_all.drawn(OPERATIONS["InvokeCodeInterpreter"], FEW, name=tool)


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_many_of_every_tool(try_all, tool):
    try_all.drawn(OPERATIONS["InvokeCodeInterpreter"], MANY, name=tool)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_many_of_every_kind(try_all, operation):
    try_all.drawn(OPERATIONS[operation], MANY)
