"""ACCI-031."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Condition, Statement
from interpreter_policies.rule import Outcome, Rule, passed
from interpreter_policies.rules.network import vpc
from interpreter_policies.rules.reach import within
from interpreter_policies.view import Interpreter


class Perimeter(Rule):
    """In VPC mode, the role's permissions hold inside the VPC only, or an SCP is told to see to it by tag."""

    id = "ACCI-031"
    title = "role works from inside the network only"
    severity = "high"
    why = "Code can read the credentials of the role and carry them out; outside they should be worthless."
    fix = "Deny what does not come from aws:SourceVpc or aws:SourceVpce, or tag the role dp:include:network."
    source = "AWS docs, data perimeters; data perimeter policy examples"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        role = interpreter.role
        if interpreter.network_mode != "VPC" or role is None:
            return passed("not in VPC mode, or without execution role")
        for tag in role.template.listed(role.properties.get("Tags")):
            if role.template.plain(tag) == {"Key": "dp:include:network", "Value": "true"}:
                return passed("the role is tagged dp:include:network")
        return within(interpreter, _inside(interpreter), "no permission outside the network")


def _inside(interpreter: Interpreter) -> tuple[Statement, ...]:
    """From its own VPC or one of that VPC's endpoints, or by a service on its behalf."""
    own = tuple(sorted(vpc.vpcs(interpreter)))
    endpoints = tuple(
        template.symbol(logical_id)
        for template, logical_id in vpc.of_vpc(interpreter, "AWS::EC2::VPCEndpoint", "VpcId")
    )
    conditions = [
        Condition("StringEquals", "aws:sourcevpc", own),
        Condition("Bool", "aws:viaawsservice", ("true",)),
        *([Condition("StringEquals", "aws:sourcevpce", endpoints)] if endpoints else []),
    ]
    return tuple(
        Statement("Allow", actions=("*",), resources=("*",), conditions=(one,)) for one in conditions
    )
