"""ACCI-080."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class Tags(Rule):
    """Tags say whose the interpreter is and what data it may see."""

    id = "ACCI-080"
    title = "tags name owner and class of data"
    severity = "medium"
    why = "Policies by tag, and whoever cleans up, go by them."
    fix = "Add the tags team (or owner, tenant) and data-class in fleet.yaml."
    source = "AWS service authorization reference: aws:ResourceTag on code-interpreter-custom"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        tags = interpreter.template.plain(interpreter.properties.get("Tags", {}))
        if isinstance(tags, list):
            tags = {one.get("Key"): one.get("Value") for one in tags if isinstance(one, dict)}
        if not isinstance(tags, dict):
            return failed(f"Tags are {tags!r}, expected names and values")
        for choices in _NEEDED:
            if not any(str(tags.get(name) or "").strip() for name in choices):
                return failed(f"has no tag {' or '.join(choices)}")
        return passed("tags name owner and class of data")


_NEEDED = (("team", "owner", "tenant"), ("data-class", "data-classification"))
