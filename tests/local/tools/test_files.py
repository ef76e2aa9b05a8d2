"""Given these files, these results: the four file tools, as recorded unless a docstring says otherwise."""

import base64

import pytest


def text(value):
    return {"type": "text", "text": value}


def test_the_reply_counts_files_also_a_single_one(invoke):
    files = [{"path": "a.txt", "text": "1"}, {"path": "b.txt", "text": "2"}]

    assert invoke("writeFiles", content=files) == {
        "content": [text("Successfully wrote all 2 files")],
        "isError": False,
    }
    assert invoke("writeFiles", content=files[:1])["content"] == [text("Successfully wrote all 1 files")]


def test_text_comes_back_as_text_and_bytes_as_a_blob(invoke):
    blob = base64.b64encode(bytes([0, 1, 2, 255, 254, 253])).decode()
    invoke(
        "writeFiles",
        content=[
            {"path": "output.csv", "text": "a,b\n1,é\n"},
            {"path": "output.bin", "blob": blob},
            {"path": "deep/er/analysis.png", "blob": blob},
            {"path": "empty", "text": ""},
        ],
    )

    paths = ["output.csv", "output.bin", "deep/er/analysis.png", "empty"]
    assert invoke("readFiles", paths=paths) == {
        "content": [
            {
                "type": "resource",
                "resource": {"uri": "file:///output.csv", "mimeType": "text/csv", "text": "a,b\n1,é\n"},
            },
            {
                "type": "resource",
                "resource": {
                    "uri": "file:///output.bin", "mimeType": "application/octet-stream", "blob": blob,
                },
            },
            {
                "type": "resource",
                "resource": {"uri": "file:///deep/er/analysis.png", "mimeType": "image/png", "blob": blob},
            },
            {"type": "resource", "resource": {"uri": "file:///empty", "mimeType": "text/plain", "text": ""}},
        ],
        "isError": False,
    }  # fmt: skip


def test_a_blob_is_decoded_on_disk_and_code_sees_the_file(invoke):
    invoke("writeFiles", content=[{"path": "d.bin", "blob": base64.b64encode(b"x" * 67).decode()}])

    result = invoke("executeCode", code="import os; os.path.getsize('d.bin')")

    assert result["structuredContent"]["stdout"] == "67"


@pytest.mark.parametrize("arguments", [{}, {"path": ""}, {"directoryPath": "."}, {"directoryPath": "/"}])
def test_a_listing_shows_one_level_with_hidden_entries(invoke, arguments):
    files = [{"path": path, "text": ""} for path in ("data.csv", "stats.py", ".hidden/inner.txt")]
    invoke("writeFiles", content=files)

    listed = invoke("listFiles", **arguments)

    assert not listed["isError"]
    written = (".hidden", "data.csv", "stats.py")
    assert {link["name"]: link for link in listed["content"] if link["name"] in written} == {
        ".hidden": {
            "type": "resource_link", "uri": "file:///.hidden", "name": ".hidden", "description": "Directory",
        },
        "data.csv": {
            "type": "resource_link", "mimeType": "text/csv", "uri": "file:///data.csv", "name": "data.csv",
            "description": "File",
        },
        "stats.py": {
            "type": "resource_link", "mimeType": "text/x-python", "uri": "file:///stats.py",
            "name": "stats.py", "description": "File",
        },
    }  # fmt: skip


def test_a_listing_of_a_folder_keeps_its_path(invoke):
    invoke("writeFiles", content=[{"path": "a/b/c.txt", "text": ""}])

    assert [link["uri"] for link in invoke("listFiles", path="a/b")["content"]] == ["file:///a/b/c.txt"]


def test_removed_files_are_gone(invoke):
    invoke("writeFiles", content=[{"path": "a.txt", "text": ""}])

    assert invoke("removeFiles", paths=["a.txt"]) == {
        "content": [text("Successfully removed all 1 files")],
        "isError": False,
    }
    assert invoke("readFiles", paths=["a.txt"]) == {
        "content": [text("File not found: a.txt")],
        "isError": True,
    }


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/../x", "a\0b"])
@pytest.mark.parametrize("tool", ["writeFiles", "readFiles", "removeFiles"])
def test_paths_out_of_the_workspace_are_refused(invoke, tool, path):
    """The text is unrecorded."""
    arguments = {"content": [{"path": path, "text": ""}]} if tool == "writeFiles" else {"paths": [path]}

    result = invoke(tool, **arguments)

    assert result["isError"]
    assert "path" in result["content"][0]["text"]


@pytest.mark.parametrize("path", ["/notes.txt", "/opt/amazon/genesis1p-tools/var/notes.txt"])
def test_an_absolute_path_means_the_workspace(invoke, path):
    """Unrecorded: sources differ on absolute paths."""
    invoke("writeFiles", content=[{"path": path, "text": "n"}])

    assert invoke("readFiles", paths=["notes.txt"])["content"][0]["resource"]["text"] == "n"


@pytest.mark.parametrize("target", ["mkfifo odd", "mkdir odd", "ln -s /dev/zero odd", "ln -s odd odd"])
def test_what_is_no_regular_file_cannot_be_read_and_does_not_hang(invoke, target):
    invoke("executeCommand", command=target)

    result = invoke("readFiles", paths=["odd"])

    assert result["isError"]
    assert result["content"][0]["type"] == "text"


def test_what_was_found_is_returned_beside_what_was_not(invoke):
    """Unrecorded."""
    invoke("writeFiles", content=[{"path": "a.txt", "text": "here"}])

    result = invoke("readFiles", paths=["a.txt", "gone.txt"])

    assert [block["type"] for block in result["content"]] == ["resource", "text"]
    assert result["isError"]


def test_a_partial_failure_names_what_failed(invoke):
    """Unrecorded."""
    invoke("executeCommand", command="mkdir taken")

    result = invoke("writeFiles", content=[{"path": "ok", "text": ""}, {"path": "taken", "text": ""}])

    assert result["isError"]
    assert result["content"] == [text("Failed to write 1 of 2 files: taken: Is a directory")]


def test_a_file_that_no_event_can_carry_is_an_error(invoke):
    invoke("executeCommand", command="head -c 30000000 /dev/zero > big")

    result = invoke("readFiles", paths=["big"])

    assert result["isError"]
    assert "too large for one event" in result["content"][0]["text"]


def test_fifty_megabytes_can_be_written(invoke):
    invoke("writeFiles", content=[{"path": "big.txt", "text": "é" * 25_000_000}])

    listed = invoke("executeCommand", command="stat -c %s big.txt")
    assert listed["structuredContent"]["stdout"] == "50000000\r\n"
