"""The clients that people use, unchanged, against a local endpoint: one process each, as a person runs it."""

import json
import subprocess
import sys

SDK_PROGRAM = """
from bedrock_agentcore.tools.code_interpreter_client import CodeInterpreter
import json
code_client = CodeInterpreter("us-east-1")
code_client.start()
try:
    resp = code_client.invoke("executeCode", {
        "language": "python",
        "code": (
            "import pandas as pd\\n"
            "df = pd.DataFrame({'x': range(10)})\\n"
            "df['y'] = df['x'] ** 2\\n"
            "print(df.tail())\\n"
        ),
    })
    for event in resp["stream"]:
        print(json.dumps(event["result"], indent=2))
finally:
    code_client.stop()
"""

CODE_SESSION = """
from bedrock_agentcore.tools.code_interpreter_client import code_session
with code_session("us-east-1") as client:
    client.upload_file("data.csv", "a,b\\n1,2\\n")
    client.execute_code("import csv; rows = list(csv.DictReader(open('data.csv')))")
    [event] = client.execute_code("print(rows)")["stream"]
    print(event["result"]["structuredContent"]["stdout"])
    print(client.download_file("data.csv"), end="")
"""

BOTO3 = """
import boto3
control = boto3.client("bedrock-agentcore-control")
data = boto3.client("bedrock-agentcore")
made = control.create_code_interpreter(
    name="mine", networkConfiguration={"networkMode": "SANDBOX"}, tags={"team": "a"})
pages = control.get_paginator("list_code_interpreters").paginate(type="CUSTOM")
found = [item["codeInterpreterId"] for page in pages for item in page["codeInterpreterSummaries"]]
print(made["codeInterpreterId"] in found)
interpreter = {"codeInterpreterIdentifier": made["codeInterpreterId"]}
session = {**interpreter, "sessionId": data.start_code_interpreter_session(**interpreter)["sessionId"]}
try:
    reply = data.invoke_code_interpreter(
        **session, name="executeCommand", arguments={"command": "echo $((6 * 7)); exit 3"})
    [event] = reply["stream"]
    done = event["result"]["structuredContent"]
    print(done["stderr"].strip(), done["exitCode"])  # a command that fails has all its output here
finally:
    data.stop_code_interpreter_session(**session)
print(data.get_code_interpreter_session(**session)["status"])
control.delete_code_interpreter(codeInterpreterId=made["codeInterpreterId"])
"""


def run_inside(endpoint_variables, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], env=endpoint_variables, capture_output=True, text=True, timeout=120
    )


def test_the_sdks_own_example_prints_the_five_rows(endpoint_variables):
    done = run_inside(endpoint_variables, SDK_PROGRAM)

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["isError"] is False
    assert result["structuredContent"]["stdout"].splitlines() == [
        "x   y",  # the service strips both ends
        "5  5  25",
        "6  6  36",
        "7  7  49",
        "8  8  64",
        "9  9  81",
    ]


def test_code_session_keeps_state_and_brings_files_there_and_back(endpoint_variables):
    done = run_inside(endpoint_variables, CODE_SESSION)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "[{'a': '1', 'b': '2'}]\na,b\n1,2\n"


def test_boto3_makes_uses_and_deletes_an_interpreter(endpoint_variables):
    done = run_inside(endpoint_variables, BOTO3)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True", "42 3", "TERMINATED"]


def test_the_aws_cli_starts_lists_and_stops_a_session(endpoint_variables, aws_cli):
    """The CLI has no command for the event stream of InvokeCodeInterpreter; the rest works."""
    managed = ["--code-interpreter-identifier", "aws.codeinterpreter.v1"]
    started = aws_cli("bedrock-agentcore", "start-code-interpreter-session", *managed, "--name", "by-hand")
    session = [*managed, "--session-id", started["sessionId"]]
    listed = aws_cli("bedrock-agentcore", "list-code-interpreter-sessions", *managed, "--status", "READY")
    stopped = aws_cli("bedrock-agentcore", "stop-code-interpreter-session", *session)

    assert started["sessionId"] in {item["sessionId"] for item in listed["items"]}
    assert stopped["sessionId"] == started["sessionId"]
    assert aws_cli("bedrock-agentcore", "get-code-interpreter-session", *session)["status"] == "TERMINATED"
    assert "aws.codeinterpreter.v1" in {
        item["codeInterpreterId"]
        for item in aws_cli("bedrock-agentcore-control", "list-code-interpreters")["codeInterpreterSummaries"]
    }
