"""ACCI-030."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.template import UnresolvedError
from interpreter_policies.view import Interpreter


class SessionDuration(Rule):
    """Credentials of the execution role last an hour at most."""

    id = "ACCI-030"
    title = "role sessions last an hour at most"
    severity = "medium"
    why = "Code in a session can carry the role's credentials away; they work elsewhere until they expire."
    fix = "Leave MaxSessionDuration out or at 3600."
    source = "AWS docs, CreateRole MaxSessionDuration"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if role is None:
            return passed("has no execution role")
        seconds = role.template.text(role.properties.get("MaxSessionDuration", 3600))
        if seconds.isdecimal() and int(seconds) <= 3600:
            return passed(f"MaxSessionDuration is {seconds}")
        if seconds.startswith("<"):
            raise UnresolvedError(f"MaxSessionDuration is {seconds}, which may be any number")
        return failed(f"MaxSessionDuration is {seconds}, expected 3600 at most")
