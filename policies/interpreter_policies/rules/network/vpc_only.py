"""ACCI-002."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class VpcOnly(Rule):
    """The network mode is VPC."""

    id = "ACCI-002"
    title = "network mode is VPC"
    severity = "high"
    why = "Some organisations allow interpreters only in networks that they control and log."
    fix = "Set NetworkMode to VPC with subnets and security groups."
    source = "AWS Security Hub BedrockAgentCore.7"
    profiles = frozenset({"securityhub"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode == "VPC":
            return passed("NetworkMode is VPC")
        return failed(f"NetworkMode is {interpreter.network_mode}, expected VPC")
