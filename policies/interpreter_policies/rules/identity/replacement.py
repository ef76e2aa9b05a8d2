"""ACCI-007."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class Replacement(Rule):
    """The interpreter can be replaced: its name is another one for another configuration."""

    id = "ACCI-007"
    title = "name allows the interpreter to be replaced"
    severity = "medium"
    why = "Nearly every change replaces it, and the new one is made before the old is removed: no name twice."
    fix = "End the name in a part that changes with the configuration, as the constructs do: <base>__<hash>."
    profiles = frozenset({"data-perimeter"})
    source = "CloudFormation registry schema, createOnlyProperties; CreateCodeInterpreter"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        name = interpreter.template.text(interpreter.properties.get("Name"))
        prefix = interpreter.id_pattern.removesuffix("*")
        if prefix.endswith("__") and name.startswith(prefix) and len(name) > len(prefix):
            return passed(f"name {name} is one generation of {prefix}")
        return failed(f"name {name} stays the same when the interpreter is replaced")
