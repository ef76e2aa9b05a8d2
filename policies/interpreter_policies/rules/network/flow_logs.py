"""ACCI-044."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.network import vpc
from interpreter_policies.view import Interpreter


class FlowLogs(Rule):
    """In VPC mode, the VPC logs all its traffic."""

    id = "ACCI-044"
    title = "VPC logs its traffic"
    severity = "medium"
    why = "Without a log nobody can say afterwards where code has connected to."
    fix = "Add AWS::EC2::FlowLog for the VPC with TrafficType ALL."
    source = "AWS docs, VPC flow logs; AWS Security Hub BedrockAgentCore.7"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode != "VPC":
            return passed("not in VPC mode")
        logs = vpc.of_vpc(interpreter, "AWS::EC2::FlowLog", "ResourceId")
        whole = [
            one for one in logs if (vpc.text_of(one, "ResourceType"), vpc.text_of(one, "TrafficType")) == _ALL
        ]
        if not whole:
            return failed("the VPC of its subnets has no flow log of all traffic")
        return passed(f"{whole[0][1]} logs all traffic")


_ALL = ("VPC", "ALL")
