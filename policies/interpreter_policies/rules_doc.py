"""Writes docs/rules.md from the rules: `python -m interpreter_policies.rules_doc`."""

from pathlib import Path

from .rules import all_rules

_HEAD = """\
# Rules

Generated from `policies/interpreter_policies/rules/` by `make docs`. `python scripts/check.py explain ID`
prints one of them. `baseline` is checked always; another profile (`--profile`) adds its own.

A rule answers pass, fail or unknown for each interpreter. Unknown counts as failed: a value that the template
does not tell, a policy that is kept elsewhere. A waiver in `fleet.yaml` (rule, reason, owner, until) lets a
waivable rule fail, or stay unknown, through its last day.

| rule | severity | asks that | profile | waivable |
|---|---|---|---|---|
"""


def text() -> str:
    """The whole document."""
    rules = all_rules()
    rows = [
        f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity} | {rule.title} "
        f"| {', '.join(sorted(rule.profiles))} | {'yes' if rule.waivable else 'no'} |"
        for rule in rules
    ]
    parts = [
        f"## {rule.id}\n\n{rule.__doc__}\n\n"
        f"- Why: {rule.why}\n- What to do: {rule.fix}\n- Source: {rule.source}\n"
        for rule in rules
    ]
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(parts)


if __name__ == "__main__":
    Path("docs/rules.md").write_text(text())
    print("wrote docs/rules.md")
