"""The part of the MiniStack adapter for EC2: reads its records, and keeps what its API forgets.

`compatible` checks at every start that what is used here is there.
"""

import functools
import json
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import responses
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from interpreter_local.network import Attachment
from interpreter_local.network.vpc import Ec2
from interpreter_local.state import Scope

# See `compatible`.
USED: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (ec2, "_create_vpc_endpoint", ("p",)),
    (ec2, "_modify_vpc_endpoint", ("p",)),
    (ec2, "_vpce_fields_xml", ("ep", "tag")),
    (ec2, "_parse_ip_permissions", ("params", "prefix")),
    (ec2, "_parse_member_list", ("params", "prefix")),
    (ec2, "_p", ("params", "key")),
    (ec2, "_resolve_aws_pl_by_id", ("pl_id",)),
    (ec2, "_aws_pl_id_from_name", ("prefix_name",)),
    (ec2, "_ensure_defaults_initialized", ()),
    (ec2, "_allocate_address", ("p",)),
    (ec2, "_create_nat_gateway", ("params",)),
    (ec2, "_sg_rule_id", ("sg_id", "is_egress", "rule")),
    (provisioners, "_ec2_sg_permissions", ("rules",)),
    (provisioners, "_ec2_apply_tags", ("physical_id", "props")),
)
TABLES: tuple[tuple[Any, str], ...] = tuple(
    (ec2, name)
    for name in (
        "_vpcs",
        "_subnets",
        "_security_groups",
        "_route_tables",
        "_nat_gateways",
        "_addresses",
        "_internet_gateways",
        "_vpc_endpoints",
        "_prefix_lists",
        "_ACTION_MAP",
    )
)


def ec2_of(session: Attachment) -> Ec2:
    """The emulated EC2 of a session's account and region, as it is now."""
    return records(Scope(session.account, session.region, session.partition))


def records(scope: Scope) -> Ec2:
    """What the account has in the region now."""

    def prefix_list(identifier: str) -> tuple[str, ...] | None:
        with responses.request_scope(scope.account, scope.region):
            made = ec2._prefix_lists.get(identifier)
            kept = None if made else ec2._resolve_aws_pl_by_id(identifier)
        if made:
            return tuple(entry["Cidr"] for entry in made.get("Entries", ()))
        return (kept["Cidr"],) if kept else None

    def prefix_list_of(service: str) -> str:
        return str(ec2._aws_pl_id_from_name(f"com.amazonaws.{scope.region}.{service}"))

    with responses.request_scope(scope.account, scope.region):
        ec2._ensure_defaults_initialized()
        return Ec2(
            vpcs=dict(ec2._vpcs.items()),
            subnets=dict(ec2._subnets.items()),
            security_groups=dict(ec2._security_groups.items()),
            route_tables=dict(ec2._route_tables.items()),
            nat_gateways=dict(ec2._nat_gateways.items()),
            internet_gateways=dict(ec2._internet_gateways.items()),
            endpoints=dict(ec2._vpc_endpoints.items()),
            prefix_list=prefix_list,
            prefix_list_of=prefix_list_of,
        )


def install(wrap: Callable[[Any, str, Callable[..., Any]], None]) -> None:
    """Keeps a VPC endpoint's policy, groups and private DNS, and prefix lists in security group rules.

    MiniStack does from CloudFormation, and drops them from the API. The other way round it lacks what
    a template of a VPC with a NAT gateway has: four resource types and an attribute.
    """
    for action, method in (
        ("CreateVpcEndpoint", _create_endpoint),
        ("ModifyVpcEndpoint", _modify_endpoint),
    ):
        old = ec2._ACTION_MAP[action]
        ec2._ACTION_MAP[action] = lambda p, old=old, method=method: method(old, p)
    wrap(ec2, "_parse_ip_permissions", _ip_permissions)
    wrap(ec2, "_vpce_fields_xml", _endpoint_xml)
    vpc = provisioners._RESOURCE_HANDLERS["AWS::EC2::VPC"]
    for operation in ("create", "update"):
        vpc[operation] = functools.partial(_with_cidr_block, vpc[operation])
    provisioners._RESOURCE_HANDLERS.update(
        {
            "AWS::EC2::EIP": {"create": _address_create, "delete": _address_delete},
            "AWS::EC2::NatGateway": {"create": _nat_create, "delete": _nat_delete},
            "AWS::EC2::SecurityGroupEgress": _rule_handlers("IpPermissionsEgress", is_egress=True),
            "AWS::EC2::SecurityGroupIngress": _rule_handlers("IpPermissions", is_egress=False),
        }
    )


def _create_endpoint(old: Any, p: Any) -> Any:
    before = set(ec2._vpc_endpoints.keys())
    reply = old(p)
    for identifier in set(ec2._vpc_endpoints.keys()) - before:
        record = ec2._vpc_endpoints[identifier]
        if policy := ec2._p(p, "PolicyDocument"):
            record["PolicyDocument"] = policy
        record["SecurityGroupIds"] = ec2._parse_member_list(p, "SecurityGroupId")
        # Default: true for interface endpoints (EC2 API reference).
        record["PrivateDnsEnabled"] = (
            record["VpcEndpointType"] == "Interface" and ec2._p(p, "PrivateDnsEnabled").lower() != "false"
        )
    return reply


def _modify_endpoint(old: Any, p: Any) -> Any:
    reply = old(p)
    record = ec2._vpc_endpoints.get(ec2._p(p, "VpcEndpointId"))
    if record is not None:
        if ec2._p(p, "ResetPolicy").lower() == "true":
            record.pop("PolicyDocument", None)
        removed = set(ec2._parse_member_list(p, "RemoveSecurityGroupId"))
        kept = [one for one in record.get("SecurityGroupIds", ()) if one not in removed]
        added = ec2._parse_member_list(p, "AddSecurityGroupId")
        record["SecurityGroupIds"] = [*kept, *(one for one in added if one not in kept)]
        if private := ec2._p(p, "PrivateDnsEnabled"):
            record["PrivateDnsEnabled"] = private.lower() == "true"
    return reply


def _ip_permissions(old: Any, params: Any, prefix: str) -> Any:
    rules = old(params, prefix)
    for number, rule in enumerate(rules, start=1):
        index = 1
        while found := ec2._p(params, f"{prefix}.{number}.PrefixListIds.{index}.PrefixListId"):
            rule["PrefixListIds"].append({"PrefixListId": found})
            index += 1
    return rules


def _endpoint_xml(old: Any, ep: Any, tag: str = "item") -> str:
    groups = "".join(f"<item><groupId>{one}</groupId></item>" for one in ep.get("SecurityGroupIds") or ())
    private = "true" if ep.get("PrivateDnsEnabled") else "false"
    more = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>"
    policy = ep.get("PolicyDocument")
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        more += f"<policyDocument>{escape(text)}</policyDocument>"
    return re.sub(rf"</{tag}>$", lambda end: more + end[0], str(old(ep, tag=tag)).rstrip())


# Resource types, from the CloudFormation resource reference: what Ref gives, and the attributes. None of them
# is updated in place; a changed one is made anew, and CloudFormation deletes the old one.
Created = tuple[str, dict[str, str]]


def _with_cidr_block(old: Callable[..., Created], *args: Any, **kwargs: Any) -> Created:
    """`!GetAtt Vpc.CidrBlock`, which MiniStack does not have."""
    identifier, attributes = old(*args, **kwargs)
    return identifier, {**attributes, "CidrBlock": ec2._vpcs[identifier]["CidrBlock"]}


def _address_create(_logical_id: str, properties: dict[str, Any], _stack: str) -> Created:
    before = set(ec2._addresses.keys())
    ec2._allocate_address({"Domain": ["vpc"]})
    [allocation] = set(ec2._addresses.keys()) - before
    provisioners._ec2_apply_tags(allocation, properties)
    public = ec2._addresses[allocation]["PublicIp"]
    return public, {"AllocationId": allocation, "PublicIp": public}


def _address_delete(public: str, _properties: dict[str, Any]) -> None:
    for allocation, record in ec2._addresses.items():
        if record["PublicIp"] == public:
            del ec2._addresses[allocation]


def _nat_create(_logical_id: str, properties: dict[str, Any], _stack: str) -> Created:
    before = set(ec2._nat_gateways.keys())
    members = ("SubnetId", "AllocationId", "ConnectivityType")
    ec2._create_nat_gateway({name: [properties[name]] for name in members if name in properties})
    made = set(ec2._nat_gateways.keys()) - before
    if not made:
        raise ValueError(f"found {', '.join(properties) or 'no properties'}, expected SubnetId")
    [identifier] = made
    provisioners._ec2_apply_tags(identifier, properties)
    return identifier, {"NatGatewayId": identifier}


def _nat_delete(identifier: str, _properties: dict[str, Any]) -> None:
    ec2._nat_gateways.pop(identifier, None)
    ec2._tags.pop(identifier, None)


def _rule_handlers(member: str, *, is_egress: bool) -> dict[str, Callable[..., Any]]:
    def create(_logical_id: str, properties: dict[str, Any], _stack: str) -> Created:
        group = ec2._security_groups.get(properties.get("GroupId", ""))
        if group is None:
            raise ValueError(f"GroupId is {properties.get('GroupId')!r}, expected that of a security group")
        [rule] = provisioners._ec2_sg_permissions([properties])
        identifier = str(ec2._sg_rule_id(group["GroupId"], is_egress, rule))
        group[member].append({**rule, "SecurityGroupRuleId": identifier})
        return identifier, {"Id": identifier}

    def delete(identifier: str, properties: dict[str, Any]) -> None:
        group = ec2._security_groups.get(properties.get("GroupId", ""))
        if group is not None:
            group[member] = [one for one in group[member] if one.get("SecurityGroupRuleId") != identifier]

    return {"create": create, "delete": delete}
