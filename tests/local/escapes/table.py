"""Which tier promises what, read from the tests beside this file: `python table.py` writes docs/security.md.

A row is a test's docstring, its columns the tiers that its mark `holds` names.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[2] / "docs/security.md"
TIERS = ("full", "rootless", "process")
BEGIN, END = "<!-- written by tests/local/escapes/table.py -->", "<!-- end -->"


def attempts() -> Iterator[tuple[str, list[tuple[str, tuple[str, ...]]]]]:
    """For each file of tests its docstring, and its attempts: what holds, and in which tiers."""
    for file in sorted(HERE.glob("test_*.py")):
        tree = ast.parse(file.read_text())
        found = [
            (ast.get_docstring(node) or node.name, tiers)
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and (tiers := _tiers(node))
        ]
        if found:
            yield (ast.get_docstring(tree) or file.name).splitlines()[0].rstrip("."), found


def table() -> str:
    """The attempts as Markdown, one table for each file."""
    lines = [BEGIN]
    for title, found in attempts():
        lines += ["", f"**{title}**", "", f"| | {' | '.join(TIERS)} |", "|---|---|---|---|"]
        for what, tiers in found:
            cells = ("holds" if tier in tiers else "not promised" for tier in TIERS)
            lines.append(f"| {' '.join(what.split())} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", END])


def document(text: str) -> str:
    """The document with today's table in it."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{DOCUMENT} has no place for the table: {BEGIN} … {END}")
    return f"{before}{table()}{after}"


def _tiers(test: ast.FunctionDef) -> tuple[str, ...]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "holds":
            return tuple(ast.literal_eval(argument) for argument in mark.args)
    return ()


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text()))
