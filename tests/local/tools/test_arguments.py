"""Given these arguments, this refusal: what becomes a ValidationException, and what an error of the tool."""

import pytest

from interpreter_local.tools import NAMES, ToolInputError


def test_there_are_nine_tools():
    assert len(NAMES) == 9


@pytest.mark.parity("Arguments are checked as the model says: ValidationException 400", seen="model")
@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("noSuchTool", {}, "name"),
        ("executeCode", {"code": 1}, "arguments.code"),
        ("executeCode", {"code": "1", "language": "ruby"}, "arguments.language"),
        ("executeCode", {"code": "1", "runtime": "bun"}, "arguments.runtime"),
        ("executeCode", {"code": "1", "clearContext": "yes"}, "arguments.clearContext"),
        ("executeCommand", {"command": ["ls"]}, "arguments.command"),
        ("executeCommand", {"command": "echo a\0b"}, "arguments.command"),
        ("startCommandExecution", {"command": "echo a\0b"}, "arguments.command"),
        ("readFiles", {"paths": "a"}, "arguments.paths"),
        ("readFiles", {"paths": ["a", 1]}, "arguments.paths[1]"),
        ("writeFiles", {"content": ["a"]}, "arguments.content[0]"),
        ("writeFiles", {"content": [{"text": "a"}]}, "arguments.content[0].path"),
        ("writeFiles", {"content": [{"path": "a"}]}, "arguments.content[0]"),
        ("writeFiles", {"content": [{"path": "a", "text": "a", "blob": "YQ=="}]}, "arguments.content[0]"),
        ("writeFiles", {"content": [{"path": "a", "blob": "%"}]}, "arguments.content[0].blob"),
    ],
)
def test_a_wrong_type_or_value_names_its_field(invoke, tool, arguments, field):
    with pytest.raises(ToolInputError) as raised:
        invoke(tool, **arguments)

    assert raised.value.field == field
    assert raised.value.message


@pytest.mark.parity("A missing argument is a failed call: isError", seen="unrecorded")
@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("executeCode", "code"),
        ("executeCommand", "command"),
        ("startCommandExecution", "command"),
        ("getTask", "taskId"),
        ("stopTask", "taskId"),
        ("writeFiles", "content"),
        ("readFiles", "paths"),
        ("removeFiles", "paths"),
    ],
)
def test_a_missing_argument_is_a_failed_call(invoke, tool, name):
    """Unrecorded."""
    assert invoke(tool) == {
        "content": [{"type": "text", "text": f"Missing required argument: {name}"}],
        "isError": True,
    }


@pytest.mark.parity("Arguments that a tool does not know are ignored", seen="model")
def test_arguments_that_a_tool_does_not_know_are_ignored(invoke):
    assert not invoke("executeCommand", command="true", code="ignored")["isError"]
