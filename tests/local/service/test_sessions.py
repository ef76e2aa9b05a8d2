"""Sessions and the nine tools through boto3: given this call, this reply."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

MANAGED = "aws.codeinterpreter.v1"
ULID = r"[0-9A-HJKMNP-TV-Z]{26}"


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


@pytest.mark.aws
@pytest.mark.parity(
    "Start answers when the session is READY, with a ULID of 26 characters; 140 bytes",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity("Stop answers with lastUpdatedAt; 144 bytes", seen="recorded", by="agentcore_demo")
def test_start_and_stop_reply_as_recorded(raw):
    status, _, body = raw("PUT", f"/code-interpreters/{MANAGED}/sessions/start", {"name": "one"})

    assert status == 200
    matched = re.fullmatch(
        rf'{{"codeInterpreterIdentifier":"{MANAGED}","sessionId":"({ULID})","createdAt":"[^"]{{30}}"}}',
        body.decode(),
    )
    assert matched
    assert len(body) == 140  # as recorded
    status, _, body = raw("PUT", f"/code-interpreters/{MANAGED}/sessions/stop?sessionId={matched[1]}")
    assert (status, len(body)) == (200, 144)
    assert '"lastUpdatedAt"' in body.decode()


@pytest.mark.aws
@pytest.mark.parity("Get works for a session that is over: TERMINATED", seen="recorded", by="agentcore_demo")
@pytest.mark.parity(
    "Stop of a session that is over: 409, `Session already terminated: …`",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity(
    "Data plane errors have the code and a coral URI in x-amzn-errortype",
    seen="recorded",
    by="agentcore_demo",
)
def test_a_session_that_is_over_can_be_read_but_not_stopped(raw, data, session):
    one = session(name="over", sessionTimeoutSeconds=60)
    data.stop_code_interpreter_session(**one)

    got = data.get_code_interpreter_session(**one)
    assert (got["status"], got["name"], got["sessionTimeoutSeconds"]) == ("TERMINATED", "over", 60)
    path = f"/code-interpreters/{MANAGED}/sessions/stop?sessionId={one['sessionId']}"
    status, headers, body = raw("PUT", path)
    assert status == 409
    assert headers["x-amzn-errortype"] == (
        "ConflictException:http://internal.amazon.com/coral/com.amazon.bedrock.agentcore.common/"
    )
    assert body.decode() == f'{{"message":"Session already terminated: {one["sessionId"]}"}}'


@pytest.mark.aws
@pytest.mark.parity(
    "Sessions that are over stay listed; status filters", seen="recorded", by="agentcore_demo"
)
@pytest.mark.parity("The newest session is first", seen="unrecorded")
def test_terminated_sessions_stay_listed(data, interpreter, session):
    first, second = session(interpreter, name="first"), session(interpreter)
    data.stop_code_interpreter_session(**first)

    def listed(**options):
        items = data.list_code_interpreter_sessions(codeInterpreterIdentifier=interpreter, **options)["items"]
        return [(item["sessionId"], item["status"], item.get("name")) for item in items]

    assert listed() == [
        (second["sessionId"], "READY", None),
        (first["sessionId"], "TERMINATED", "first"),
    ]
    assert listed(status="READY") == [(second["sessionId"], "READY", None)]
    page = data.list_code_interpreter_sessions(codeInterpreterIdentifier=interpreter, maxResults=1)
    assert len(page["items"]) == 1
    assert len(listed(nextToken=page["nextToken"])) == 1


@pytest.mark.aws
@pytest.mark.parity(
    "Variables are kept from call to call, and belong to one session", seen="client", by="sdk-typescript"
)
def test_state_is_kept_between_calls_and_not_between_sessions(session, run):
    one, other = session(), session()

    run(one, "x = 41")

    assert run(one, "print(x + 1)")["structuredContent"]["stdout"] == "42"
    assert run(other, "print(x + 1)")["isError"] is True


@pytest.mark.aws
@pytest.mark.parity(
    "Invoke answers with exactly one `result` event, chunked, and the session in a header",
    seen="recorded",
    by="agentcore_demo",
)
def test_invoke_is_a_real_event_stream(raw, session):
    """Recorded: one event, chunked, with the session in a header."""
    one = session()
    status, headers, body = raw(
        "POST",
        f"/code-interpreters/{MANAGED}/tools/invoke",
        {"name": "executeCode", "arguments": {"language": "python", "code": "print('ok')"}},
        {"x-amzn-code-interpreter-session-id": one["sessionId"]},
    )

    assert status == 200
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["transfer-encoding"] == "chunked"
    assert headers["x-amzn-code-interpreter-session-id"] == one["sessionId"]
    assert int.from_bytes(body[:4], "big") == len(body)
    assert b'{"content":[{"type":"text","text":"ok"}],"structuredContent":{"stdout":"ok"' in body


def test_a_traceback_comes_as_recorded(session, run):
    result = run(session(), 'print("BEFORE_CONTROLLED_ERROR")\nraise ValueError("CN_EXPECTED_EXCEPTION")')

    assert result["isError"] is True
    said = result["structuredContent"]["stderr"]
    assert re.sub(r"In\[\d+\]", "In[N]", said) == (
        "---------------------------------------------------------------------------\n"
        "ValueError                                Traceback (most recent call last)\n"
        "Cell In[N], line 2\n"
        '      1 print("BEFORE_CONTROLLED_ERROR")\n'
        '----> 2 raise ValueError("CN_EXPECTED_EXCEPTION")\n'
        "\n"
        "ValueError: CN_EXPECTED_EXCEPTION"
    )
    assert [block["text"] for block in result["content"]] == ["BEFORE_CONTROLLED_ERROR", said]


def test_all_nine_tools_answer(data, session):
    one = session()

    def call(tool, **arguments):
        [event] = data.invoke_code_interpreter(**one, name=tool, arguments=arguments)["stream"]
        return event["result"]

    def text(result):
        return result["content"][0]["text"]

    blob = bytes([0, 255]) * 33 + b"x"
    files = [{"path": "a.txt", "text": "hello\n"}, {"path": "b.bin", "blob": blob}]
    assert text(call("writeFiles", content=files)) == "Successfully wrote all 2 files"
    read = call("readFiles", paths=["a.txt", "b.bin"])["content"]
    assert read[0]["resource"]["text"] == "hello\n"
    assert read[1]["resource"]["blob"] == blob
    assert {one["name"] for one in call("listFiles", directoryPath="")["content"]} >= {"a.txt", "b.bin"}
    assert call("executeCommand", command="wc -c < b.bin")["structuredContent"]["stdout"] == "67\r\n"
    failing = call("executeCommand", command="echo hello; exit 3")["structuredContent"]
    assert (failing["stdout"], failing["stderr"], failing["exitCode"]) == ("", "hello\r\n", 3)
    assert call("removeFiles", paths=["a.txt"])["isError"] is False
    gone = call("executeCode", language="python", code="import os; print(os.path.exists('a.txt'))")
    assert text(gone) == "False"

    started = call("startCommandExecution", command="sleep 60")
    assert text(started) == "Successfully started a command execution task"
    task = started["structuredContent"]["taskId"]
    assert text(call("getTask", taskId=task)) == "Task is working"
    assert text(call("stopTask", taskId=task)) == "Successfully canceled a command execution task"
    assert call("getTask", taskId=task)["structuredContent"]["taskStatus"] == "canceled"


@pytest.mark.aws
@pytest.mark.parity(
    "The time to live counts from the start, whatever goes on; a call that runs then gets 409 and `… ended "
    "before the request could complete, as it exceeded the configured session timeout.`",
    seen="recorded",
    by="agentcore_demo",
)
def test_the_time_to_live_is_absolute(data, session, run):
    """Recorded: activity does not extend it; a call that runs meanwhile is a plain 409 with this text."""
    one = session(sessionTimeoutSeconds=2)

    code, status, message = refused(
        data.invoke_code_interpreter,
        **one,
        name="executeCode",
        arguments={"language": "python", "code": "import time; time.sleep(30)"},
    )

    assert (code, status) == ("ConflictException", 409)
    assert message == (
        f"The session {one['sessionId']} ended before the request could complete, "
        "as it exceeded the configured session timeout."
    )
    assert data.get_code_interpreter_session(**one)["status"] == "TERMINATED"


@pytest.mark.aws
@pytest.mark.parity("A call that runs while its session is stopped: ConflictException 409", seen="unrecorded")
def test_stop_ends_a_call_that_runs(data, session, run):
    one = session()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, one, "import time; time.sleep(60)")
        time.sleep(0.5)
        data.stop_code_interpreter_session(**one)
        with pytest.raises(ClientError, match="ConflictException"):
            running.result(timeout=20)


@pytest.mark.aws
@pytest.mark.parity(
    "Invoke on a session that is over or unknown: ResourceNotFoundException 404", seen="unrecorded"
)
@pytest.mark.parity("Get of an unknown session: ResourceNotFoundException 404", seen="unrecorded")
def test_a_session_that_is_over_or_unknown_is_not_invoked(data, session):
    one = session()
    data.stop_code_interpreter_session(**one)
    call = {"name": "executeCode", "arguments": {"language": "python", "code": "1"}}

    assert refused(data.invoke_code_interpreter, **one, **call)[:2] == ("ResourceNotFoundException", 404)
    unknown = {**one, "sessionId": "0" * 26}
    assert refused(data.invoke_code_interpreter, **unknown, **call)[:2] == ("ResourceNotFoundException", 404)
    assert refused(data.get_code_interpreter_session, **unknown)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.aws
@pytest.mark.parity("A session is found only under its own interpreter", seen="unrecorded")
def test_a_session_belongs_to_its_interpreter(data, session, interpreter):
    one = session()
    elsewhere = {**one, "codeInterpreterIdentifier": interpreter}

    assert refused(data.get_code_interpreter_session, **elsewhere)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.aws
@pytest.mark.parity("Invoke without a session id starts a session", seen="unrecorded")
def test_invoke_without_a_session_starts_one(data):
    """Unrecorded, but the model lets the session id be left out."""
    reply = data.invoke_code_interpreter(
        codeInterpreterIdentifier=MANAGED,
        name="executeCode",
        arguments={"language": "python", "code": "print(1)"},
    )

    assert re.fullmatch(ULID, reply["sessionId"])
    list(reply["stream"])
    data.stop_code_interpreter_session(codeInterpreterIdentifier=MANAGED, sessionId=reply["sessionId"])


def test_a_session_that_an_erring_invoke_started_is_ended(data, interpreter):
    """The error does not name it, so nobody else could. Unrecorded."""
    wrong = {"language": "python", "code": "1", "runtime": "nodejs"}

    refusal = refused(
        data.invoke_code_interpreter,
        codeInterpreterIdentifier=interpreter,
        name="executeCode",
        arguments=wrong,
    )

    assert refusal[:2] == ("ValidationException", 400)
    [started] = data.list_code_interpreter_sessions(codeInterpreterIdentifier=interpreter)["items"]
    assert started["status"] == "TERMINATED"


@pytest.mark.aws
@pytest.mark.parity("A repeated clientToken gives the same session", seen="unrecorded")
def test_the_same_token_gives_the_same_session(data, session):
    first = session(clientToken="s" * 40)
    again = session(clientToken="s" * 40)

    assert first == again


def test_the_same_token_stops_twice(data, session):
    """Unrecorded. Given that a reply was lost, the client that asks again gets it; another one is told."""
    one = session()
    stop = data.stop_code_interpreter_session
    first, again = (stop(**one, clientToken="e" * 40)["lastUpdatedAt"] for _ in range(2))

    assert first == again
    with pytest.raises(data.exceptions.ConflictException):
        stop(**one, clientToken="f" * 40)


@pytest.mark.aws
@pytest.mark.parity(
    "Timeouts, names and tools are checked as the model says: ValidationException 400", seen="model"
)
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("sessions/start", {"sessionTimeoutSeconds": 0}, "sessionTimeoutSeconds"),
        ("sessions/start", {"sessionTimeoutSeconds": True}, "sessionTimeoutSeconds"),
        ("sessions/start", {"name": ""}, "name"),
        ("tools/invoke", {"name": "runCode"}, "name"),
        ("tools/invoke", {"name": "executeCode", "arguments": {"code": 1}}, "arguments.code"),
        ("tools/invoke", {"name": "executeCode", "arguments": {"language": "perl"}}, "arguments.language"),
        ("tools/invoke", {}, "name"),
    ],
)
def test_a_malformed_request_names_the_field(raw, path, body, field):
    method = "POST" if path == "tools/invoke" else "PUT"
    status, headers, reply = raw(method, f"/code-interpreters/{MANAGED}/{path}", body)

    assert (status, headers["x-amzn-errortype"].partition(":")[0]) == (400, "ValidationException")
    assert [problem["name"] for problem in json.loads(reply)["fieldList"]] == [field]


@pytest.mark.parity("Interpreters belong to one account and region", seen="model")
def test_accounts_and_regions_do_not_see_each_other(client, interpreter):
    for elsewhere in ({"region": "eu-west-1"}, {"account": "210987654321"}):
        code, _, _ = refused(
            client("bedrock-agentcore", **elsewhere).start_code_interpreter_session,
            codeInterpreterIdentifier=interpreter,
        )
        assert code == "ResourceNotFoundException"


@pytest.mark.aws
@pytest.mark.parity("Five calls at once on one session are all answered", seen="client", by="langchain-aws")
def test_calls_of_one_session_may_overlap(session, run):
    one = session()
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda number: run(one, f"print({number})"), range(5)))

    assert [result["structuredContent"]["stdout"] for result in results] == list("01234")


def test_half_a_surrogate_pair_in_a_name_comes_back_and_breaks_no_list(raw):
    """JSON can name one, UTF-8 has none. Unrecorded."""
    path = f"/code-interpreters/{MANAGED}/sessions"
    status, _, body = raw("PUT", f"{path}/start", b'{"name":"half \\ud800"}')
    raw("PUT", f"{path}/stop?sessionId={json.loads(body)['sessionId']}")

    listed = json.loads(raw("POST", f"{path}/list", {"maxResults": 100})[2])

    assert status == 200
    assert "half \ud800" in {item.get("name") for item in listed["items"]}
