"""Given a path that leads out of the workspace or to what is no file, a refusal: never a fault, never a hang.

All texts here are unrecorded.
"""

import pytest

FILE_TOOLS = ["writeFiles", "readFiles", "removeFiles", "listFiles"]
every_tool = pytest.mark.parametrize("tool", FILE_TOOLS)


def call(invoke, tool, path):
    arguments = {
        "writeFiles": {"content": [{"path": path, "text": "new"}]},
        "listFiles": {"directoryPath": path},
    }
    return invoke(tool, **arguments.get(tool, {"paths": [path]}))


def refused(result):
    """The one text of an error."""
    assert result["isError"]
    [block] = result["content"]
    assert block["type"] == "text"
    return block["text"]


@pytest.mark.parity("Paths that leave the workspace: isError", seen="unrecorded")
@every_tool
@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/../x", "..", "./.././x", "/opt/amazon/genesis1p-tools/var/../x"]
)
def test_dots_out_of_the_workspace(invoke, tool, path):
    assert "path traversal outside the workspace is not allowed" in refused(call(invoke, tool, path))


@every_tool
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a\0b", "null character"),
        ("a\ud800b", "lone surrogate"),
        ("\udcff", "lone surrogate"),
        ("n" * 256, "File name too long"),
        ("n/" * 3000 + "n", "File name too long"),
    ],
    ids=["null", "surrogate", "escaped-byte", "long-name", "long-path"],
)
def test_what_is_no_path(invoke, tool, path, reason):
    assert reason in refused(call(invoke, tool, path))


def test_a_path_of_a_thousand_folders_is_one(invoke):
    path = "d/" * 1500 + "deep.txt"

    assert not call(invoke, "writeFiles", path)["isError"]
    [block] = call(invoke, "readFiles", path)["content"]
    assert block["resource"]["text"] == "new"
    assert not call(invoke, "removeFiles", path)["isError"]


@pytest.mark.parametrize("tool", ["writeFiles", "readFiles"])
@pytest.mark.parametrize(
    "make",
    [
        "mkfifo odd",
        "mkfifo odd; (exec 3<>odd; sleep 5) & sleep 0.2",
        "mkdir odd",
        "ln -s /dev/zero odd",
        "ln -s /dev/full odd",
        "ln -s odd odd",
        "python -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"odd\")'",
    ],
    ids=["fifo", "open-fifo", "folder", "endless-device", "full-device", "loop", "socket"],
)
def test_what_is_no_regular_file(invoke, tool, make):
    invoke("executeCommand", command=make)

    assert refused(call(invoke, tool, "odd")).startswith(("odd: ", "Failed to write 1 of 1 files: odd: "))


@pytest.mark.parity("Links that leave the workspace: isError", seen="unrecorded")
@pytest.mark.parametrize("tool", ["writeFiles", "readFiles", "listFiles"])
@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "/tmp/there", "/proc/self/environ", "/proc/self/fd/2", "/proc/self/fd", "/tmp", "/"],
)
def test_links_out_of_the_workspace(invoke, tool, target):
    """The process that opens files here has descriptors of its own; the session must not get at them."""
    invoke("executeCommand", command=f"echo secret > /tmp/there; ln -s {target} link")

    reason = refused(call(invoke, tool, "link"))

    assert "secret" not in reason
    assert invoke("executeCommand", command="cat /tmp/there")["structuredContent"]["stdout"] == "secret\r\n"


@pytest.mark.parametrize("tool", ["writeFiles", "readFiles"])
def test_links_out_of_the_workspace_in_the_middle_of_a_path(invoke, tool):
    invoke("executeCommand", command="echo secret > /tmp/there; ln -s /tmp link")

    assert "path traversal" in refused(call(invoke, tool, "link/there"))
    assert invoke("executeCommand", command="cat /tmp/there")["structuredContent"]["stdout"] == "secret\r\n"


def test_a_link_is_removed_and_not_what_it_leads_to(invoke):
    invoke("executeCommand", command="echo kept > /tmp/there; ln -s /tmp/there link; ln -s /tmp folder")

    assert not call(invoke, "removeFiles", "link")["isError"]
    assert not call(invoke, "removeFiles", "folder")["isError"]
    assert invoke("executeCommand", command="cat /tmp/there")["structuredContent"]["stdout"] == "kept\r\n"


@pytest.mark.parametrize("tool", ["writeFiles", "readFiles"])
def test_a_file_without_permission(invoke, tool):
    invoke("executeCommand", command="touch shut; chmod 000 shut")

    assert "Permission denied" in refused(call(invoke, tool, "shut"))


@every_tool
def test_a_file_where_a_folder_is_expected(invoke, tool):
    invoke("executeCommand", command="touch file")

    path = "file" if tool == "listFiles" else "file/inner"

    assert "Not a directory" in refused(call(invoke, tool, path))


@pytest.mark.parametrize("path", ["", "/", "."])
@pytest.mark.parametrize("tool", ["writeFiles", "readFiles", "removeFiles"])
def test_the_workspace_itself_is_no_file(invoke, tool, path):
    refused(call(invoke, tool, path))


@pytest.mark.parametrize("tool", ["readFiles", "removeFiles", "listFiles"])
def test_what_is_not_there(invoke, tool):
    assert "gone" in refused(call(invoke, tool, "gone"))


def test_a_file_that_exists_is_replaced_and_not_overlaid(invoke):
    invoke("writeFiles", content=[{"path": "file", "text": "a long text"}])
    call(invoke, "writeFiles", "file")

    assert invoke("readFiles", paths=["file"])["content"][0]["resource"]["text"] == "new"


def test_what_links_lead_to_outside_of_the_workspace_stays_as_it_is(invoke):
    """Given links to a folder and to a file that is not there yet, nothing is made or removed beyond them."""
    invoke(
        "executeCommand",
        command="mkdir /tmp/out; echo kept > /tmp/out/file; ln -s /tmp/out folder; ln -s /tmp/new new",
    )

    for tool, path in [
        ("removeFiles", "folder/file"),
        ("writeFiles", "folder/file"),
        ("writeFiles", "folder/other"),
        ("writeFiles", "folder/deep/other"),
        ("writeFiles", "new"),
    ]:
        assert "path traversal outside the workspace is not allowed" in refused(call(invoke, tool, path))

    left = invoke("executeCommand", command="ls -d /tmp/new /tmp/out/* 2>/dev/null; cat /tmp/out/file; true")
    assert left["structuredContent"]["stdout"].split() == ["/tmp/out/file", "kept"]


def test_a_link_to_elsewhere_can_itself_be_removed(invoke):
    invoke("executeCommand", command="ln -s /etc/passwd away; ln -s nowhere broken")

    assert not invoke("removeFiles", paths=["away", "broken"])["isError"]
