"""Given this JavaScript or TypeScript, this result.

From the AWS docs: the runtimes, their module systems and the packages. Unrecorded: everything about errors,
state and exit codes.
"""

import asyncio

import pytest

from interpreter_local.sandbox import Capabilities, open_sandbox
from interpreter_local.sandbox.capabilities import CGROUPS
from interpreter_local.tools import ToolInputError
from interpreter_local.tools import invoke as invoke_tool

WAYS = [(language, runtime) for language in ("javascript", "typescript") for runtime in ("deno", "nodejs")]
PACKAGES = ("axios", "cheerio", "lodash", "uuid", "zod")

every_way = pytest.mark.parametrize(("language", "runtime"), WAYS)
either_runtime = pytest.mark.parametrize("runtime", ["deno", "nodejs"])


@pytest.fixture
def run(invoke):
    """`run(language, runtime, code)` → structuredContent; the three parts of a result agree."""

    def execute(language, runtime, code, **arguments):
        result = invoke("executeCode", language=language, runtime=runtime, code=code, **arguments)
        structured = result["structuredContent"]
        assert result["content"] == [
            {"type": "text", "text": structured[stream]}
            for stream in ("stdout", "stderr")
            if structured[stream]
        ]
        assert result["isError"] == (structured["exitCode"] != 0)
        assert structured["executionTime"] > 0
        return structured

    return execute


@pytest.mark.parity("console.log is stdout", seen="client", by="sdk-typescript")
@every_way
def test_console_log_is_stdout_and_console_error_stderr_without_an_error(run, language, runtime):
    done = run(
        language, runtime, "console.log('中文 🎉'); console.error('错误'); console.log({a: [1, {b: 2}]})"
    )

    assert done["stdout"] == "中文 🎉\n{ a: [ 1, { b: 2 } ] }"
    assert (done["stderr"], done["exitCode"]) == ("错误", 0)


@pytest.mark.parity(
    "deno runs JavaScript and TypeScript unless nodejs is asked for", seen="docs", by="runtime selection"
)
@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_deno_is_the_default(invoke, language):
    result = invoke("executeCode", language=language, code="console.log(typeof Deno)")

    assert result["structuredContent"]["stdout"] == "object"


@pytest.mark.parity("Node.js runs JavaScript as CommonJS", seen="docs", by="runtime selection")
def test_node_runs_javascript_as_commonjs(run):
    done = run("javascript", "nodejs", "console.log(typeof require, typeof module.exports, typeof Deno)")
    assert done["stdout"] == "function object undefined"

    refused = run("javascript", "nodejs", "import lodash from 'lodash'")
    assert refused["exitCode"] == 1
    assert "Cannot use import statement outside a module" in refused["stderr"]


@pytest.mark.parity("Node.js runs TypeScript as an ES module", seen="docs", by="runtime selection")
def test_node_runs_typescript_as_a_module(run):
    done = run(
        "typescript",
        "nodejs",
        "import fs from 'node:fs'; console.log(typeof fs.readFileSync, typeof require)",
    )

    assert done["stdout"] == "function undefined"


@pytest.mark.parametrize(
    ("language", "runtime"), [way for way in WAYS if way != ("javascript", "nodejs")], ids="-".join
)
def test_modules_wait_at_their_top_level(run, language, runtime):
    code = "const value = await new Promise(done => setTimeout(() => done(42), 5)); console.log(value)"

    assert run(language, runtime, code)["stdout"] == "42"


@either_runtime
def test_typescript_is_more_than_types_taken_away(run, runtime):
    code = (
        "enum Colour { Red = 1, Green }\n"
        "namespace Shapes { export const sides = 4 }\n"
        "class Point { constructor(public readonly x: number) {} }\n"
        "interface Named { name: string }\n"
        "const named: Named = { name: 'n' } satisfies Named\n"
        "console.log(Colour.Green, Shapes.sides, new Point(7).x, named.name as string)"
    )

    done = run("typescript", runtime, code)

    assert (done["stdout"], done["stderr"]) == ("2 4 7 n", "")


USE = (
    "console.log(axios.create === undefined, lodash.chunk([1, 2, 3], 2).length, uuid.v4().length, "
    "zod.z.string().parse('s'), cheerio.load('<b>t</b>')('b').text())"
)
REQUIRED = "".join(f"const {name} = require('{name}');" for name in PACKAGES)
IMPORTED = "import axios from 'axios'; import lodash from 'lodash';" + "".join(
    f"import * as {name} from '{name}';" for name in ("cheerio", "uuid", "zod")
)


@pytest.mark.parity("axios, lodash, uuid, zod and cheerio are there", seen="docs", by="runtime selection")
@pytest.mark.parametrize(
    ("language", "runtime", "imports"),
    [
        ("javascript", "nodejs", REQUIRED),
        ("typescript", "nodejs", IMPORTED),
        ("javascript", "deno", IMPORTED),
        ("typescript", "deno", IMPORTED),
        ("typescript", "deno", IMPORTED.replace("from '", "from 'npm:")),
    ],
    ids=["node-require", "node-import", "deno-javascript", "deno-typescript", "deno-npm"],
)
def test_the_documented_packages_are_there_without_a_network(run, language, runtime, imports):
    done = run(language, runtime, imports + USE)

    assert (done["stdout"], done["stderr"]) == ("false 2 36 s t", "")


@every_way
def test_a_package_that_is_not_there_is_an_error_at_once(run, language, runtime):
    code = "require('left-pad')" if (language, runtime) == ("javascript", "nodejs") else "import 'left-pad'"

    failed = run(language, runtime, code)

    assert failed["exitCode"] == 1
    assert "left-pad" in failed["stderr"]


@pytest.mark.parity(
    "An exception: the runtime's own text in stderr, exitCode 1, isError true", seen="unrecorded"
)
@every_way
def test_what_was_printed_before_an_uncaught_exception_stays(run, language, runtime):
    failed = run(language, runtime, "console.log('before');\nthrow new TypeError('on purpose é')")

    assert (failed["stdout"], failed["exitCode"]) == ("before", 1)
    assert "TypeError: on purpose é\n" in failed["stderr"]
    assert "\x1b" not in failed["stderr"]


@every_way
def test_an_unhandled_rejection_is_an_error(run, language, runtime):
    failed = run(
        language, runtime, "setTimeout(() => console.log('late'), 200); Promise.reject(new Error('no'))"
    )

    assert (failed["stdout"], failed["exitCode"]) == ("", 1)
    assert "Error: no" in failed["stderr"]


@every_way
def test_a_syntax_error_is_an_error(run, language, runtime):
    failed = run(language, runtime, "const x = ;")

    assert failed["exitCode"] == 1
    assert "SyntaxError" in failed["stderr"]


@every_way
@pytest.mark.parametrize(("code", "error"), [(0, False), (3, True)])
def test_a_program_may_choose_its_exit_code(invoke, language, runtime, code, error):
    result = invoke(
        "executeCode",
        language=language,
        runtime=runtime,
        code=f"console.log('out'); globalThis.process.exit({code})",
    )

    assert (result["structuredContent"]["exitCode"], result["isError"]) == (code, error)
    assert result["structuredContent"]["stdout"] == "out"


@pytest.mark.parity("No state is kept between calls in JavaScript and TypeScript", seen="unrecorded")
@either_runtime
def test_nothing_is_left_of_the_last_call_but_files(run, runtime):
    write = "globalThis.kept = 1; (await import('node:fs')).writeFileSync('kept.txt', 'on disk')"
    read = "console.log(typeof globalThis.kept, (await import('node:fs')).readFileSync('kept.txt', 'utf8'))"
    run("typescript", runtime, write)

    assert run("typescript", runtime, read)["stdout"] == "undefined on disk"


def test_all_languages_and_tools_share_the_workspace(invoke, run):
    invoke("writeFiles", content=[{"path": "lib/double.ts", "text": "export const d = (n: number) => 2 * n"}])
    code = "import { d } from './lib/double.ts'; Deno.writeTextFileSync('answer.txt', String(d(21)))"
    run("typescript", "deno", code)

    assert (
        invoke("executeCode", code="print(open('answer.txt').read())")["structuredContent"]["stdout"] == "42"
    )
    assert invoke("readFiles", paths=["answer.txt"])["content"][0]["resource"]["text"] == "42"


def test_code_of_a_session_runs_one_call_after_the_other_whatever_the_language(runner, sandbox):
    """Unrecorded. Commands run beside it."""
    python = "import time; open('log.txt', 'a').write('['); time.sleep(0.1); open('log.txt', 'a').write(']')"
    script = (
        "const fs = globalThis.process.getBuiltinModule('node:fs'); fs.appendFileSync('log.txt', '[');"
        "setTimeout(() => fs.appendFileSync('log.txt', ']'), 100)"
    )
    deno = {"language": "javascript", "runtime": "deno"}
    node = {"language": "javascript", "runtime": "nodejs"}

    async def together():
        calls = [({}, python), (deno, script), (node, script), ({}, python), (deno, script)]
        await asyncio.gather(*(sandbox.call("execute_code", code=code, **how) for how, code in calls))
        return await sandbox.call("execute_command", command="cat log.txt")

    assert runner.run(together())["output"] == "[]" * 5


def test_programs_leave_no_file_of_their_own(invoke, run):
    invoke("executeCode", code="pass")
    before = {link["name"] for link in invoke("listFiles")["content"]}
    for language, runtime in WAYS:
        run(language, runtime, "console.log(1)")

    assert {link["name"] for link in invoke("listFiles")["content"]} == before
    for folder in ("nodejs-js-execution", "nodejs-ts-execution"):
        assert invoke("listFiles", directoryPath=folder) == {"content": [], "isError": False}


@pytest.mark.parity(
    "A fresh workspace has node_modules, package.json and folders for the runtimes",
    seen="recorded",
    by="listing",
)
def test_a_fresh_workspace_shows_the_recorded_names(invoke):
    """`.ipython` appears with the kernel's first file."""
    listed = {link["name"]: link["description"] for link in invoke("listFiles")["content"]}
    listed.pop(".ipython", None)

    assert listed == {
        "log": "Directory",
        "node_modules": "Directory",
        "nodejs-js-execution": "Directory",
        "nodejs-ts-execution": "Directory",
        "package-lock.json": "File",
        "package.json": "File",
        "run": "Directory",
    }


def test_the_common_packages_cannot_be_changed(invoke, capabilities):
    if capabilities.tier == "process":
        pytest.skip("nothing protects them here")

    invoke("executeCommand", command="touch node_modules/mine; rm -rf node_modules/lodash/*")

    packages = capabilities.sandbox_python.parents[1] / "lib/nodejs/node_modules"
    assert not (packages / "mine").exists()
    assert (packages / "lodash/package.json").exists()


@either_runtime
def test_a_program_reads_end_of_file(run, runtime):
    code = "import fs from 'node:fs'; console.log(`[${fs.readFileSync(0, 'utf8')}]`)"

    assert run("typescript", runtime, code)["stdout"] == "[]"


@either_runtime
def test_a_program_that_left_a_process_behind_has_ended(run, runtime):
    code = (
        "import { spawn } from 'node:child_process';\n"
        "spawn('sleep', ['60'], { detached: true, stdio: 'inherit' }).unref();\nconsole.log('started')"
    )

    done = run("typescript", runtime, code)

    assert done["stdout"] == "started"
    assert done["executionTime"] < 30


@either_runtime
def test_a_killed_program_is_an_error_that_says_how_it_ended(run, runtime):
    killed = run("typescript", runtime, "console.log('said'); process.kill(process.pid, 'SIGKILL')")

    assert killed["exitCode"] == 137
    assert "process was killed (SIGKILL), perhaps for using more memory" in killed["stderr"]
    assert run("typescript", runtime, "console.log('next')")["stdout"] == "next"


@pytest.mark.slow
@either_runtime
def test_a_heap_that_grows_beyond_its_bound_ends_the_program(run, runtime):
    code = (
        "import v8 from 'node:v8'; v8.setFlagsFromString('--max-old-space-size=64');\n"
        "const a = []; while (true) a.push(new Array(1e6).fill(Math.random()));"
    )

    failed = run("typescript", runtime, code)

    assert failed["exitCode"] > 128
    assert "process was" in failed["stderr"]


@pytest.mark.slow
@either_runtime
def test_a_program_that_uses_up_the_sessions_memory_is_killed_and_the_session_goes_on(
    capabilities, limited, runtime
):
    if CGROUPS["memory"] not in capabilities.enforced:
        pytest.skip("no control group holds the memory of a session here")
    invoke = limited(memory_bytes=512 * 1024**2)
    arguments = {"language": "typescript", "runtime": runtime}
    code = (
        "import { Buffer } from 'node:buffer'; const a = []; while (true) a.push(Buffer.alloc(2 ** 24, 1));"
    )

    eaten = invoke("executeCode", code=code, **arguments)["structuredContent"]

    assert eaten["exitCode"] == 137
    assert "perhaps for using more memory than the session has" in eaten["stderr"]
    after = invoke("executeCode", code="console.log('next')", **arguments)
    assert after["structuredContent"]["stdout"] == "next"


@either_runtime
def test_output_that_no_event_can_carry_is_cut_and_says_so(run, runtime):
    done = run("typescript", runtime, "console.log('x'.repeat(30_000_000)); console.log('end')")

    assert 10_000_000 < len(done["stdout"]) < 12_600_000
    assert done["stdout"].endswith("[output truncated: more than one event can carry]")


@either_runtime
def test_large_output_on_both_streams_arrives_whole(run, runtime):
    done = run("typescript", runtime, "for (let i = 0; i < 20000; i++) { console.log(i); console.error(i) }")

    lines = list(map(str, range(20000)))
    assert done["stdout"].split("\n") == lines
    assert done["stderr"].split("\n") == lines


@every_way
def test_the_time_limit_ends_a_program_with_what_it_started(runner, sandbox, invoke, language, runtime):
    code = (
        "console.log('early'); const { spawn } = globalThis.process.getBuiltinModule('node:child_process');"
        "spawn('sleep', ['4713'], { detached: true }); while (true) {}"
    )

    done = runner.run(
        sandbox.call("execute_code", code=code, language=language, runtime=runtime, timeout=1.0)
    )

    assert (done["stdout"].strip(), done["exit_code"]) == ("early", 124)
    assert done["stderr"].strip() == "The execution was ended after 1 seconds"
    left = invoke("executeCommand", command="cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "sleep 4713" not in left["structuredContent"]["stdout"]


@pytest.mark.parity("A runtime of another language: ValidationException 400", seen="unrecorded")
@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"language": "python", "runtime": "nodejs"}, "arguments.runtime"),
        ({"language": "python", "runtime": "deno"}, "arguments.runtime"),
        ({"runtime": "deno"}, "arguments.runtime"),
        ({"language": "javascript", "runtime": "python"}, "arguments.runtime"),
        ({"language": "typescript", "runtime": "python"}, "arguments.runtime"),
        ({"language": "javascript", "clearContext": True}, "arguments.clearContext"),
        ({"language": "typescript", "runtime": "nodejs", "clearContext": True}, "arguments.clearContext"),
    ],
)
def test_what_does_not_fit_the_language_is_refused(invoke, arguments, field):
    with pytest.raises(ToolInputError) as raised:
        invoke("executeCode", code="1", **arguments)

    assert raised.value.field == field


def test_clear_context_false_fits_every_language(run):
    """The Python SDK always sends it."""
    assert run("javascript", "deno", "console.log(1)", clearContext=False)["stdout"] == "1"


def test_code_with_a_lone_surrogate_is_an_error_or_printed_but_never_a_fault(run):
    assert run("javascript", "nodejs", "console.log('\ud800'.length)")["stdout"] == "1"


def test_a_workspace_that_the_session_spoiled_is_an_error_that_says_so(invoke, run):
    invoke("executeCommand", command="rmdir nodejs-js-execution; touch nodejs-js-execution")

    failed = run("javascript", "nodejs", "console.log(1)")

    assert failed["exitCode"] == 1
    assert failed["stderr"].startswith("Node.js could not be run: ")
    assert run("javascript", "deno", "console.log(1)")["stdout"] == "1"


@every_way
def test_every_language_runs_where_nothing_is_isolated(runner, home, capabilities, language, runtime):
    bare = Capabilities("process", (), (), capabilities.sandbox_python)
    sandbox = runner.run(open_sandbox("bare", home=home, network_mode="SANDBOX", capabilities=bare))
    arguments = {"language": language, "runtime": runtime}
    code = f"{IMPORTED if language == 'typescript' or runtime == 'deno' else REQUIRED}{USE}"
    try:
        done = runner.run(invoke_tool(sandbox, "executeCode", {**arguments, "code": code}))
    finally:
        runner.run(sandbox.close())

    assert done["structuredContent"]["stdout"] == "false 2 36 s t"
