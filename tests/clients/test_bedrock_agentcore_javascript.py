"""The npm packages: `bedrock-agentcore`, and `@aws-sdk/client-bedrock-agentcore` with its control plane.

What the SDK's own tests on the live service check (github.com/aws/bedrock-agentcore-sdk-typescript,
January 2026) is checked here too, in our words.
"""

import pytest

pytestmark = pytest.mark.aws

SDK = """
    import { CodeInterpreter } from "bedrock-agentcore/code-interpreter";
    const interpreter = new CodeInterpreter({ region: process.env.AWS_REGION });
"""


def test_sessions_are_started_read_listed_and_stopped(client_node):
    done = client_node(
        SDK
        + """
    const started = await interpreter.startSession(
      { sessionName: "node-session", description: "of a test", timeout: 1800 });
    const second = await interpreter.startSession().catch((error) => error.message);
    const got = await interpreter.getSession();
    const listed = await interpreter.listSessions({ status: "READY", maxResults: 100 });
    const page = await interpreter.listSessions({ maxResults: 1 });
    await interpreter.stopSession();
    await interpreter.stopSession();
    const none = await interpreter.getSession().catch((error) => error.message);
    const unnamed = await interpreter.startSession();
    await interpreter.stopSession();
    result = {
      dates: [started.createdAt, got.createdAt, got.lastUpdatedAt]
        .concat(listed.items.map((each) => each.lastUpdatedAt))
        .every((each) => each instanceof Date && !isNaN(each)),
      id: started.sessionId.length, second, none, page: page.items.length, default: unnamed.sessionName,
      got: [got.sessionId === started.sessionId, got.name, got.status, got.sessionTimeoutSeconds],
      statuses: [...new Set(listed.items.map((each) => each.status))],
      listed: listed.items.some((each) => each.sessionId === started.sessionId),
    };
        """
    )

    assert "already active" in done.pop("second")
    assert "must be provided" in done.pop("none")
    assert done == {
        "dates": True,
        "id": 26,
        "page": 1,
        "default": "default",
        "got": [True, "node-session", "READY", 1800],
        "statuses": ["READY"],
        "listed": True,
    }


def test_python_and_commands_run_and_state_is_kept(client_node):
    """The first call starts a session by itself."""
    hello, error, kept, imported, told, listing, summed = client_node(
        SDK
        + """
    result = [await interpreter.executeCode({ code: 'print("Hello")', language: "python" })];
    result.push(await interpreter.executeCode({ code: "1 / 0" }));
    await interpreter.executeCode({ code: "numbers = [1, 2, 3, 4, 5]" });
    await interpreter.executeCode({ code: "squared = [x**2 for x in numbers]" });
    result.push(await interpreter.executeCode({ code: "x = 42\\nprint(x)" }));
    result.push(await interpreter.executeCode({ code: 'import json\\nprint(json.dumps({"key": "value"}))' }));
    result.push(await interpreter.executeCommand({ command: 'echo "from a shell"' }));
    result.push(await interpreter.executeCommand({ command: "ls -la" }));
    result.push(await interpreter.executeCode({ code: "print(sum(squared))" }));
    await interpreter.stopSession();
        """
    )

    assert hello == "Hello"
    assert "ZeroDivisionError" in error
    assert (kept, imported, summed) == ("42", '{"key": "value"}', "55")
    assert "from a shell" in told
    assert " ..\r\n" in listing


def test_files_are_written_listed_read_and_removed(client_node):
    wrote, listed, read, made, described, removed, gone = client_node(
        SDK
        + """
    const files = [
      { path: "test.txt", content: "Hello World" },
      { path: "data.csv", content: "n,age\\nA,30\\nB,25" },
    ];
    result = [await interpreter.writeFiles({ files })];
    result.push(await interpreter.listFiles({ path: "." }));
    result.push(await interpreter.readFiles({ paths: ["test.txt", "data.csv"] }));
    await interpreter.executeCode({ code: "with open('out.txt', 'w') as f:\\n    f.write('Generated')" });
    result.push(await interpreter.readFiles({ paths: ["out.txt"] }));
    const code = "import pandas as pd\\nprint(pd.read_csv('data.csv').age.mean())";
    result.push(await interpreter.executeCode({ code }));
    result.push(await interpreter.removeFiles({ paths: ["test.txt"] }));
    result.push(await interpreter.readFiles({ paths: ["test.txt"] }));
    await interpreter.stopSession();
        """
    )

    assert wrote == "Successfully wrote all 2 files"
    assert "test.txt - File - text/plain (file:///test.txt)" in listed
    assert "Hello World" in read
    assert "n,age" in read
    assert made == "Generated"
    assert described == "27.5"
    assert removed
    assert "Hello World" not in gone


def test_the_aws_sdk_makes_uses_and_deletes_an_interpreter(client_node):
    done = client_node(
        """
    import {
      BedrockAgentCoreClient, GetCodeInterpreterSessionCommand, InvokeCodeInterpreterCommand,
      StartCodeInterpreterSessionCommand, StopCodeInterpreterSessionCommand,
    } from "@aws-sdk/client-bedrock-agentcore";
    import {
      BedrockAgentCoreControlClient, CreateCodeInterpreterCommand, DeleteCodeInterpreterCommand,
      GetCodeInterpreterCommand, ListTagsForResourceCommand, paginateListCodeInterpreters,
    } from "@aws-sdk/client-bedrock-agentcore-control";
    const control = new BedrockAgentCoreControlClient({});
    const data = new BedrockAgentCoreClient({});
    const name = `node${Date.now()}`;
    const made = await control.send(new CreateCodeInterpreterCommand(
      { name, networkConfiguration: { networkMode: "SANDBOX" }, tags: { team: "a" } }));
    const one = { codeInterpreterId: made.codeInterpreterId };
    const got = await control.send(new GetCodeInterpreterCommand(one));
    const resourceArn = made.codeInterpreterArn;
    const { tags } = await control.send(new ListTagsForResourceCommand({ resourceArn }));
    const found = [];
    const paging = { client: control, pageSize: 5 };
    for await (const page of paginateListCodeInterpreters(paging, { type: "CUSTOM" }))
      found.push(...page.codeInterpreterSummaries.map((each) => each.codeInterpreterId));
    const interpreter = { codeInterpreterIdentifier: made.codeInterpreterId };
    const { sessionId } = await data.send(new StartCodeInterpreterSessionCommand(interpreter));
    const session = { ...interpreter, sessionId };
    const invoke = async (name, args) => {
      const reply = await data.send(new InvokeCodeInterpreterCommand({ ...session, name, arguments: args }));
      const events = [];
      for await (const event of reply.stream) events.push(event);
      return { session: reply.sessionId, events };
    };
    const bytes = Uint8Array.from([0, 1, 2, 255, 254, 253]);
    await invoke("writeFiles", { content: [{ path: "b.bin", blob: bytes }] });
    const ran = await invoke("executeCode", { language: "python", code: "print(6 * 7)" });
    const read = await invoke("readFiles", { paths: ["b.bin"] });
    await data.send(new StopCodeInterpreterSessionCommand(session));
    const again = await data.send(new StopCodeInterpreterSessionCommand(session)).catch((error) => error);
    const after = await data.send(new GetCodeInterpreterSessionCommand(session));
    await control.send(new DeleteCodeInterpreterCommand(one));
    const gone = await control.send(new GetCodeInterpreterCommand(one)).catch((error) => error);
    result = {
      name: got.name === name, tags, found: found.includes(made.codeInterpreterId),
      same: ran.session === sessionId, events: ran.events.length,
      printed: ran.events[0].result.structuredContent.stdout,
      blob: Array.from(read.events[0].result.content[0].resource.blob),
      again: [again.name, again.$metadata.httpStatusCode], status: after.status,
      gone: [gone.name, gone.$metadata.httpStatusCode],
    };
        """
    )

    assert done == {
        "name": True,
        "tags": {"team": "a"},
        "found": True,
        "same": True,
        "events": 1,
        "printed": "42",
        "blob": [0, 1, 2, 255, 254, 253],
        "again": ["ConflictException", 409],
        "status": "TERMINATED",
        "gone": ["ResourceNotFoundException", 404],
    }
