"""VPC mode: what the emulated EC2's security groups, route tables and endpoints let a session reach.

A session's network interface stands in one of the interpreter's subnets, AWS chooses which. So something is
reached here only if it would be from each of them. Rules are read anew for each flow and request: a change
holds for the next one, while what is open stays open, as security groups track connections (AWS docs).

`NOT_ENFORCED` is what no rule here looks at.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from .packets import Flow

NOT_ENFORCED = (
    "in VPC mode: network ACLs, inbound rules but those of interface endpoints; never reached: addresses "
    "within the VPC, endpoints under their own names, what peering, transit, VPN and instance routes lead to"
)
HTTPS = 443
_ANYWHERE = IPv4Network("0.0.0.0/0")
# Services whose host name and endpoint service name differ in more than the region ("AWS services that
# integrate with AWS PrivateLink", AWS docs).
_ENDPOINT_NAMES = {"api.ecr": "ecr.api"}
_PROTOCOL_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp"}
_ECHO_REQUEST = 8

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Ec2:
    """The emulated EC2 of one account and region: records by id, members named as EC2's Describe calls do.

    `prefix_list` gives the CIDRs of a prefix list's id, None for an unknown one; `prefix_list_of` the id of
    the list that AWS keeps for a service ("s3").
    """

    vpcs: Mapping[str, Record]
    subnets: Mapping[str, Record]
    security_groups: Mapping[str, Record]
    route_tables: Mapping[str, Record]
    nat_gateways: Mapping[str, Record]
    internet_gateways: Mapping[str, Record]
    endpoints: Mapping[str, Record]
    prefix_list: Callable[[str], tuple[str, ...] | None]
    prefix_list_of: Callable[[str], str]


@dataclass(frozen=True)
class Path:
    """How a request reaches an AWS service: over an endpoint of the VPC and its policy, or a NAT gateway.

    `policy` is a JSON document, None where the endpoint has the default one, which allows everything.
    """

    vpc: str = ""
    endpoint: str = ""
    policy: str | None = None


@dataclass(frozen=True)
class Refused:
    """Why something is not reached."""

    reason: str


def problems(ec2: Ec2, config: Record) -> list[tuple[str, str]]:
    """What is wrong with a `vpcConfig`, as (field, message): all of it must exist, and in one VPC.

    The texts are unrecorded.
    """
    at = "networkConfiguration.vpcConfig"
    found: list[tuple[str, str]] = []
    vpcs: dict[str, str] = {}
    for member, records in (("subnets", ec2.subnets), ("securityGroups", ec2.security_groups)):
        for index, identifier in enumerate(config[member]):
            record = records.get(identifier)
            if record is None:
                found.append((f"{at}.{member}[{index}]", f"{identifier} does not exist"))
                continue
            first = vpcs.setdefault(record["VpcId"], identifier)
            if len(vpcs) > 1:
                other, other_vpc = next((one, vpc) for vpc, one in vpcs.items() if one != first)
                message = f"{identifier} is in {record['VpcId']}, {other} in {other_vpc}: expected one VPC"
                found.append((f"{at}.{member}[{index}]", message))
    return found


def egress(ec2: Ec2, config: Record, flow: Flow) -> str | None:
    """Why a session may not open this flow to an address outside AWS, or None: it may."""
    there = IPv4Network(flow.address)
    if not _groups_allow(ec2, config, flow.protocol, flow.port, there):
        groups = ", ".join(config["securityGroups"])
        port = f" port {flow.port}" if flow.port else ""
        return f"no egress rule of {groups} allows {flow.protocol}{port} to {flow.address}"
    for subnet in config["subnets"]:
        if (reason := _not_routed(ec2, subnet, there)) is not None:
            return reason
    return None


def service_path(ec2: Ec2, config: Record, service: str, region: str, *, is_here: bool) -> Path | Refused:
    """How a session reaches an AWS service by its usual name, on port 443.

    `service` is the label in the host name ("s3", "sts", "api.ecr"), `region` the VPC's own; `is_here`:
    whether the name means the service in this region, for endpoints serve no other.
    """
    paths = [_path_from(ec2, config, subnet, service, region, is_here) for subnet in config["subnets"]]
    for path in paths:
        if isinstance(path, Refused):
            return path
    if any(path != paths[0] for path in paths):
        return Refused(f"{', '.join(config['subnets'])} lead to {service} on different ways")
    return paths[0]


def resolves_names(ec2: Ec2, config: Record) -> bool:
    """Whether the VPC has Amazon's name server: its attribute enableDnsSupport, true by default."""
    found = [ec2.subnets[one]["VpcId"] for one in config["subnets"] if one in ec2.subnets]
    return bool(found) and all(ec2.vpcs.get(vpc, {}).get("EnableDnsSupport", True) for vpc in found)


def _path_from(
    ec2: Ec2, config: Record, subnet: str, service: str, region: str, is_here: bool
) -> Path | Refused:
    record = ec2.subnets.get(subnet)
    if record is None:
        return Refused(f"{subnet} does not exist")
    name = f"com.amazonaws.{region}.{_ENDPOINT_NAMES.get(service, service)}"
    mine = [
        one
        for one in ec2.endpoints.values()
        if is_here
        and one["VpcId"] == record["VpcId"]
        and one["ServiceName"] == name
        and one.get("State") == "available"
    ]
    for one in mine:
        # Private DNS leads the usual name to the endpoint (default: true, EC2 API reference).
        if one["VpcEndpointType"] == "Interface" and one.get("PrivateDnsEnabled", True):
            return _over_interface(ec2, config, one)
    table = _route_table(ec2, record)
    for one in mine:
        if one["VpcEndpointType"] == "Gateway" and table and table["RouteTableId"] in one["RouteTableIds"]:
            return _over_gateway(ec2, config, one, service)
    lists = {ec2.prefix_list_of(service)} if is_here else set()
    if not _groups_allow(ec2, config, "tcp", HTTPS, _ANYWHERE, lists):
        groups = ", ".join(config["securityGroups"])
        return Refused(
            f"no endpoint for {name}, and no egress rule of {groups} allows tcp port 443 to 0.0.0.0/0"
        )
    if (reason := _not_routed(ec2, subnet, _ANYWHERE)) is not None:
        return Refused(f"no endpoint for {name}, and {reason}")
    return Path()


def _over_gateway(ec2: Ec2, config: Record, endpoint: Record, service: str) -> Path | Refused:
    """A gateway endpoint is a route to the service's public addresses: the groups must let these through."""
    identifier = ec2.prefix_list_of(service)
    allowed = _groups_allow(ec2, config, "tcp", HTTPS, _ANYWHERE, {identifier}) or all(
        _groups_allow(ec2, config, "tcp", HTTPS, IPv4Network(cidr))
        for cidr in ec2.prefix_list(identifier) or ("0.0.0.0/0",)
    )
    if not allowed:
        groups = ", ".join(config["securityGroups"])
        return Refused(f"no egress rule of {groups} allows tcp port 443 to {identifier} ({service})")
    return _path(endpoint)


def _over_interface(ec2: Ec2, config: Record, endpoint: Record) -> Path | Refused:
    """An interface endpoint has addresses in its subnets, which ones is not known: all must be allowed."""
    identifier = endpoint["VpcEndpointId"]
    theirs = list(endpoint.get("SecurityGroupIds") or ())
    if not theirs:
        vpc = ec2.vpcs.get(endpoint["VpcId"], {})
        theirs = [vpc["DefaultSecurityGroupId"]] if vpc.get("DefaultSecurityGroupId") else []
    subnets = [ec2.subnets[one] for one in endpoint.get("SubnetIds") or () if one in ec2.subnets]
    if not subnets:
        return Refused(f"{identifier} is in no subnet")
    networks = list(_networks(one["CidrBlock"] for one in subnets))
    if len(networks) < len(subnets):
        return Refused(f"{identifier} is in a subnet without IPv4 addresses")
    if not all(_groups_allow(ec2, config, "tcp", HTTPS, one, groups=set(theirs)) for one in networks):
        return Refused(
            f"no egress rule of {', '.join(config['securityGroups'])} allows tcp port 443 to {identifier}"
        )
    own = [ec2.subnets[one]["CidrBlock"] for one in config["subnets"] if one in ec2.subnets]
    sources = list(_networks(own))
    if len(sources) < len(own) or not all(
        _admits(ec2, theirs, source, set(config["securityGroups"])) for source in sources
    ):
        return Refused(
            f"no inbound rule of {', '.join(theirs)} ({identifier}) allows tcp port 443 from the session"
        )
    return _path(endpoint)


def _path(endpoint: Record) -> Path:
    policy = endpoint.get("PolicyDocument")
    text = policy if isinstance(policy, str) or policy is None else json.dumps(policy)
    return Path(endpoint["VpcId"], endpoint["VpcEndpointId"], text or None)


def _groups_allow(
    ec2: Ec2,
    config: Record,
    protocol: str,
    port: int,
    target: IPv4Network,
    prefix_lists: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> bool:
    """Whether an egress rule covers all of `target`, or names one of these prefix lists or groups."""
    for identifier in config["securityGroups"]:
        for rule in ec2.security_groups.get(identifier, {}).get("IpPermissionsEgress", ()):
            if _covers(ec2, rule, protocol, port, target, set(prefix_lists), set(groups)):
                return True
    return False


def _admits(ec2: Ec2, theirs: list[str], source: IPv4Network, groups: set[str]) -> bool:
    for identifier in theirs:
        group = ec2.security_groups.get(identifier, {})
        rules = group.get("IpPermissions", ())
        # On AWS a default group admits its own members from the start; the emulated one has no such rule.
        if group.get("GroupName") == "default" and not rules and identifier in groups:
            return True
        if any(_covers(ec2, rule, "tcp", HTTPS, source, set(), groups) for rule in rules):
            return True
    return False


def _covers(
    ec2: Ec2,
    rule: Record,
    protocol: str,
    port: int,
    target: IPv4Network,
    prefix_lists: set[str],
    groups: set[str],
) -> bool:
    written = str(rule["IpProtocol"]).lower()
    if written != "-1":
        if _PROTOCOL_NUMBERS.get(written, written) != protocol:
            return False
        first, last = int(rule.get("FromPort", -1)), int(rule.get("ToPort", -1))
        if protocol == "icmp":
            # FromPort is the type, -1 every one; a session sends echo requests only.
            if first not in (-1, _ECHO_REQUEST):
                return False
        elif first != -1 and not first <= port <= last:
            return False
    if any(one.get("GroupId") in groups for one in rule.get("UserIdGroupPairs", ())):
        return True
    ids = [one["PrefixListId"] for one in rule.get("PrefixListIds", ())]
    if prefix_lists.intersection(ids):
        return True
    cidrs = [one["CidrIp"] for one in rule.get("IpRanges", ())]
    cidrs += [cidr for one in ids for cidr in ec2.prefix_list(one) or ()]
    return any(target.subnet_of(network) for network in _networks(cidrs))


def _networks(cidrs: Iterable[str]) -> Iterator[IPv4Network]:
    for cidr in cidrs:
        try:
            yield IPv4Network(cidr, strict=False)
        except ValueError:
            continue  # IPv6, or nothing that EC2 would have taken: it covers no address


def _not_routed(ec2: Ec2, subnet: str, target: IPv4Network) -> str | None:
    """Why packets from a subnet do not get to the internet: only a NAT gateway takes them there."""
    record = ec2.subnets.get(subnet)
    if record is None:
        return f"{subnet} does not exist"
    table = _route_table(ec2, record)
    if table is None:
        return f"{subnet} has no route table"
    route = _route(ec2, table, record["VpcId"], target)
    where = f"{table['RouteTableId']} of {subnet}"
    if route is None:
        return f"{where} has no route to {_shown(target)}"
    if nat := route.get("NatGatewayId"):
        problem = _nat_problem(ec2, str(nat), record["VpcId"], target)
        return None if problem is None else f"{where} leads to {nat}, which {problem}"
    gateway = str(route.get("GatewayId", ""))
    if gateway.startswith("igw-"):
        return (
            f"{where} leads to {gateway}, for which the session has no public address: expected a NAT gateway"
        )
    if gateway == "local":
        return f"{_shown(target)} is within {record['VpcId']}, where nothing answers"
    keys = ("GatewayId", "InstanceId", "VpcPeeringConnectionId", "TransitGatewayId", "NetworkInterfaceId")
    leads_to = next((route[key] for key in keys if route.get(key)), "a target")
    return f"{where} leads to {leads_to}, which is not emulated"


def _nat_problem(ec2: Ec2, identifier: str, vpc: str, target: IPv4Network) -> str | None:
    nat = ec2.nat_gateways.get(identifier)
    if nat is None or nat.get("State") != "available":
        return "does not exist" if nat is None else f"is {nat.get('State')}"
    if nat.get("ConnectivityType", "public") != "public":
        return "is private"
    subnet = ec2.subnets.get(nat["SubnetId"])
    table = None if subnet is None or subnet["VpcId"] != vpc else _route_table(ec2, subnet)
    if table is None:
        return f"is in no subnet of {vpc}"
    route = _route(ec2, table, vpc, target)
    gateway = ec2.internet_gateways.get(str((route or {}).get("GatewayId")), {})
    if not any(one.get("VpcId") == vpc for one in gateway.get("Attachments", ())):
        where = f"{table['RouteTableId']} of {nat['SubnetId']}"
        return f"has no way on: {where} leads to no internet gateway of {vpc}"
    return None


def _route_table(ec2: Ec2, subnet: Record) -> Record | None:
    """The table that a subnet is associated with, else the main one of its VPC."""
    main = None
    for table in ec2.route_tables.values():
        if table["VpcId"] != subnet["VpcId"]:
            continue
        for association in table.get("Associations", ()):
            if association.get("SubnetId") == subnet["SubnetId"]:
                return table
            if association.get("Main"):
                main = table
    return main


def _route(ec2: Ec2, table: Record, vpc: str, target: IPv4Network) -> Record | None:
    """The most specific route that covers all of `target`."""
    best: tuple[int, Record] | None = None
    for route in (*table.get("Routes", ()), *_made_by_aws(ec2, table, vpc)):
        if route.get("State", "active") != "active":
            continue
        cidrs = [route["DestinationCidrBlock"]] if route.get("DestinationCidrBlock") else []
        if listed := route.get("DestinationPrefixListId"):
            cidrs += ec2.prefix_list(str(listed)) or ()
        for network in _networks(cidrs):
            if target.subnet_of(network) and (best is None or network.prefixlen > best[0]):
                best = (network.prefixlen, route)
    return None if best is None else best[1]


def _made_by_aws(ec2: Ec2, table: Record, vpc: str) -> list[Record]:
    """A default VPC's main table leads to its internet gateway on AWS; the emulated one lacks that route."""
    is_main = any(one.get("Main") for one in table.get("Associations", ()))
    if not is_main or not ec2.vpcs.get(vpc, {}).get("IsDefault"):
        return []
    if any(route.get("DestinationCidrBlock") == str(_ANYWHERE) for route in table.get("Routes", ())):
        return []
    return [
        {"DestinationCidrBlock": str(_ANYWHERE), "GatewayId": identifier}
        for identifier, gateway in ec2.internet_gateways.items()
        if any(one.get("VpcId") == vpc for one in gateway.get("Attachments", ()))
    ]


def _shown(network: IPv4Network) -> str:
    return str(network.network_address) if network.prefixlen == 32 else str(network)
