"""ACCI-040."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.network import vpc
from interpreter_policies.template import Template, UnresolvedError
from interpreter_policies.view import Interpreter


class Egress(Rule):
    """No security group of VPC mode that is in the templates lets everything out.

    Everything: no list of rules (AWS's default then), the VPC's default group, or a rule to public addresses
    shorter than /8 (IPv6: /16). A group that is kept elsewhere is ACCI-045's matter.
    """

    id = "ACCI-040"
    title = "security groups in the templates do not let everything out"
    severity = "high"
    why = "A network of one's own with an open door is PUBLIC by another name."
    fix = (
        "List SecurityGroupEgress: the endpoints' groups and prefix lists that the code needs, nothing else."
    )
    source = "AWS docs, security groups; the CDK's L2 opens all by default"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode != "VPC":
            return passed("not in VPC mode")
        known = vpc.places(interpreter.assembly, "AWS::EC2::SecurityGroup")
        judged = []
        for group in vpc.ids(interpreter, "SecurityGroups"):
            if group.endswith(".DefaultSecurityGroup>"):
                return failed(f"{group} lets everything out")
            if group not in known:
                continue
            template, logical_id = known[group]
            # An empty list is none: AWS's default of all stays (the CDK writes a rule that matches nothing).
            if not template.listed(vpc.properties((template, logical_id)).get("SecurityGroupEgress")):
                return failed(f"{logical_id} has no SecurityGroupEgress, and AWS lets everything out then")
            for where, rule in _rules(interpreter, (template, logical_id)):
                if opening := _opening(where, rule):
                    return failed(f"{logical_id} lets out to {opening}")
            judged.append(logical_id)
        return passed(f"{', '.join(judged) or 'no group in the templates'}: not open")


def _rules(interpreter: Interpreter, group: vpc.Place) -> Iterator[tuple[Template, dict[str, Any]]]:
    template, _ = group
    for rule in template.listed(vpc.properties(group).get("SecurityGroupEgress")):
        yield template, rule
    known = vpc.places(interpreter.assembly, "AWS::EC2::SecurityGroup")
    for place in vpc.all_of(interpreter, "AWS::EC2::SecurityGroupEgress"):
        if known.get(vpc.text_of(place, "GroupId")) == group:
            yield place[0], vpc.properties(place)


_OWN = [ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
_OWN6 = [ip_network("fc00::/7")]


def _opening(template: Template, rule: Any) -> str | None:
    """The addresses that a rule lets out to if they are too many."""
    if not isinstance(rule, dict):
        raise UnresolvedError(f"found {rule!r}, expected a rule of a security group")
    for name, shortest in (("CidrIp", 8), ("CidrIpv6", 16)):
        given = template.branch(rule.get(name))
        if given is None:
            continue
        text = template.text(given)
        if text.endswith((".CidrBlock>", ".Ipv6CidrBlocks>")):
            continue  # the VPC's own addresses
        try:
            network = ip_network(text, strict=False)
        except ValueError as error:
            raise UnresolvedError(f"{name} is {text}, which may be any network") from error
        if network.prefixlen < shortest and not _private(network):
            return text
    return None


def _private(network: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network):
        return any(isinstance(one, IPv4Network) and network.subnet_of(one) for one in _OWN)
    return any(isinstance(one, IPv6Network) and network.subnet_of(one) for one in _OWN6)
