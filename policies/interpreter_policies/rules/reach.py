"""What the rules on permissions have in common: prove that a role stays within an envelope."""

from interpreter_policies.iam.document import Statement
from interpreter_policies.iam.proof import counterexample, describe
from interpreter_policies.rule import Outcome, failed, passed
from interpreter_policies.view import Interpreter


def within(interpreter: Interpreter, envelope: tuple[Statement, ...], proven: str) -> Outcome:
    """PASS with `proven` if the role allows nothing beyond the envelope, else FAIL with a request."""
    role = interpreter.role
    if role is None:
        return passed("has no execution role")
    shown = counterexample(role.permissions, envelope, within=role.limits)
    if shown is not None:
        return failed(f"the role allows {describe(shown)}")
    return passed(f"proven: {proven}")


def all_but(*actions: str) -> tuple[Statement, ...]:
    """The envelope that holds everything but these actions, in lower case."""
    return (Statement("Allow", not_actions=actions, resources=("*",)),)
