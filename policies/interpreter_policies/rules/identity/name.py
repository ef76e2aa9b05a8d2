"""ACCI-005."""

import re
from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.template import UnresolvedError
from interpreter_policies.view import Interpreter


class Name(Rule):
    """The name is one that the API takes."""

    id = "ACCI-005"
    title = "name is one that the API takes"
    severity = "medium"
    why = "The API refuses other names only when the deployment is under way."
    fix = "A letter, then letters, digits and underscores, 48 characters at most."
    source = "CreateCodeInterpreter API model"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        given = interpreter.properties.get("Name")
        if given is None:
            return failed(f"has no Name, expected {_NAME.pattern}")
        name = interpreter.template.text(given).replace("<AWS::AccountId>", "123456789012")
        if "<" in name and _NAME.fullmatch(_UNKNOWN.sub("a", name)):
            raise UnresolvedError(f"Name is {name}, which may have other characters or be too long")
        if _NAME.fullmatch(name):
            return passed(f"Name is {name}")
        return failed(f"Name is {name!r}, expected {_NAME.pattern}")


# Of these it is known that they have others: a hyphen, a dot, a colon.
_UNKNOWN = re.compile(r"<(?!AWS::(?:Region|Partition|URLSuffix|StackId)>)[^<>]+>")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,47}")
