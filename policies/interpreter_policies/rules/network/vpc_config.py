"""ACCI-004."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.template import Parts
from interpreter_policies.view import Interpreter


class VpcConfig(Rule):
    """VPC mode has subnets and security groups; the other modes have none."""

    id = "ACCI-004"
    title = "VPC configuration belongs to VPC mode"
    severity = "high"
    why = "The API refuses other combinations, but no schema does: the deployment would fail half way."
    fix = "Give VpcConfig with NetworkMode VPC and only then."
    source = "CloudFormation resource reference; CreateCodeInterpreter API model"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        mode, config = interpreter.network_mode, interpreter.network.get("VpcConfig")
        if mode != "VPC":
            return (
                failed(f"VpcConfig is there with NetworkMode {mode}")
                if config
                else passed(f"{mode} without VpcConfig")
            )
        for name in ("Subnets", "SecurityGroups"):
            found = config.get(name) if isinstance(config, dict) else None
            if isinstance(found, Parts):
                continue  # some that are there, as the parameter's type has it
            if not isinstance(found, list) or not 1 <= len(found) <= _MOST:
                return failed(f"VpcConfig.{name} is {found!r}, expected 1 to {_MOST}")
        return passed("VpcConfig has subnets and security groups")


_MOST = 16  # API model
