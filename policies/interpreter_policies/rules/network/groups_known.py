"""ACCI-045."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.network import vpc
from interpreter_policies.view import Interpreter


class GroupsKnown(Rule):
    """Every security group of VPC mode is in the templates, so that ACCI-040 has judged it."""

    id = "ACCI-045"
    title = "security groups are in the templates"
    severity = "medium"
    why = "What a group lets out cannot be told from its id."
    fix = "Check the network's templates together with the fleet's, or waive it with who has looked."
    source = "AWS docs, security groups"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode != "VPC":
            return passed("not in VPC mode")
        known = vpc.places(interpreter.assembly, "AWS::EC2::SecurityGroup")
        for group in vpc.ids(interpreter, "SecurityGroups"):
            if group not in known and not group.endswith(".DefaultSecurityGroup>"):
                return failed(f"security group {group} is not in the templates")
        return passed("every security group is in the templates")
