"""ACCI-060."""

import re
from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.callers.reading import (
    SESSION_ACTIONS,
    callers,
    granting,
    known_grant,
    refuse_unread,
)
from interpreter_policies.view import Interpreter


class CallersNameIt(Rule):
    """Whoever may start or use sessions names the interpreters, one by one."""

    id = "ACCI-060"
    title = "callers name the interpreters they use"
    severity = "high"
    why = "With `*`, a caller holds the execution role of every interpreter, of those to come as well."
    fix = "Grant sessions on code-interpreter-custom ARNs; `:code-interpreter/` is the managed interpreter."
    source = "AWS service authorization reference, AgentCore; security-credentials-management"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        found = []
        identities = list(callers(interpreter.assembly))
        for identity in identities:
            if granted := known_grant(identity):
                return failed(f"{identity.title} may use every interpreter by {granted}")
            for statement in granting(identity, SESSION_ACTIONS):
                if statement.not_actions or statement.not_resources:
                    return failed(f"{identity.title} may use interpreters by NotAction or NotResource")
                for resource in statement.resources:
                    if not _NAMED.fullmatch(resource):
                        return failed(f"{identity.title} may use {resource}, expected a custom interpreter")
                found.append(identity.title)
        for identity in identities:
            refuse_unread(identity)
        return passed(
            f"named by {', '.join(dict.fromkeys(found))}" if found else "no caller in the templates"
        )


_PART = r"(<[^<>]+>|[^:])*"
_NAMED = re.compile(
    rf"arn:{_PART}:bedrock-agentcore:{_PART}:{_PART}:code-interpreter-custom/([^*?$]+|[^*?$]+(__|-)[*?]+)|<[^<>]+Arn>"
)
