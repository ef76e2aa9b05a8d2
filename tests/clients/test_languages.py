"""JavaScript and TypeScript, asked for as the SDKs for Python and JavaScript do."""

import pytest

pytestmark = pytest.mark.aws

CODE = {
    "javascript": 'console.log("Hello from JavaScript!".length)',
    "typescript": "const x: number = 22; console.log(x);",
}


@pytest.mark.parametrize("language", CODE)
def test_the_python_sdk_runs_them(client_python, language):
    assert (
        client_python(
            """
        import os
        from bedrock_agentcore.tools.code_interpreter_client import code_session
        with code_session(os.environ["AWS_REGION"]) as client:
            [event] = client.execute_code(program, language=language)["stream"]
        result = event["result"]["structuredContent"]["stdout"]
        """,
            program=CODE[language],
            language=language,
        )
        == "22"
    )


@pytest.mark.parametrize("language", CODE)
def test_the_javascript_sdk_runs_them(client_node, language):
    assert (
        client_node(
            f"""
        import {{ CodeInterpreter }} from "bedrock-agentcore/code-interpreter";
        const interpreter = new CodeInterpreter({{ region: process.env.AWS_REGION }});
        result = await interpreter.executeCode({{ language: "{language}", code: `{CODE[language]}` }});
        await interpreter.stopSession();
        """
        )
        == "22"
    )
