"""The `bedrock-agentcore` SDK for Python: every method of its code interpreter client.

What the SDK's own tests on the live service check (github.com/aws/bedrock-agentcore-sdk-python, August 2026)
is checked here too, in our words.
"""

import pytest

pytestmark = pytest.mark.aws

SETUP = """
    import os
    from bedrock_agentcore.tools.code_interpreter_client import CodeInterpreter, code_session
    region = os.environ["AWS_REGION"]

    def only(reply):
        [event] = reply["stream"]
        return event["result"]

    def stdout(reply):
        return only(reply)["structuredContent"]["stdout"]
"""


@pytest.fixture
def sdk(client_python):
    """Runs code with `code_session`, `region` and two readers of a reply at hand."""

    def run(code, **values):
        return client_python(SETUP + code, **values)

    return run


def test_its_own_example_prints_the_five_rows(sdk):
    assert sdk(
        """
    client = CodeInterpreter(region)
    client.start()
    try:
        code = (
            "import pandas as pd\\ndf = pd.DataFrame({'x': range(10)})\\n"
            "df['y'] = df['x'] ** 2\\nprint(df.tail())\\n")
        result = [only(client.invoke("executeCode", {"language": "python", "code": code})), client.stop()]
        result += [client.session_id, client.identifier]
    finally:
        client.stop()
    result[0]["structuredContent"].pop("executionTime")
        """
    ) == [
        {
            "content": [{"type": "text", "text": "x   y\n5  5  25\n6  6  36\n7  7  49\n8  8  64\n9  9  81"}],
            "structuredContent": {
                "stdout": "x   y\n5  5  25\n6  6  36\n7  7  49\n8  8  64\n9  9  81",
                "stderr": "",
                "exitCode": 0,
            },
            "isError": False,
        },
        True,
        None,
        None,
    ]  # fmt: skip


def test_code_session_starts_and_stops(sdk):
    during, after = sdk(
        """
    with code_session(region) as client:
        one = {"interpreter_id": client.identifier, "session_id": client.session_id}
        during = client.get_session()
    after = client.get_session(**one)
    result = [[each["sessionId"], each["status"], each["sessionTimeoutSeconds"]] for each in (during, after)]
        """
    )

    assert during[1:] == ["READY", 900]
    assert after == [during[0], "TERMINATED", 900]


def test_sessions_are_listed_with_name_and_status(sdk):
    assert sdk(
        """
    client = CodeInterpreter(region)
    mine = client.start(name="sdk-listed", session_timeout_seconds=1800)
    try:
        ready = client.list_sessions(status="READY", max_results=100)["items"]
        page = client.list_sessions(interpreter_id="aws.codeinterpreter.v1", max_results=1)["items"]
        result = [[each["name"] for each in ready if each["sessionId"] == mine], len(page)]
    finally:
        client.stop()
        """
    ) == [["sdk-listed"], 1]


def test_custom_interpreters_are_created_read_listed_and_deleted(sdk, execution_role, client, account):
    region = client("bedrock-agentcore").meta.region_name
    role = execution_role(f"arn:aws:bedrock-agentcore:{region}:{account}:code-interpreter-custom/sdk_made-*")

    assert sdk(
        """
    import time
    client = CodeInterpreter(region)
    made = client.create_code_interpreter(
        "sdk_made", role, network_configuration={"networkMode": "SANDBOX"}, description="of a test",
        tags={"team": "a"})
    one = made["codeInterpreterId"]
    try:
        while (got := client.get_code_interpreter(one))["status"] != "READY":
            time.sleep(0.2)
        listed = client.list_code_interpreters(interpreter_type="CUSTOM", max_results=100)
        with code_session(region, identifier=one) as session:
            printed = stdout(session.execute_code("print(6 * 7)"))
        result = [got["description"], got["executionRoleArn"] == role, printed,
                  one in [each["codeInterpreterId"] for each in listed["codeInterpreterSummaries"]]]
    finally:
        result.append(client.delete_code_interpreter(one)["status"])
        """,
        role=role,
    ) == ["of a test", True, "42", True, "DELETED"]


def test_an_upload_is_not_encoded_twice(sdk):
    """67 bytes on disk, not the 92 of their base64, and the same bytes back."""
    assert sdk(
        """
    payload = b"\\x89PNG\\r\\n\\x1a\\n" + bytes(range(59))
    with code_session(region) as client:
        wrote = only(client.upload_file("test.bin", payload))
        size = stdout(client.execute_code("import os\\nprint(os.path.getsize('test.bin'))"))
        result = [wrote["content"][0]["text"], size, client.download_file("test.bin") == payload]
        """
    ) == ["Successfully wrote all 1 files", "67", True]


def test_files_go_up_are_worked_on_and_come_down(sdk):
    written, listed, downloaded, missing = sdk(
        """
    files = [{"path": "config.json", "content": '{"a": 1}'},
             {"path": "input.csv", "content": "x,y\\n1,2\\n3,4"},
             {"path": "deep/notes.txt", "content": "é"}]
    work = "import pandas as pd\\ndf = pd.read_csv('input.csv')\\ndf['sum'] = df.x + df.y\\n"
    work += "df.to_csv('out.csv')"
    with code_session(region) as client:
        written = only(client.upload_files(files))["content"][0]["text"]
        listed = [each["name"] for each in only(client.invoke("listFiles"))["content"]]
        client.execute_code(work)
        downloaded = client.download_files(["out.csv", "deep/notes.txt"])
        single = client.download_file("out.csv")
        try:
            missing = client.download_file("absent.txt")
        except FileNotFoundError as error:
            missing = str(error)
    assert single == downloaded["/out.csv"]
    result = [written, listed, downloaded, missing]
        """
    )

    assert written == "Successfully wrote all 3 files"
    assert {"config.json", "input.csv", "deep"} <= set(listed)
    assert downloaded == {"/out.csv": ",x,y,sum\n0,1,2,3\n1,3,4,7\n", "/deep/notes.txt": "é"}
    assert missing == "Could not read file: absent.txt"


def test_commands_and_code_run_and_the_context_is_cleared(sdk):
    version, listing, before, after, cleared = sdk(
        """
    probe = "try:\\n    print(kept)\\nexcept NameError:\\n    print('not defined')"
    with code_session(region) as client:
        result = [stdout(client.execute_command(each)) for each in ("python --version", "ls -la")]
        client.execute_code("kept = 42")
        result.append(stdout(client.execute_code(probe)))
        result.append(stdout(client.execute_code(probe, clear_context=True)))
        client.execute_code("kept = 43")
        client.clear_context()
        result.append(stdout(client.execute_code(probe)))
        """
    )

    assert version.startswith("Python 3.")
    assert " ..\r\n" in listing
    assert [before, after, cleared] == ["42", "not defined", "not defined"]


def test_a_package_that_is_there_installs(sdk):
    """pip finds it installed and asks nobody; a session of a SANDBOX interpreter has nobody to ask."""
    assert sdk(
        """
    with code_session(region) as client:
        done = only(client.install_packages(["numpy"]))
        seen = stdout(client.execute_code("import numpy; print(numpy.add(1, 1))"))
    result = [done["structuredContent"]["exitCode"], seen]
        """
    ) == [0, "2"]


def test_a_plot_is_saved_and_is_there(sdk):
    assert sdk(
        """
    plot = (
        "import matplotlib.pyplot as plt\\nimport numpy as np\\nx = np.linspace(0, 10, 100)\\n"
        "plt.plot(x, np.sin(x))\\nplt.savefig('sine.png')\\nplt.close()")
    with code_session(region) as client:
        done = only(client.execute_code(plot))
        image = client.download_file("sine.png")
        listed = stdout(client.execute_command("ls *.png"))
    result = [done["isError"], image[:4] == b"\\x89PNG", listed]
        """
    ) == [False, True, "sine.png\r\n"]


def test_the_first_call_starts_a_session_by_itself(sdk):
    assert sdk(
        """
    client = CodeInterpreter(region)
    try:
        result = [stdout(client.execute_code("print('auto')")), len(client.session_id)]
    finally:
        client.stop()
        """
    ) == ["auto", 26]
