"""ACCI-042."""

import re
from collections.abc import Sequence

from interpreter_policies.iam.document import Statement
from interpreter_policies.iam_resources import read
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.rules.network import vpc
from interpreter_policies.view import Interpreter


class Endpoint(Rule):
    """In VPC mode, Amazon S3 is reached through a gateway endpoint that is bound to own buckets."""

    id = "ACCI-042"
    title = "S3 endpoint of the VPC is bound to own buckets"
    severity = "high"
    why = "Through an endpoint that allows everything, code can write to anybody's bucket with their keys."
    fix = "Give the S3 gateway endpoint a policy with named buckets or aws:ResourceAccount."
    source = "AWS docs, gateway endpoints for Amazon S3; data perimeter policy examples"
    profiles = frozenset({"data-perimeter"})

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        if interpreter.network_mode != "VPC":
            return passed("not in VPC mode")
        endpoints = [
            one
            for one in vpc.of_vpc(interpreter, "AWS::EC2::VPCEndpoint", "VpcId")
            if vpc.text_of(one, "ServiceName").endswith(".s3")
        ]
        if not endpoints:
            if interpreter.storage is None:
                return passed("has no storage and no way to S3")
            return failed("the VPC of its subnets has no endpoint for S3")
        for template, logical_id in endpoints:
            document = vpc.properties((template, logical_id)).get("PolicyDocument")
            if template.branch(document) is None:
                return failed(f"endpoint {logical_id} has no policy, which allows everything")
            for statement in read(template, document):
                if statement.effect == "Allow" and not _bound(statement):
                    return failed(
                        f"endpoint {logical_id} allows {', '.join(statement.resources or ('all',))}"
                    )
        served = {
            template.text(table)
            for template, logical_id in endpoints
            for table in template.listed(vpc.properties((template, logical_id)).get("RouteTableIds"))
        }
        for subnet in vpc.subnets(interpreter):
            if vpc.route_table(interpreter, subnet) not in served:
                return failed(f"no S3 endpoint is in the route table of subnet {subnet[1]}")
        return passed(f"{', '.join(logical_id for _, logical_id in endpoints)}: bound to own buckets")


_NAMED = re.compile(r"arn:(<[^<>]+>|[^:])+:s3:[^:]*:[^:]*:[^*?/]+(/.*)?|<[^<>]+>(/.*)?")


def _bound(statement: Statement) -> bool:
    own = any(
        one.operator in ("StringEquals", "StringLike") and all(_OWN[one.key].fullmatch(v) for v in one.values)
        for one in statement.conditions
        if one.key in _OWN
    )
    return own or (bool(statement.resources) and all(_NAMED.fullmatch(one) for one in statement.resources))


# Another account's number, or a pattern of them, is no bound.
_OWN = {
    "aws:resourceaccount": re.compile(r"<AWS::AccountId>|\$\{aws:PrincipalAccount\}"),
    "aws:resourceorgid": re.compile(r"o-[a-z0-9]+|\$\{aws:PrincipalOrgID\}"),
}
