"""Given this code, this result: executeCode as recorded from the live service (September 2026)."""

import pytest


def timeless(result):
    """The result without how long it took."""
    taken = result["structuredContent"].pop("executionTime")
    assert isinstance(taken, float)
    assert taken >= 0
    return result


@pytest.mark.parity(
    "One text block for stdout, one for stderr; stderr alone is no error; executionTime is in seconds",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity("Both streams are stripped at both ends", seen="recorded", by="agentcore-samples")
def test_both_streams_are_stripped_and_shown_once_each(invoke):
    code = "import sys\nprint('CN_STDOUT_中文_123')\nprint('CN_STDERR_错误_456', file=sys.stderr)"

    assert timeless(invoke("executeCode", language="python", code=code)) == {
        "content": [
            {"type": "text", "text": "CN_STDOUT_中文_123"},
            {"type": "text", "text": "CN_STDERR_错误_456"},
        ],
        "structuredContent": {"stdout": "CN_STDOUT_中文_123", "stderr": "CN_STDERR_错误_456", "exitCode": 0},
        "isError": False,
    }


@pytest.mark.parity(
    "An exception: stdout is kept, stderr is IPython's plain traceback, exitCode 1, isError true",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity("The cell number of the fifth call is 10", seen="recorded", by="agentcore_demo")
def test_the_traceback_of_the_fifth_call_is_the_recorded_one_byte_for_byte(invoke):
    for _ in range(4):
        invoke("executeCode", language="python", code="pass")

    code = 'print("BEFORE_CONTROLLED_ERROR")\nraise ValueError("CN_EXPECTED_EXCEPTION")'
    result = timeless(invoke("executeCode", language="python", code=code))

    traceback = (
        "---------------------------------------------------------------------------\n"
        "ValueError                                Traceback (most recent call last)\n"
        "Cell In[10], line 2\n"
        '      1 print("BEFORE_CONTROLLED_ERROR")\n'
        '----> 2 raise ValueError("CN_EXPECTED_EXCEPTION")\n'
        "\n"
        "ValueError: CN_EXPECTED_EXCEPTION"
    )
    assert result == {
        "content": [{"type": "text", "text": "BEFORE_CONTROLLED_ERROR"}, {"type": "text", "text": traceback}],
        "structuredContent": {"stdout": "BEFORE_CONTROLLED_ERROR", "stderr": traceback, "exitCode": 1},
        "isError": True,
    }


@pytest.mark.parity("The traceback of a missing module", seen="recorded", by="agentcore-samples")
def test_the_traceback_of_a_missing_module_is_the_recorded_one_byte_for_byte(invoke):
    invoke("executeCode", language="python", code="pass")
    code = (
        "import pandas as pd\nimport numpy as np\nimport matplotlib.pyplot as plt\nimport seaborn as sns\n"
        "\n# Create a sample dataset\nnp.random.seed(42)\n"
    )

    assert invoke("executeCode", language="python", code=code)["structuredContent"]["stderr"] == (
        "---------------------------------------------------------------------------\n"
        "ModuleNotFoundError                       Traceback (most recent call last)\n"
        "Cell In[4], line 4\n"
        "      2 import numpy as np\n"
        "      3 import matplotlib.pyplot as plt\n"
        "----> 4 import seaborn as sns\n"
        "      6 # Create a sample dataset\n"
        "      7 np.random.seed(42)\n"
        "\n"
        "ModuleNotFoundError: No module named 'seaborn'"
    )


@pytest.mark.parity("A data frame's header loses its leading spaces", seen="recorded", by="agentcore-samples")
def test_a_data_frame_is_computed_and_printed(invoke):
    """The service strips the leading spaces of the header, too."""
    code = (
        "import pandas as pd\ndf = pd.DataFrame({'x': range(10)})\ndf['y'] = df['x'] ** 2\nprint(df.tail())\n"
    )

    assert invoke("executeCode", language="python", code=code)["content"] == [
        {"type": "text", "text": "x   y\n5  5  25\n6  6  36\n7  7  49\n8  8  64\n9  9  81"}
    ]


@pytest.mark.parity(
    "A trailing expression prints its value; get_ipython() is there", seen="recorded", by="agentcore-samples"
)
@pytest.mark.parity("Nothing printed: no content block", seen="unrecorded")
@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("6 * 7", "42"),
        ("x = 1", ""),
        ("import os; os.write(1, b'by descriptor\\n'); None", "by descriptor"),
        ("import subprocess; subprocess.run(['echo', 'by a child']); None", "by a child"),
        ("import os; os.write(1, b'\\xff!'); None", "\ufffd!"),
        ("import asyncio; await asyncio.sleep(0); print('awaited')", "awaited"),
        ("display('shown')", "'shown'"),
        ("len(get_ipython().history_manager.input_hist_raw) > 0", "True"),
        ("import os\nif os.fork(): os.wait()\nelse: print('forked')", "forked"),
        ("import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))).__name__", "'A'"),
        # As notebooks begin; there is no screen, so a plot is shown as its name.
        (
            "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
            "<Figure size 640x480 with 1 Axes>",
        ),
    ],
)
def test_what_is_printed_and_a_trailing_value_are_stdout(invoke, code, stdout):
    structured = invoke("executeCode", language="python", code=code)["structuredContent"]

    assert (structured["stdout"], structured["stderr"], structured["exitCode"]) == (stdout, "", 0)


@pytest.mark.parity("clearContext forgets the variables", seen="client", by="sdk-python")
def test_variables_files_and_the_folder_last_until_the_context_is_cleared(invoke):
    invoke("executeCode", code="import os; kept = 'yes'; os.makedirs('sub'); os.chdir('sub'); open('f', 'w')")

    assert (
        invoke("executeCode", code="print(kept, os.listdir())")["structuredContent"]["stdout"] == "yes ['f']"
    )
    cleared = invoke("executeCode", code="kept", clearContext=True)
    assert cleared["structuredContent"]["stderr"].endswith("NameError: name 'kept' is not defined")


@pytest.mark.parity("A module written by writeFiles can be imported", seen="recorded", by="agentcore-samples")
def test_a_module_written_to_the_workspace_can_be_imported(invoke):
    invoke("writeFiles", content=[{"path": "solver.py", "text": "ANSWER = 55\n"}])

    assert invoke("executeCode", code="import solver; solver.ANSWER")["structuredContent"]["stdout"] == "55"


@pytest.mark.parity("A kernel that dies is a failed call, and the session goes on", seen="unrecorded")
@pytest.mark.parametrize(
    ("code", "exit_code", "how"),
    [
        ("import os; print('said', flush=True); os._exit(3)", 3, "exited with code 3"),
        ("import os; print('said', flush=True); os._exit(0)", 1, "exited with code 0"),
        (
            "import os; print('said', flush=True); os.kill(os.getpid(), 9)",
            137,
            "was killed (SIGKILL), perhaps",
        ),
        ("import os; print('said', flush=True); os.kill(os.getpid(), 11)", 139, "was ended by SIGSEGV"),
        (
            "import os; print('said', flush=True); os.execv('/bin/sleep', ['sleep', '60'])",
            137,
            "did not answer and was killed",
        ),
    ],
)
def test_a_kernel_that_dies_is_an_error_and_the_session_goes_on(invoke, code, exit_code, how):
    dead = invoke("executeCode", code=code)

    assert dead["isError"]
    assert dead["structuredContent"]["stdout"] == "said"
    assert dead["structuredContent"]["exitCode"] == exit_code
    assert f"The Python kernel {how}" in dead["structuredContent"]["stderr"]
    assert invoke("executeCode", code="1 + 1")["structuredContent"]["stdout"] == "2"


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "x = = 1", "input()", "raise KeyboardInterrupt"])
def test_code_that_fails_in_other_ways_is_an_error_and_the_kernel_lives(invoke, code):
    invoke("executeCode", code="kept = 1")

    failed = invoke("executeCode", code=code)

    assert (failed["isError"], failed["structuredContent"]["exitCode"]) == (True, 1)
    assert invoke("executeCode", code="kept")["structuredContent"]["stdout"] == "1"


def test_exit_does_not_end_the_session(invoke):
    invoke("executeCode", code="kept = 1")
    invoke("executeCode", code="exit()")

    assert invoke("executeCode", code="kept")["structuredContent"]["stdout"] == "1"


def test_output_of_a_thread_that_outlives_its_call_belongs_to_no_call(invoke):
    code = (
        "import threading, time\n"
        "def late():\n    time.sleep(0.2); print('late')\n"
        "thread = threading.Thread(target=late); thread.start()"
    )
    assert invoke("executeCode", code=code)["content"] == []
    invoke("executeCommand", command="sleep 0.4")

    assert invoke("executeCode", code="thread.join(); print('next')")["structuredContent"]["stdout"] == "next"


@pytest.mark.parity("Output that no event can carry is cut", seen="unrecorded")
def test_output_that_no_event_can_carry_is_cut_and_says_so(invoke):
    stdout = invoke("executeCode", code="print('x' * 30_000_000)")["structuredContent"]["stdout"]

    assert 10_000_000 < len(stdout) < 12_600_000
    assert stdout.endswith("[output truncated: more than one event can carry]")
