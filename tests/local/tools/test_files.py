"""Given these files, these results: the four file tools, as recorded unless a docstring says otherwise."""

import base64

import pytest


def text(value):
    return {"type": "text", "text": value}


@pytest.mark.parity(
    "writeFiles: `Successfully wrote all 2 files`, also `all 1 files`",
    seen="recorded",
    by="agentcore-samples",
)
def test_the_reply_counts_files_also_a_single_one(invoke):
    files = [{"path": "a.txt", "text": "1"}, {"path": "b.txt", "text": "2"}]

    assert invoke("writeFiles", content=files) == {
        "content": [text("Successfully wrote all 2 files")],
        "isError": False,
    }
    assert invoke("writeFiles", content=files[:1])["content"] == [text("Successfully wrote all 1 files")]


@pytest.mark.parity(
    "readFiles gives resources: file:/// and the path, UTF-8 as text, other bytes as a blob, no type in them",
    seen="recorded",
    by="agentcore_demo",
)
@pytest.mark.parity("Missing parent folders are made by writeFiles; sources differ", seen="unrecorded")
@pytest.mark.parity("An empty file is an empty text", seen="unrecorded")
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


@pytest.mark.parity("A blob is decoded on disk: 67 bytes are 67 bytes", seen="client", by="sdk-python")
def test_a_blob_is_decoded_on_disk_and_code_sees_the_file(invoke):
    invoke("writeFiles", content=[{"path": "d.bin", "blob": base64.b64encode(b"x" * 67).decode()}])

    result = invoke("executeCode", code="import os; os.path.getsize('d.bin')")

    assert result["structuredContent"]["stdout"] == "67"


@pytest.mark.parity(
    "listFiles shows one level, hidden entries too, as resource links; mimeType on files only",
    seen="recorded",
    by="agentcore-samples",
)
@pytest.mark.parity("directoryPath, the older path, or neither", seen="recorded", by="agentcore-samples")
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


@pytest.mark.parity("The listing of a folder keeps its path in each URI", seen="recorded", by="strandly")
def test_a_listing_of_a_folder_keeps_its_path(invoke):
    invoke("writeFiles", content=[{"path": "a/b/c.txt", "text": ""}])

    assert [link["uri"] for link in invoke("listFiles", path="a/b")["content"]] == ["file:///a/b/c.txt"]


@pytest.mark.parity("removeFiles: `Successfully removed all 1 files`", seen="unrecorded")
@pytest.mark.parity("A file that is not there: isError, `File not found: …`, no resource", seen="unrecorded")
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


@pytest.mark.parity("An absolute path counts from the workspace; sources differ", seen="unrecorded")
@pytest.mark.parametrize("path", ["/notes.txt", "/opt/amazon/genesis1p-tools/var/notes.txt"])
def test_an_absolute_path_means_the_workspace(invoke, path):
    """Unrecorded: sources differ on absolute paths."""
    invoke("writeFiles", content=[{"path": path, "text": "n"}])

    assert invoke("readFiles", paths=["notes.txt"])["content"][0]["resource"]["text"] == "n"


@pytest.mark.parity(
    "readFiles with a missing file among others: what was found, and isError true", seen="unrecorded"
)
def test_what_was_found_is_returned_beside_what_was_not(invoke):
    """Unrecorded."""
    invoke("writeFiles", content=[{"path": "a.txt", "text": "here"}])

    result = invoke("readFiles", paths=["a.txt", "gone.txt"])

    assert [block["type"] for block in result["content"]] == ["resource", "text"]
    assert result["isError"]


@pytest.mark.parity(
    "writeFiles that fails in part: isError, `Failed to write 1 of 2 files: …`", seen="unrecorded"
)
def test_a_partial_failure_names_what_failed(invoke):
    """Unrecorded."""
    invoke("executeCommand", command="mkdir taken")

    result = invoke("writeFiles", content=[{"path": "ok", "text": ""}, {"path": "taken", "text": ""}])

    assert result["isError"]
    assert result["content"] == [text("Failed to write 1 of 2 files: taken: Is a directory")]


def test_fifty_megabytes_can_be_written(invoke):
    invoke("writeFiles", content=[{"path": "big.txt", "text": "é" * 25_000_000}])

    listed = invoke("executeCommand", command="stat -c %s big.txt")
    assert listed["structuredContent"]["stdout"] == "50000000\r\n"


def test_a_saved_plot_comes_back_as_a_png(invoke):
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.savefig('plots.png', dpi=50)"
    saved = invoke("executeCode", code=code)
    assert (saved["isError"], [block["type"] for block in saved["content"]]) == (False, [])

    [block] = invoke("readFiles", paths=["plots.png"])["content"]

    assert block["resource"]["mimeType"] == "image/png"
    image = base64.b64decode(block["resource"]["blob"])
    assert (image[:8], image[-8:-4]) == (b"\x89PNG\r\n\x1a\n", b"IEND")


@pytest.mark.parametrize(
    "name",
    [
        "naïve-NFC-é",
        "nai\u0308ve-NFD-e\u0301",
        "🎉👩\u200d🔬",
        "مرحبا",
        "中文 with spaces",
        "line\nbreak",
        "-rf",
        "a%2Fb",
    ],
)
def test_a_name_keeps_its_characters_as_they_were_sent(invoke, name):
    """No normal form, no escapes: NFC and NFD are two names."""
    path = f"names/{name}/{name}.txt"
    assert not invoke("writeFiles", content=[{"path": path, "text": name}])["isError"]

    [listed] = invoke("listFiles", directoryPath=f"names/{name}")["content"]
    assert (listed["name"], listed["uri"]) == (f"{name}.txt", f"file:///{path}")
    [block] = invoke("readFiles", paths=[path])["content"]
    assert (block["resource"]["uri"], block["resource"]["text"]) == (f"file:///{path}", name)
    code = f"import os; os.listdir('names') == [{name!r}]"
    assert invoke("executeCode", code=code)["structuredContent"]["stdout"] == "True"
    assert not invoke("removeFiles", paths=[path])["isError"]


@pytest.mark.parametrize(
    "content", ["\ufeffbom", "a\r\nb\rc\n", "\u2028\u2029\x85", "nul\0inside", "e\u0301", "  \n"]
)
def test_text_comes_back_character_by_character(invoke, content):
    invoke("writeFiles", content=[{"path": "text", "text": content}])

    [block] = invoke("readFiles", paths=["text"])["content"]

    assert block["resource"]["text"] == content


def test_a_lone_surrogate_in_a_text_is_written_as_a_question_mark(invoke):
    """Unrecorded: JSON can hold one, UTF-8 cannot."""
    invoke("writeFiles", content=[{"path": "text", "text": "a\ud800b"}])

    assert invoke("readFiles", paths=["text"])["content"][0]["resource"]["text"] == "a?b"


def test_a_name_that_is_no_unicode_is_listed_with_replacement_characters(invoke):
    """Unrecorded."""
    invoke("executeCommand", command="mkdir odd; touch $'odd/\\xff.txt'")

    assert [link["name"] for link in invoke("listFiles", path="odd")["content"]] == ["\ufffd.txt"]


def test_links_that_lead_nowhere_are_listed_as_files(invoke):
    """To themselves, to what is not there, to where nobody may look."""
    invoke(
        "executeCommand",
        command="mkdir links links/shut && cd links && ln -s loop loop && ln -s nothing nothing && "
        "ln -s shut/x shut-in && chmod 000 shut",
    )

    listed = invoke("listFiles", path="links")

    assert not listed["isError"], listed
    assert {link["name"]: link["description"] for link in listed["content"]} == {
        "loop": "File",
        "nothing": "File",
        "shut": "Directory",
        "shut-in": "File",
    }


def test_a_link_to_a_folder_of_the_workspace_is_followed(invoke):
    invoke("writeFiles", content=[{"path": "real/a.txt", "text": "1"}])
    invoke("executeCommand", command="ln -s real link; ln -s a.txt real/b.txt")

    invoke("writeFiles", content=[{"path": "link/b.txt", "text": "2"}])

    assert [block["resource"]["text"] for block in invoke("readFiles", paths=["real/a.txt"])["content"]] == [
        "2"
    ]
    assert {link["uri"] for link in invoke("listFiles", path="link")["content"]} == {
        "file:///link/a.txt",
        "file:///link/b.txt",
    }


def test_the_common_packages_can_be_listed_and_read(invoke):
    listed = invoke("listFiles", path="node_modules")["content"]
    assert {"axios", "cheerio", "lodash", "uuid", "zod"} <= {link["name"] for link in listed}

    [block] = invoke("readFiles", paths=["node_modules/lodash/package.json"])["content"]
    assert '"name": "lodash"' in block["resource"]["text"]
