"""Which ways out a VPC interpreter's security groups and routes leave open on ports that are not declared.

The probe `network` measures what answers; a port on which nobody answers today is open all the same.
"""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from interpreter_fleet.manifest import Record

from .settings import Target

_HTTPS = 443  # Of AWS itself, whatever is declared.


def undeclared_ways(ec2: Any, record: Record) -> Iterator[tuple[str, str]]:
    """(security group, what it lets out) for each rule beyond the declared ports. Raises AwsError.

    Only rules to addresses outside of private ranges, and only when a subnet has a route to the internet:
    many networks leave security groups open and rely on having no route.
    """
    allowed = {Target.parse(one).port for one in record.reaches} | {_HTTPS}
    found = []
    for group in _all(ec2, "describe_security_groups", "SecurityGroups", "group-id", record.security_groups):
        if group["GroupId"] not in record.security_groups:
            continue  # An endpoint that does not know this filter gives all.
        for rule in group.get("IpPermissionsEgress", ()):
            outside = [one for one in _cidrs(rule) if not ip_network(one, strict=False).is_private]
            if outside and not _is_within(rule, allowed):
                found.append((group["GroupId"], f"{_traffic(rule)} to {', '.join(outside)}"))
    if found and _has_a_way_out(ec2, record):
        yield from found


def _is_within(rule: dict[str, Any], allowed: set[int]) -> bool:
    if rule["IpProtocol"] not in ("tcp", "6"):
        return False
    first, last = rule.get("FromPort", 0), rule.get("ToPort", 65535)
    return last - first < len(allowed) and set(range(first, last + 1)) <= allowed


def _traffic(rule: dict[str, Any]) -> str:
    if rule["IpProtocol"] == "-1":
        return "everything"
    first, last = rule.get("FromPort", -1), rule.get("ToPort", -1)
    return (
        f"{rule['IpProtocol']} port {first}"
        if first == last
        else f"{rule['IpProtocol']} ports {first} to {last}"
    )


def _cidrs(rule: dict[str, Any]) -> list[str]:
    found = [one["CidrIp"] for one in rule.get("IpRanges", ())]
    return found + [one["CidrIpv6"] for one in rule.get("Ipv6Ranges", ())]


def _has_a_way_out(ec2: Any, record: Record) -> bool:
    listed = _all(ec2, "describe_subnets", "Subnets", "subnet-id", record.subnets)
    subnets = [one for one in listed if one["SubnetId"] in record.subnets]
    networks = sorted({one["VpcId"] for one in subnets})
    tables = _all(ec2, "describe_route_tables", "RouteTables", "vpc-id", networks)
    for subnet in subnets:
        mine = [one for one in tables if one["VpcId"] == subnet["VpcId"]]
        table = next((one for one in mine if _is_of(one, "SubnetId", subnet["SubnetId"])), None)
        table = table or next((one for one in mine if _is_of(one, "Main", True)), None)
        for route in (table or {}).get("Routes", ()):
            to = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
            if to in ("0.0.0.0/0", "::/0") and route.get("State", "active") == "active":
                return True
    return False


def _is_of(table: dict[str, Any], key: str, value: object) -> bool:
    return any(one.get(key) == value for one in table.get("Associations", ()))


def _all(ec2: Any, operation: str, key: str, name: str, ids: Any) -> list[dict[str, Any]]:
    pages = ec2.get_paginator(operation).paginate(Filters=[{"Name": name, "Values": list(ids)}])
    return [one for page in pages for one in page[key]]
