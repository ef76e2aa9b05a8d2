"""ACCI-043."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.network import vpc
from interpreter_policies.view import Interpreter


class Dns(Rule):
    """In VPC mode, names are resolved behind a DNS firewall, and every query is logged."""

    id = "ACCI-043"
    title = "DNS of the VPC is filtered and logged"
    severity = "medium"
    why = "A name that is looked up carries data out, even where no connection may leave."
    fix = "Associate a Route 53 Resolver firewall rule group and a query logging configuration with the VPC."
    source = "AWS docs, Route 53 Resolver DNS Firewall"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode != "VPC":
            return passed("not in VPC mode")
        for kind, name in _ASSOCIATIONS.items():
            if not vpc.of_vpc(interpreter, kind, name):
                return failed(f"the VPC of its subnets has no {kind.rpartition(':')[2]}")
        return passed("DNS is filtered and logged")


_ASSOCIATIONS = {
    "AWS::Route53Resolver::FirewallRuleGroupAssociation": "VpcId",
    "AWS::Route53Resolver::ResolverQueryLoggingConfigAssociation": "ResourceId",
}
