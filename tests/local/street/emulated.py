"""An EC2 of one account as records, as small as a test needs it."""

from interpreter_local.network.vpc import Ec2

REGION = "eu-west-1"
CONFIG = {"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-session"]}
S3_LIST = "pl-s3"


def rule(protocol="tcp", ports=(443, 443), cidr=None, group=None, prefix_list=None):
    """One rule as EC2 describes it."""
    return {
        "IpProtocol": protocol,
        **({"FromPort": ports[0], "ToPort": ports[1]} if ports else {}),
        "IpRanges": [{"CidrIp": cidr}] if cidr else [],
        "UserIdGroupPairs": [{"GroupId": group}] if group else [],
        "PrefixListIds": [{"PrefixListId": prefix_list}] if prefix_list else [],
    }


EVERYTHING = rule("-1", None, "0.0.0.0/0")


def table(identifier, *routes, subnets=(), main=False, vpc="vpc-1"):
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    associations = [{"SubnetId": one} for one in subnets] + ([{"Main": True}] if main else [])
    return {
        "RouteTableId": identifier,
        "VpcId": vpc,
        "Routes": [local, *({"State": "active", **one} for one in routes)],
        "Associations": associations,
    }


def to(target, cidr="0.0.0.0/0"):
    member = {"nat-": "NatGatewayId", "igw-": "GatewayId", "vgw-": "GatewayId"}.get(target[:4])
    return {"DestinationCidrBlock": cidr, member or "VpcPeeringConnectionId": target}


def subnet(identifier, cidr, vpc="vpc-1"):
    return {"SubnetId": identifier, "VpcId": vpc, "CidrBlock": cidr}


def endpoint(service, kind="Interface", **members):
    return {
        "VpcEndpointId": "vpce-1",
        "VpcEndpointType": kind,
        "VpcId": "vpc-1",
        "ServiceName": f"com.amazonaws.{REGION}.{service}",
        "State": "available",
        "RouteTableIds": [],
        "SubnetIds": [],
        **members,
    }


def ec2(*egress_rules, tables=None, endpoints=(), groups=None, **members):
    """Two private subnets that lead to a NAT gateway in a public one, and one security group."""
    private = [
        table("rtb-private", to("nat-1"), subnets=["subnet-a", "subnet-b"]),
        table("rtb-public", to("igw-1"), subnets=["subnet-public"]),
        table("rtb-main", main=True),
    ]
    session = {"GroupId": "sg-session", "VpcId": "vpc-1", "IpPermissionsEgress": list(egress_rules)}
    found = {
        "vpcs": {"vpc-1": {"VpcId": "vpc-1"}, "vpc-2": {"VpcId": "vpc-2"}},
        "subnets": {
            one["SubnetId"]: one
            for one in (
                subnet("subnet-a", "10.0.1.0/24"),
                subnet("subnet-b", "10.0.2.0/24"),
                subnet("subnet-public", "10.0.9.0/24"),
                subnet("subnet-else", "10.0.1.0/24", "vpc-2"),
            )
        },
        "security_groups": {"sg-session": session, **(groups or {})},
        "route_tables": {one["RouteTableId"]: one for one in tables or private},
        "nat_gateways": {"nat-1": {"SubnetId": "subnet-public", "State": "available"}},
        "internet_gateways": {"igw-1": {"Attachments": [{"VpcId": "vpc-1"}]}},
        "endpoints": {one["VpcEndpointId"]: one for one in endpoints},
        "prefix_list": {S3_LIST: ("52.1.0.0/16",), "pl-mine": ("198.51.100.0/24",)}.get,
        "prefix_list_of": lambda service: f"pl-{service}",
    }
    return Ec2(**{**found, **members})
