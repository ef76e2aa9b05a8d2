"""The code interpreter of `strands-agents-tools`, through the method that it gives to agents.

What its own tests on the live service check without a model (github.com/strands-agents/tools) is checked here
too, in our words.
"""

import pytest

pytestmark = pytest.mark.aws

SETUP = """
    import os
    from strands_tools.code_interpreter import AgentCoreCodeInterpreter
    from strands_tools.code_interpreter import agent_core_code_interpreter as module
    region = os.environ["AWS_REGION"]

    def act(tool, kind, **action):
        return tool.code_interpreter(code_interpreter_input={"action": {"type": kind, **action}})

    def text(reply):
        return reply["content"][0]["text"]
"""


@pytest.fixture
def strands(client_python):
    """Runs code with AgentCoreCodeInterpreter and `act(tool, "executeCode", …)` at hand."""
    return lambda code: client_python(SETUP + code)


def test_every_action_answers(strands):
    made, code, failing, command, wrote, listed, read, removed, languages, local = strands(
        """
    tool = AgentCoreCodeInterpreter(region=region, persist_sessions=False)
    new = {"description": "of a test", "session_name": "every-action"}
    files = [{"path": "a.txt", "text": "hello"}]
    try:
        result = [
            act(tool, "initSession", **new)["content"][0]["json"],
            text(act(tool, "executeCode", code="x = 41\\nprint(x + 1)", session_name="every-action")),
            text(act(tool, "executeCode", code="1 / 0", session_name="every-action")),
            text(act(tool, "executeCommand", command="echo said", session_name="every-action")),
            text(act(tool, "writeFiles", content=files, session_name="every-action")),
            text(act(tool, "listFiles", path=".", session_name="every-action")),
            text(act(tool, "readFiles", paths=["a.txt"], session_name="every-action")),
            text(act(tool, "removeFiles", paths=["a.txt"], session_name="every-action")),
            sorted(each.value for each in tool.get_supported_languages()),
            act(tool, "listLocalSessions")["content"][0]["json"]["totalSessions"]]
    finally:
        tool._started = True
        tool.cleanup_platform()
        module._session_mapping.clear()
        """
    )

    assert (made["sessionName"], made["description"], len(made["sessionId"])) == (
        "every-action",
        "of a test",
        26,
    )
    assert code == "[{'type': 'text', 'text': '42'}]"
    assert "ZeroDivisionError: division by zero" in failing
    assert command == "[{'type': 'text', 'text': 'said\\r\\n'}]"
    assert wrote == "[{'type': 'text', 'text': 'Successfully wrote all 1 files'}]"
    assert "'uri': 'file:///a.txt'" in listed
    assert "'text': 'hello'" in read
    assert removed.startswith("[{'type': 'text'")
    assert languages == ["javascript", "python", "typescript"]
    assert local == 1


def test_a_second_instance_finds_the_session_of_the_first(strands):
    """It asks for the session's status first, and starts a new one when that is not READY."""
    assert strands(
        """
    one = AgentCoreCodeInterpreter(region=region, session_name="shared")
    act(one, "executeCode", code="kept = 1")
    two = AgentCoreCodeInterpreter(region=region, session_name="shared")
    found = text(act(two, "executeCode", code="print(kept)"))
    one._sessions["shared"].client.stop()
    three = AgentCoreCodeInterpreter(region=region, session_name="shared")
    renewed = "NameError" in text(act(three, "executeCode", code="print(kept)"))
    three._sessions["shared"].client.stop()
    module._session_mapping.clear()
    result = [found, renewed]
        """
    ) == ["[{'type': 'text', 'text': '1'}]", True]


def test_an_interpreter_that_is_not_there_is_an_error_of_the_tool(strands):
    status, message = strands(
        """
    tool = AgentCoreCodeInterpreter(region=region, identifier="not-there-0123456789")
    reply = act(tool, "initSession", description="of a test", session_name="lost")
    result = [reply["status"], text(reply)]
        """
    )

    assert status == "error"
    assert "ResourceNotFoundException" in message
