"""ACCI-041."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.view import Interpreter


class TwoSubnets(Rule):
    """VPC mode has at least two subnets."""

    id = "ACCI-041"
    title = "VPC mode has at least two subnets"
    severity = "medium"
    why = "With one subnet the interpreter is gone when its availability zone is."
    fix = "Give subnets of at least two availability zones."
    source = "AWS docs, AgentCore in a VPC"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode != "VPC":
            return passed("not in VPC mode")
        config = interpreter.network.get("VpcConfig")
        subnets = config.get("Subnets", []) if isinstance(config, dict) else []
        found = sorted(set(subnets))
        return (
            passed(f"{len(found)} subnets")
            if len(found) > 1
            else failed(f"subnets are {found}, expected 2 or more")
        )
