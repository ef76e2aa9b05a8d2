"""ACCI-041."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.network import vpc
from interpreter_policies.view import Interpreter


class TwoSubnets(Rule):
    """VPC mode has at least two subnets, in two zones, without a route to the internet.

    Zones and routes are looked at for subnets that are in the templates.
    """

    id = "ACCI-041"
    title = "VPC mode has at least two private subnets"
    severity = "medium"
    why = (
        "With one zone the interpreter is gone when that is; a public subnet gives its interfaces no address."
    )
    fix = "Give private subnets of at least two availability zones."
    source = "AWS docs, AgentCore in a VPC"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode != "VPC":
            return passed("not in VPC mode")
        found = sorted(set(vpc.ids(interpreter, "Subnets")))
        if len(found) < 2:
            return failed(f"subnets are {found}, expected 2 or more")
        known = vpc.places(interpreter.assembly, "AWS::EC2::Subnet")
        judged = [known[one] for one in found if one in known]
        zones = {vpc.text_of(one, "AvailabilityZone") for one in judged}
        if len(judged) == len(found) and len(zones) == 1 and "" not in zones:
            return failed(f"all subnets are in {zones.pop()}")
        for place in judged:
            if vpc.text_of(place, "MapPublicIpOnLaunch") == "true" or _is_public(interpreter, place):
                return failed(f"subnet {place[1]} is public")
        return passed(f"{len(found)} subnets")


def _is_public(interpreter: Interpreter, subnet: vpc.Place) -> bool:
    """Whether a route of the subnet's table leads to an internet gateway."""
    table = vpc.route_table(interpreter, subnet)
    return bool(table) and any(
        vpc.text_of(route, "RouteTableId") == table and _leads_out(vpc.text_of(route, "GatewayId"), gateways)
        for gateways in [
            {
                template.symbol(text)
                for template, logical_id in vpc.all_of(interpreter, "AWS::EC2::InternetGateway")
                for text in (logical_id, f"{logical_id}.InternetGatewayId")
            }
        ]
        for route in vpc.all_of(interpreter, "AWS::EC2::Route")
    )


def _leads_out(gateway: str, known: set[str]) -> bool:
    return gateway in known or gateway.startswith("igw-")
