"""Writes docs/parity.md: what the endpoint's tests say of the service, and how each of it is known.

`python tests/parity.py` writes it, `--check` exits 1 if it is not current. A test says it with one or more
`@pytest.mark.parity("a behaviour", seen="recorded", by="agentcore_demo")`; they are read from the source, so
nothing is run.
"""

import ast
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/parity.md"

# Who saw the service do it, and when. Names are public repositories on GitHub unless they say something else.
SOURCES = {
    "agentcore_demo": "xiehust/agentcore_demo, about 500 API records from the China regions, September 2026",
    "agentcore-samples": "awslabs/amazon-bedrock-agentcore-samples, notebooks run in us-west-2, July 2025",
    "mcp-server": "findings of a code interpreter MCP server, us-west-2, August 2026",
    "spike": "report on a spike with the Python SDK 1.21.0, us-west-2, August 2026",
    "cwe": "fixtures copied from replies by the project cwe, September 2026",
    "network-probe": "a network probe in Tokyo, October 2026",
    "listing": "a README with the output of pwd, ls and uname, March 2026",
    "aws-agentcore-sandbox": "notes of the project aws-agentcore-sandbox",
    "hackerone": "HackerOne report 3633146 on the sandbox's network",
    "pwning": "BeyondTrust/pwning-agentcore-code-interpreter, 2025",
    "strandly": "a test of strandly_harness",
    "sdk-python": "aws/bedrock-agentcore-sdk-python, tests on the live service, August 2026",
    "sdk-typescript": "aws/bedrock-agentcore-sdk-typescript, tests on the live service, January 2026",
    "langchain-aws": "langchain-ai/langchain-aws, tests on the live service, August 2026",
    "dynamiq": "dynamiq-ai/dynamiq, tests on the live service",
}
# How a behaviour is known, from the best to the worst.
SEEN = {
    "recorded": "recorded on AWS",
    "client": "checked on AWS by a client's own tests",
    "docs": "AWS documentation",
    "model": "API model",
    "unrecorded": "unrecorded proposal",
}
NEEDS_SOURCE = {"recorded", "client"}
AREAS = {
    "service/test_control_plane.py": "Interpreters",
    "service/test_sessions.py": "Sessions and invocations",
    "service/test_inside.py": "What code finds in a session",
    "service/test_iam.py": "Permissions",
    "tools/test_execute_code.py": "executeCode",
    "tools/test_commands.py": "executeCommand and tasks",
    "tools/test_files.py": "Files",
    "tools/test_languages.py": "JavaScript and TypeScript",
    "tools/test_packages.py": "Packages",
    "tools/test_hostile_paths.py": "Hostile paths",
    "tools/test_payload.py": "Large results",
    "tools/test_arguments.py": "Arguments",
    "network/test_names.py": "Names in a session",
    "network/test_metadata.py": "Credentials in a session",
    "network/test_s3_from_inside.py": "S3 from a session",
    "service/test_limits.py": "Limits",
    "service/test_rates.py": "Request rates",
    "service/test_metrics.py": "Metrics",
    "service/test_trail.py": "CloudTrail",
}

_HEAD = """\
# How near the endpoint is to the service

Generated from the tests by `make docs`; do not edit. Each line is a behaviour of the local endpoint that a
test holds, and how it is known that the service behaves so:

{counts}

What is *unrecorded* is a proposal: nobody has published what the service does. Assert nothing on it in code
that must run on AWS. Tests marked `aws` run there unchanged ([CONTRIBUTING.md](../CONTRIBUTING.md)); the
first run that contradicts a line changes it. Replies of every operation and tool are judged by AWS's own
models as well (`tests/modelled.py`), and other people's clients run unchanged (`tests/clients/`).
"""
_TAIL = """\
## Who recorded it

{sources}

Most records are replies as boto3 parsed them: the order of keys on the wire, and whether an absent member is
`null` there, are not known from them. The richest source is of the China regions; where it and the samples
from us-west-2 show the same fields, they agree.
"""


@dataclass(frozen=True)
class Behaviour:
    """One mark: what holds, how that is known, by whom, and the test that holds it."""

    text: str
    seen: str
    by: str | None
    test: str
    area: str


def behaviours(folder: Path) -> list[Behaviour]:
    """Every mark of the tests below a folder; ValueError for one that is not whole."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        area = "/".join(path.parts[-2:])
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                found += [
                    _read(mark, node.name, path, area) for mark in node.decorator_list if _is_parity(mark)
                ]
    return found


def _is_parity(mark: ast.expr) -> bool:
    return ast.unparse(mark).startswith("pytest.mark.parity")


def _read(mark: ast.expr, test: str, path: Path, area: str) -> Behaviour:
    where = f"{path.name}: {test}"
    if not isinstance(mark, ast.Call) or len(mark.args) != 1:
        raise ValueError(f"{where}: found {ast.unparse(mark)}, expected parity(behaviour, seen=…, by=…)")
    text = ast.literal_eval(mark.args[0])
    given = {each.arg: ast.literal_eval(each.value) for each in mark.keywords}
    seen, by = given.pop("seen", None), given.pop("by", None)
    if given or seen not in SEEN:
        raise ValueError(f"{where}: found {given or seen!r}, expected seen= one of {', '.join(SEEN)}")
    if seen in NEEDS_SOURCE and by not in SOURCES:
        raise ValueError(f"{where}: found by={by!r}, expected one of {', '.join(SOURCES)}")
    if seen not in NEEDS_SOURCE and by is not None and seen != "docs":
        raise ValueError(f"{where}: by={by!r} with seen={seen!r}")
    if area not in AREAS:
        raise ValueError(f"{where}: {area} has no heading, expected one of {', '.join(AREAS)}")
    return Behaviour(text, seen, by, test, area)


def document(found: list[Behaviour]) -> str:
    """The page."""
    counts = Counter(each.seen for each in found)
    sections = [
        _HEAD.format(counts="\n".join(f"- *{meaning}*: {counts[seen]}" for seen, meaning in SEEN.items()))
    ]
    for area, heading in AREAS.items():
        rows = sorted(
            (each for each in found if each.area == area), key=lambda each: list(SEEN).index(each.seen)
        )
        if not rows:
            continue
        table = [f"| {_cell(each.text)} | {_known(each)} | `{each.test}` |" for each in rows]
        head = [
            f"## {heading}",
            "",
            f"`tests/local/{area}`",
            "",
            "| behaviour | known from | test |",
            "|---|---|---|",
        ]
        sections.append("\n".join([*head, *table]) + "\n")
    used = {each.by for each in found if each.seen in NEEDS_SOURCE}
    sources = "\n".join(f"- **{key}**: {text}" for key, text in SOURCES.items() if key in used)
    sections.append(_TAIL.format(sources=sources))
    return "\n".join(sections)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _known(one: Behaviour) -> str:
    return SEEN[one.seen] + (f" ({one.by})" if one.by else "")


def main(argv: list[str]) -> int:
    """0 if written or current, 1 if not current."""
    page = document(behaviours(ROOT / "tests/local"))
    if "--check" in argv:
        current = DOCUMENT.exists() and DOCUMENT.read_text() == page
        print("current" if current else "docs/parity.md is not current: run `make docs`")
        return 0 if current else 1
    DOCUMENT.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
