"""LangChain's two packages: `langchain-agentcore-codeinterpreter` and the toolkit of `langchain-aws`.

What their own tests on the live service check (github.com/langchain-ai/langchain-aws, August 2026) is
checked here too, in our words.
"""

import textwrap

import pytest

pytestmark = pytest.mark.aws

BACKEND = """
    import asyncio, os
    from contextlib import contextmanager
    from bedrock_agentcore.tools.code_interpreter_client import CodeInterpreter
    from langchain_agentcore_codeinterpreter import AgentCoreSandbox

    @contextmanager
    def backend():
        interpreter = CodeInterpreter(os.environ["AWS_REGION"], integration_source="langchain")
        interpreter.start()
        try:
            yield AgentCoreSandbox(interpreter=interpreter)
        finally:
            interpreter.stop()
"""
TOOLKIT = """
    import asyncio, os, re
    from concurrent.futures import ThreadPoolExecutor
    from langchain_aws.tools import create_code_interpreter_toolkit
    toolkit, _ = asyncio.run(create_code_interpreter_toolkit(region=os.environ["AWS_REGION"]))
    tools = toolkit.get_tools_by_name()

    def call(tool, thread="one", namespace="", **arguments):
        config = {"configurable": {"thread_id": thread, "checkpoint_ns": namespace}}
        return tools[tool].invoke(arguments, config=config)

    def stop():
        asyncio.run(toolkit.cleanup())
"""


@pytest.fixture
def backend(client_python):
    """Runs code with `backend()`, an AgentCoreSandbox over a new session."""
    return lambda code: client_python(BACKEND + code)


@pytest.fixture
def toolkit(client_python):
    """Runs code with `call("execute_code", …)`, one of the toolkit's tools; then stops its sessions."""

    def run(code):
        return client_python(
            f"{TOOLKIT}\n    try:\n{textwrap.indent(code, ' ' * 8)}\n    finally:\n        stop()\n"
        )

    return run


def test_commands_run_also_side_by_side(backend):
    done = backend(
        """
    with backend() as sandbox:
        commands = ["echo hello", "python3 -c \\"print('works')\\"", "nonexistent_command_xyz_12345"]
        done = [sandbox.execute(command) for command in commands]

        async def together():
            return await asyncio.gather(*(sandbox.aexecute(f"echo concurrent-{n}") for n in range(3)))

        done += asyncio.run(together())
        result = [[each.exit_code, each.output] for each in done] + [len(sandbox.id)]
        """
    )

    assert done[:2] == [[0, "hello\r\n"], [0, "works\r\n"]]
    # It looks for the exit code where the service does not put it, and says 0.
    assert "not found" in done[2][1]
    assert [output for _, output in done[3:6]] == [f"concurrent-{n}\r\n" for n in range(3)]
    assert done[6] == 26


def test_files_come_back_as_they_were_and_a_missing_one_is_an_error(backend):
    assert backend(
        """
    binary = bytes([0, 1, 2, 255, 254, 253])
    files = [("round.py", b"print('executed')"), ("binary.bin", binary), ("é.txt", "é".encode())]
    with backend() as sandbox:
        up = [each.error for each in sandbox.upload_files(files)]
        down = sandbox.download_files([path for path, _ in files])
        again = asyncio.run(sandbox.adownload_files(["binary.bin"]))
        missing = sandbox.download_files(["does_not_exist_xyz.txt", "round.py"])
        ran = sandbox.execute("python3 round.py").output
    same = [each.content == content for each, (_, content) in zip(down, files)]
    result = [up, same, again[0].content == binary, [each.error for each in missing], ran]
        """
    ) == [[None] * 3, [True] * 3, True, ["file_not_found", None], "executed\r\n"]


def test_a_path_below_the_root_is_one_below_the_workspace(backend):
    """Writing, reading, listing, searching and editing all find the same file."""
    assert backend(
        """
    path, folder = "/workspace/found.txt", "/workspace"
    with backend() as sandbox:
        written = sandbox.write(path, "needle in haystack\\nsecond line\\n")
        read = sandbox.read(path)
        listed = sandbox.ls(folder)
        found = sandbox.grep("needle", folder)
        matched = sandbox.glob("*.txt", folder)
        edited = sandbox.edit(path, "needle", "pin")
        after = sandbox.read(path)
    result = [
        [each.error for each in (written, read, listed, found, matched, edited, after)],
        read.file_data["content"].strip(), [entry["path"].split("/")[-1] for entry in listed.entries],
        len(found.matches), len(matched.matches), after.file_data["content"].splitlines()[0]]
        """
    ) == [[None] * 7, "needle in haystack\nsecond line", ["found.txt"], 1, 1, "pin in haystack"]


def test_a_session_that_is_over_is_told_from_other_errors(backend):
    assert "session has expired" in backend(
        """
    with backend() as sandbox:
        interpreter = sandbox._interpreter
        interpreter.data_plane_client.stop_code_interpreter_session(
            codeInterpreterIdentifier=interpreter.identifier, sessionId=interpreter.session_id)
        result = sandbox.execute("echo hello").output
        interpreter.session_id = None
        """
    )


def test_the_tools_of_the_toolkit_work_on_one_session(toolkit):
    names, wrote, listed, read, plot, deleted, command, gone = toolkit(
        """
wrote = call("write_files", files=[{"path": "a.txt", "text": "hello"}, {"path": "b.txt", "text": "there"}])
call("upload_file", path="c.csv", content="x\\n1\\n", description="numbers")
listed = call("list_files")
code = "import matplotlib.pyplot as plt\\nplt.plot([1, 2]); plt.savefig('p.png')"
call("execute_code", code=code)
result = [sorted(tools), wrote, listed, call("read_files", paths=["a.txt"]),
          call("read_files", paths=["p.png"]),
          call("delete_files", paths=["b.txt"]), call("execute_command", command="ls *.txt; cat c.csv"),
          call("read_files", paths=["b.txt"])]
"""
    )

    assert len(names) == 11
    assert wrote == "Successfully wrote all 2 files"
    assert listed == ""  # it shows texts and files only, no links
    assert read == "==== File: /a.txt ====\nhello\n"
    assert plot == "==== Binary File: /p.png ====\n"
    assert deleted
    assert command == "a.txt\r\nx\r\n1\r\n"
    assert "hello" not in gone


def test_a_task_of_the_toolkit_is_started_watched_and_stopped(toolkit):
    """It shows texts only, so the task's id is not in its reply; the session's own client has it."""
    assert toolkit(
        """
started = call("start_command_execution", command="sleep 60")
interpreter = toolkit._code_interpreters["one"]
[event] = interpreter.invoke("startCommandExecution", {"command": "sleep 60"})["stream"]
task = event["result"]["structuredContent"]["taskId"]
result = [started, call("get_task", task_id=task),
          call("stop_task", task_id=task), call("get_task", task_id=task)]
"""
    ) == [
        "Successfully started a command execution task",
        "Task is working",
        "Successfully canceled a command execution task",
        "Task is canceled",
    ]


def test_a_thread_has_one_session_and_every_thread_its_own(toolkit):
    same, other, nested, sessions = toolkit(
        """
call("execute_code", code="open('/tmp/scope.txt', 'w').write('from-a')", thread="a", namespace="tools:1")
probe = "import os; print(os.path.exists('/tmp/scope.txt'))"
result = [call("execute_code", code=probe, thread="a", namespace="tools:2"),
          call("execute_code", code=probe, thread="b", namespace="tools:1"),
          call("execute_code", code=probe, thread="a", namespace="research:1|tools:1"),
          len(toolkit._code_interpreters)]
"""
    )

    assert [same, other, nested, sessions] == ["True", "False", "False", 3]


def test_five_calls_at_once_share_one_session(toolkit):
    assert toolkit(
        """
with ThreadPoolExecutor(5) as pool:
    printed = list(pool.map(lambda n: call("execute_code", code=f"print({n} * {n})"), range(5)))
result = [printed, len(toolkit._code_interpreters)]
"""
    ) == [["0", "1", "4", "9", "16"], 1]
