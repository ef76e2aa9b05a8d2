"""`llama-index-tools-aws-bedrock-agentcore`: its tool spec for code interpreters, every function of it."""

import pytest

pytestmark = pytest.mark.aws

SETUP = """
    import asyncio, os
    from llama_index.tools.aws_bedrock_agentcore import AgentCoreCodeInterpreterToolSpec
    spec = AgentCoreCodeInterpreterToolSpec(region=os.environ["AWS_REGION"])
"""


@pytest.fixture
def llama(client_python):
    """Runs code with `spec`, the tool spec; its sessions are stopped after it."""

    def run(code):
        return client_python(
            f"{SETUP}\n    try:\n{code}\n    finally:\n        asyncio.run(spec.cleanup())\n"
        )

    return run


def test_every_function_on_a_session_answers(llama):
    done = llama(
        """
        result = {
            "tools": len(spec.to_tool_list()),
            "write": spec.write_files([{"path": "a.txt", "text": "hello"}]),
            "upload": spec.upload_file("b.csv", "x\\n1\\n", "numbers"),
            "uploads": spec.upload_files([{"path": path, "content": path} for path in ("c.txt", "d.txt")]),
            "list": spec.list_files(),
            "read": spec.read_files(["a.txt"]),
            "code": spec.execute_code("x = 41\\nprint(x + 1)"),
            "later": asyncio.run(spec.aexecute_code("print(x)")),
            "command": spec.execute_command("cat b.csv"),
            "task": spec.start_command("sleep 60"),
            "download": spec.download_file("a.txt"),
            "downloads": spec.download_files(["c.txt", "d.txt"]),
            "install": spec.install_packages(["numpy"]),
            "delete": spec.delete_files(["a.txt"]),
            "missing": spec.download_file("a.txt"),
            "clear": spec.clear_context(),
            "cleared": "NameError" in spec.execute_code("x"),
            "unknown": [spec.get_task("no-such-task"), spec.stop_task("no-such-task")],
        }
        """
    )

    assert done["tools"] >= 15
    assert done["write"] == "Successfully wrote all 1 files"
    assert done["list"] == ""  # it shows texts and files only, no links
    assert done["read"] == "==== File: /a.txt ====\nhello\n"
    assert (done["code"], done["later"]) == ("42", "41")
    assert done["command"] == "x\r\n1\r\n"
    assert done["task"] == "Successfully started a command execution task"
    assert "hello" in done["download"]
    assert "EventStream" in done["install"]  # it never reads this reply
    assert done["cleared"]
    assert "Error" in done["missing"]
    assert all(isinstance(each, str) and each for each in done["unknown"])


def test_a_binary_file_is_its_own_limit(llama):
    """It encodes the bytes that boto3 decoded as JSON, and says that it cannot: on AWS as here."""
    said = llama(
        """
        spec.execute_code("open('p.png', 'wb').write(bytes([137, 80, 78, 71, 255]))")
        result = spec.read_files(["p.png"])
        """
    )

    assert said == "Error reading files: Object of type bytes is not JSON serializable"


def test_interpreters_are_listed_and_read(llama):
    listed, shown = llama(
        """
        result = [spec.list_code_interpreters(interpreter_type="SYSTEM"),
                  spec.get_code_interpreter("aws.codeinterpreter.v1")]
        """
    )

    assert "aws.codeinterpreter.v1" in listed
    assert "READY" in shown
