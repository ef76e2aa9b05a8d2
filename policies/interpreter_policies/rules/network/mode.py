"""ACCI-001."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class NetworkMode(Rule):
    """The network mode is written down and is not PUBLIC."""

    id = "ACCI-001"
    title = "network mode is declared and not PUBLIC"
    severity = "high"
    why = "Code that a model wrote, with the internet in reach, can carry out whatever its role can read."
    fix = "Set NetworkMode to SANDBOX or VPC; for PUBLIC add a waiver with reason, owner and end date."
    source = "AWS Security Hub BedrockAgentCore.7"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        mode = interpreter.network_mode
        if mode in ("SANDBOX", "VPC"):
            return passed(f"NetworkMode is {mode}")
        if mode is None:
            return failed("NetworkConfiguration has no NetworkMode, expected SANDBOX or VPC")
        return failed(f"NetworkMode is {mode}, expected SANDBOX or VPC")
