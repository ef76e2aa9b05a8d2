"""ACCI-003."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class LiteralMode(Rule):
    """The network mode is written out, not computed at deployment."""

    id = "ACCI-003"
    title = "network mode is written out"
    severity = "medium"
    why = "A parameter can be given another value at deployment than the one that was checked."
    fix = "Write NetworkMode: SANDBOX (or VPC) itself, no Ref, Fn::If or Fn::FindInMap."
    source = "CloudFormation resource reference; the CDK's L2 is PUBLIC where nothing is said"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        configuration = interpreter.properties.get("NetworkConfiguration")
        mode = configuration.get("NetworkMode") if isinstance(configuration, dict) else None
        if isinstance(mode, str) and "{{resolve:" not in mode:
            return passed(f"NetworkMode is written out: {mode}")
        return failed(f"NetworkMode is {mode or configuration!r}, expected it written out")
