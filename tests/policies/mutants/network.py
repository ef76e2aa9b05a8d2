"""Network mode, security groups, subnets, endpoints, DNS, logs."""

import json
from collections.abc import Iterable

from .compliant import allow, att, document, resource, s3
from .edits import (
    NEIGHBOUR,
    NETWORK,
    NO_VALUE,
    VALUE,
    Mutant,
    Row,
    add,
    caught,
    drop,
    each,
    others,
    perimeter,
    put,
    rules,
)

SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]


GROUPS = ["sg-0123456789abcdef0"]


def _network_mode() -> list[Mutant]:
    found = caught(
        "001",
        each(
            "network mode", f"{NETWORK}/NetworkMode", ["PUBLIC", "INTERNET", "sandbox", "Vpc", "SANDBOX ", ""]
        ),
    )
    found += caught(
        "001 003",
        [
            ("network mode is no value", put(f"{NETWORK}/NetworkMode", NO_VALUE)),
            ("no network configuration", drop(NETWORK)),
            ("network configuration is empty", put(NETWORK, {})),
        ],
    )
    found += caught(
        "003",
        [("network mode of any value", put(f"{NETWORK}/NetworkMode", VALUE))],
        unknown=rules("001 004 040 041"),
    )
    found += caught(
        "004",
        [
            (
                "VpcConfig with SANDBOX",
                put(f"{NETWORK}/VpcConfig", {"Subnets": SUBNETS, "SecurityGroups": GROUPS}),
            ),
            ("subnets with SANDBOX", put(f"{NETWORK}/VpcConfig", {"Subnets": SUBNETS})),
            ("groups with SANDBOX", put(f"{NETWORK}/VpcConfig", {"SecurityGroups": GROUPS})),
        ],
    )
    config = f"{NETWORK}/VpcConfig"
    found += caught(
        "004",
        [
            ("VPC without groups", drop(f"{config}/SecurityGroups")),
            ("VPC with an empty list of groups", put(f"{config}/SecurityGroups", [])),
            ("VPC with groups that are no value", put(f"{config}/SecurityGroups", [NO_VALUE])),
            ("VPC with 17 groups", put(f"{config}/SecurityGroups", [f"sg-{n:017x}" for n in range(17)])),
            ("VPC with 17 subnets", put(f"{config}/Subnets", [f"subnet-{n:017x}" for n in range(17)])),
        ],
        base="vpc",
    )
    found += caught(
        "004 041",
        [
            ("VPC without VpcConfig", drop(config)),
            ("VPC with an empty VpcConfig", put(config, {})),
            ("VPC without subnets", drop(f"{config}/Subnets")),
            ("VPC with an empty list of subnets", put(f"{config}/Subnets", [])),
        ],
        base="vpc",
    )
    found += caught(
        "041",
        [
            ("one subnet", put(f"{config}/Subnets", [{"Ref": "SubnetA"}])),
            ("one subnet twice", put(f"{config}/Subnets", [{"Ref": "SubnetA"}, {"Ref": "SubnetA"}])),
            ("one subnet and no value", put(f"{config}/Subnets", [{"Ref": "SubnetA"}, NO_VALUE])),
        ],
        base="vpc",
    )
    found += caught(
        "001 004",
        [
            ("PUBLIC with the network of VPC", put(f"{NETWORK}/NetworkMode", "PUBLIC")),
        ],
        base="vpc",
    )
    found += caught(
        "001 003 004", [("no mode with the network of VPC", drop(f"{NETWORK}/NetworkMode"))], base="vpc"
    )
    found += caught(
        "004", [("SANDBOX with the network of VPC", put(f"{NETWORK}/NetworkMode", "SANDBOX"))], base="vpc"
    )
    found += caught(
        "002",
        [("SANDBOX where VPC is asked for", put(NETWORK, {"NetworkMode": "SANDBOX"}))],
        base="vpc",
        profile="securityhub",
    )
    found += caught(
        "001 002 003",
        [("nothing where VPC is asked for", put(NETWORK, {}))],
        base="vpc",
        profile="securityhub",
    )
    found += caught(
        "001 002",
        [
            ("PUBLIC where VPC is asked for", put(NETWORK, {"NetworkMode": "PUBLIC"})),
            ("vpc in small letters where VPC is asked for", put(NETWORK, {"NetworkMode": "vpc"})),
        ],
        base="vpc",
        profile="securityhub",
    )
    return found


EGRESS = "Group/Properties/SecurityGroupEgress"


def _egress() -> list[Mutant]:
    def both_fail(rows: Iterable[Row]) -> list[Mutant]:
        return perimeter("040", rows, others=others("040", NEIGHBOUR))

    found = both_fail(
        [
            *each(
                "lets out to", f"{EGRESS}/0/CidrIp", ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "52.0.0.0/7"]
            ),
            ("lets out to all by IPv6", put(f"{EGRESS}/0", {"IpProtocol": "-1", "CidrIpv6": "::/0"})),
            ("lets out to half of IPv6", add(EGRESS, {"IpProtocol": "-1", "CidrIpv6": "2000::/3"})),
            ("a second rule to all", add(EGRESS, {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"})),
            ("no list of rules", drop(EGRESS)),
            ("an empty list of rules", put(EGRESS, [])),
            ("a list of rules that is no value", put(EGRESS, NO_VALUE)),
            (
                "a rule of its own to all",
                put(
                    "Open",
                    resource(
                        "EC2::SecurityGroupEgress",
                        GroupId=att("Group", "GroupId"),
                        IpProtocol="-1",
                        CidrIp="0.0.0.0/0",
                    ),
                ),
            ),
        ]
    )
    groups = f"{NETWORK}/VpcConfig/SecurityGroups"
    found += perimeter("040", [("the default group", put(groups, [att("Vpc", "DefaultSecurityGroup")]))])
    found += perimeter(
        "",
        [("addresses of any value", put(f"{EGRESS}/0/CidrIp", VALUE))],
        unknown=rules("040"),
        others=others("040", NEIGHBOUR, status="unknown"),
    )
    found += perimeter("045", [("a group by its id", put(groups, GROUPS))])
    found += perimeter(
        "",
        [
            *each("lets out to", f"{EGRESS}/0/CidrIp", ["10.0.0.0/8", "172.16.0.0/12", "52.0.0.0/8"]),
            (
                "lets out to a prefix list",
                put(f"{EGRESS}/0", {"IpProtocol": "tcp", "DestinationPrefixListId": "pl-1"}),
            ),
            ("lets out to the VPC", put(f"{EGRESS}/0/CidrIp", att("Vpc", "CidrBlock"))),
        ],
    )
    return found


def _network_around() -> list[Mutant]:
    def both_fail(by: str, rows: Iterable[Row]) -> list[Mutant]:
        return perimeter(by, rows, others=others(by, NEIGHBOUR))

    public = {
        "Gateway": resource("EC2::InternetGateway"),
        "Out": resource(
            "EC2::Route",
            RouteTableId={"Ref": "RoutesA"},
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId={"Ref": "Gateway"},
        ),
    }
    policy = "Endpoint/Properties/PolicyDocument"
    found = both_fail(
        "041",
        [
            ("both subnets in one zone", put("SubnetB/Properties/AvailabilityZone", "eu-central-1a")),
            ("a subnet that gives public addresses", put("SubnetA/Properties/MapPublicIpOnLaunch", True)),
            ("a route to the internet", lambda resources: resources.update(json.loads(json.dumps(public)))),
        ],
    )
    found += perimeter("042", [("no endpoint for S3", drop("Endpoint"))])
    found += both_fail(
        "042",
        [
            ("endpoint without a policy", drop(policy)),
            (
                "endpoint for one of two subnets",
                put("Endpoint/Properties/RouteTableIds", [{"Ref": "RoutesA"}]),
            ),
            (
                "endpoint for everything",
                put(policy, document(allow("*", "*", None, Principal="*"))),
            ),
            (
                "endpoint for every bucket by name",
                put(f"{policy}/Statement/0", allow("s3:*", "arn:aws:s3:::*", None, Principal="*")),
            ),
            (
                "endpoint for accounts of any name",
                put(
                    f"{policy}/Statement/0",
                    allow("s3:*", "*", {"StringLike": {"aws:ResourceAccount": "*"}}, Principal="*"),
                ),
            ),
        ],
    )
    found += perimeter(
        "042",
        [
            (
                "endpoint of another service",
                put("Endpoint/Properties/ServiceName", "com.amazonaws.eu-central-1.dynamodb"),
            )
        ],
    )
    found += perimeter(
        "",
        [
            (
                "endpoint for the organisation",
                put(
                    f"{policy}/Statement/0",
                    allow(
                        "s3:*", "*", {"StringEquals": {"aws:ResourceOrgID": "o-abcdef1234"}}, Principal="*"
                    ),
                ),
            ),
            (
                "endpoint for the named buckets",
                put(f"{policy}/Statement/0", allow("s3:*", [s3("data"), s3("data/*")], None, Principal="*")),
            ),
        ],
    )
    found += both_fail(
        "043", [("no DNS firewall", drop("Firewall")), ("no log of DNS queries", drop("QueryLog"))]
    )
    found += both_fail("043", [("the firewall of another VPC", put("Firewall/Properties/VpcId", "vpc-1"))])
    found += both_fail(
        "044",
        [
            ("no flow log", drop("FlowLog")),
            *each("flow log of", "FlowLog/Properties/TrafficType", ["ACCEPT", "REJECT"]),
            ("flow log of a subnet", put("FlowLog/Properties/ResourceType", "Subnet")),
            ("flow log of another VPC", put("FlowLog/Properties/ResourceId", "vpc-1")),
        ],
    )
    found += perimeter(
        "",
        [("subnets by their ids", put(f"{NETWORK}/VpcConfig/Subnets", SUBNETS))],
        unknown=rules("042 043 044"),
    )
    return found


def _literal() -> list[Mutant]:
    mode = f"{NETWORK}/NetworkMode"
    return caught(
        "003",
        [
            ("mode by the same value twice", put(mode, {"Fn::If": ["Any", "SANDBOX", "SANDBOX"]})),
            ("mode by Fn::Sub", put(mode, {"Fn::Sub": "SANDBOX"})),
            ("mode by Fn::Join", put(mode, {"Fn::Join": ["", ["SAND", "BOX"]]})),
            ("mode by Fn::Select", put(mode, {"Fn::Select": [0, ["SANDBOX", "PUBLIC"]]})),
        ],
    ) + caught("001 003", [("PUBLIC by Fn::Select", put(mode, {"Fn::Select": ["1", ["SANDBOX", "PUBLIC"]]}))])


ROWS = (
    *_network_mode(),
    *_literal(),
    *_egress(),
    *_network_around(),
)
