"""ACCI-071."""

from collections.abc import Sequence
from dataclasses import replace

from interpreter_policies.iam.document import Statement
from interpreter_policies.iam.evaluator import names
from interpreter_policies.iam.proof import describe, overlap
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter, Role


class SharedFiles(Rule):
    """No file system can be mounted by two interpreters: proven for every pair."""

    id = "ACCI-071"
    title = "no file system is shared by two interpreters"
    severity = "high"
    why = "A mount is shared between sessions; between two interpreters it is a way from one to the other."
    fix = "Give each role an access point of its own."
    source = "AWS docs, AgentCore file systems"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        mine = _mounts(role) if role is not None else ()
        if role is None or not mine:
            return passed("the role mounts nothing")
        for other in fleet:
            theirs = None if other is interpreter else other.role
            if theirs is None or theirs.arns == role.arns:
                continue
            shared = overlap({"": mine, other.title: _mounts(theirs)})
            if shared is not None:
                return failed(f"{other.title} may {describe(shared[2])} as well")
        return passed("what the role mounts is its own")


_ACTIONS = (
    "elasticfilesystem:clientmount",
    "elasticfilesystem:clientwrite",
    "elasticfilesystem:clientrootaccess",
)


def _mounts(role: Role) -> tuple[Statement, ...]:
    """The role's statements as far as they are about mounting."""
    found = []
    for one in role.permissions:
        about = tuple(action for action in _ACTIONS if names(one.actions, one.not_actions, action))
        if about:
            found.append(replace(one, actions=about, not_actions=()))
    return tuple(found)
