"""boto3 and the AWS CLI, as people use them."""

import pytest

pytestmark = pytest.mark.aws

MANAGED = "aws.codeinterpreter.v1"


def test_boto3_makes_uses_and_deletes_an_interpreter(client_python):
    """With the newest boto3, whose model may be ahead of the endpoint's."""
    assert client_python(
        """
        import boto3, time, uuid
        control, data = boto3.client("bedrock-agentcore-control"), boto3.client("bedrock-agentcore")
        made = control.create_code_interpreter(
            name="t" + uuid.uuid4().hex[:12], tags={"team": "a"},
            networkConfiguration={"networkMode": "SANDBOX"})
        one = made["codeInterpreterId"]
        session = {"codeInterpreterIdentifier": one}
        try:
            while control.get_code_interpreter(codeInterpreterId=one)["status"] != "READY":
                time.sleep(0.2)
            pages = control.get_paginator("list_code_interpreters").paginate(type="CUSTOM")
            found = [item["codeInterpreterId"] for page in pages for item in page["codeInterpreterSummaries"]]
            session["sessionId"] = data.start_code_interpreter_session(**session)["sessionId"]
            try:
                reply = data.invoke_code_interpreter(
                    **session, name="executeCommand", arguments={"command": "echo $((6 * 7)); exit 3"})
                [event] = reply["stream"]
                done = event["result"]["structuredContent"]
            finally:
                data.stop_code_interpreter_session(**session)
            status = data.get_code_interpreter_session(**session)["status"]
        finally:
            control.delete_code_interpreter(codeInterpreterId=one)
        result = [one in found, done["stderr"], done["exitCode"], status]
        """
    ) == [True, "42\r\n", 3, "TERMINATED"]


def test_the_aws_cli_starts_lists_and_stops_a_session(aws_cli):
    """The CLI has no command for the event stream of InvokeCodeInterpreter; the rest works."""
    managed = ["--code-interpreter-identifier", MANAGED]
    started = aws_cli("bedrock-agentcore", "start-code-interpreter-session", *managed, "--name", "by-hand")
    session = [*managed, "--session-id", started["sessionId"]]
    listed = aws_cli("bedrock-agentcore", "list-code-interpreter-sessions", *managed, "--status", "READY")
    stopped = aws_cli("bedrock-agentcore", "stop-code-interpreter-session", *session)

    assert started["sessionId"] in {item["sessionId"] for item in listed["items"]}
    assert stopped["sessionId"] == started["sessionId"]
    assert aws_cli("bedrock-agentcore", "get-code-interpreter-session", *session)["status"] == "TERMINATED"


def test_the_aws_cli_makes_shows_tags_and_deletes_an_interpreter(aws_cli):
    control = "bedrock-agentcore-control"
    made = aws_cli(
        control, "create-code-interpreter", "--name", "byhand", "--description", "née par la main",
        "--network-configuration", "networkMode=SANDBOX", "--tags", "team=a",
    )  # fmt: skip
    one = ["--code-interpreter-id", made["codeInterpreterId"]]
    try:
        arn = ["--resource-arn", made["codeInterpreterArn"]]
        aws_cli(control, "tag-resource", *arn, "--tags", "stage=test")
        aws_cli(control, "untag-resource", *arn, "--tag-keys", "team")

        assert aws_cli(control, "get-code-interpreter", *one)["description"] == "née par la main"
        assert aws_cli(control, "list-tags-for-resource", *arn)["tags"] == {"stage": "test"}
        listed = aws_cli(control, "list-code-interpreters")["codeInterpreterSummaries"]
        assert made["codeInterpreterId"] in {each["codeInterpreterId"] for each in listed}
    finally:
        assert aws_cli(control, "delete-code-interpreter", *one)["status"] == "DELETED"
