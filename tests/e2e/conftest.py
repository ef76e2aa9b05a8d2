"""A fleet of every kind, deployed by the real cdk CLI, for tests that then break it."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PATH = f"{ROOT / '.venv/bin'}{os.pathsep}{ROOT / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}"
FLEET = """
fleet: planted
bucket: {{retain: false}}
permissions_boundary: planted-boundary
tags: {{team: ours}}
interpreters:
  analytics:
    storage: {{access: read-write}}
  billing:
    storage: {{access: read}}
  claims:
    storage: {{access: write}}
    probes: [lifecycle, declared, network, storage, identity, libraries]
    libraries: [pandas, numpy]
  drafts: {{}}
  web:
    network: PUBLIC
    waivers:
      - {{rule: ACCI-001, reason: Fetches public pages, owner: data@example.com, until: 2030-01-01}}
  warehouse:
    network: VPC
    vpc: {{subnets: {subnets}, security_groups: [{group}], reaches: ["outside.test:443"]}}
    storage: {{access: read}}
"""


@dataclass
class Vpc:
    """Two private subnets behind a NAT gateway, with S3's gateway endpoint; the group lets 443 out."""

    ec2: Any
    id: str
    subnets: list[str]
    table: str
    group: str
    endpoint: str

    def allow(self, port: int, *, cidr: str = "0.0.0.0/0", protocol: str = "tcp") -> None:
        """One egress rule more."""
        self.ec2.authorize_security_group_egress(
            GroupId=self.group, IpPermissions=[_rule(port, cidr, protocol)]
        )

    def take_back(self, port: int, *, cidr: str = "0.0.0.0/0", protocol: str = "tcp") -> None:
        """One less."""
        self.ec2.revoke_security_group_egress(GroupId=self.group, IpPermissions=[_rule(port, cidr, protocol)])


def _rule(port: int, cidr: str, protocol: str) -> dict[str, Any]:
    return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}


def make_network(ec2: Any) -> Vpc:
    """The network of the team that owns networks: it outlives the fleet."""
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    subnets = []
    for number, zone, table in ((1, "a", 0), (2, "b", 0), (9, "a", 1)):
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.7.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )
        subnets.append(made["Subnet"]["SubnetId"])
        ec2.associate_route_table(RouteTableId=tables[table], SubnetId=subnets[-1])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    nat = ec2.create_nat_gateway(SubnetId=subnets[2])["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[tables[0]]
    )["VpcEndpoint"]["VpcEndpointId"]
    group = ec2.create_security_group(GroupName=uuid.uuid4().hex, Description="of a test", VpcId=vpc)[
        "GroupId"
    ]
    [everything] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    keys = ("IpProtocol", "IpRanges")
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[{key: everything[key] for key in keys}])
    made = Vpc(ec2, vpc, subnets[:2], tables[0], group, endpoint)
    made.allow(443)
    return made


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="module")
def deployed(client, process_environment, endpoint_home, tmp_path_factory) -> Iterator[Vpc]:
    """The fleet `planted` in its network; destroyed in the end, whatever has become of it."""
    status = json.loads((endpoint_home / "endpoint.json").read_text())
    if not any(line.startswith("egress in PUBLIC and VPC mode") for line in status["enforced"]):
        pytest.skip(next(line for line in status["missing"] if line.startswith("egress")))
    folder = tmp_path_factory.mktemp("planted")
    network = make_network(client("ec2"))
    boundary = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    client("iam").create_policy(PolicyName="planted-boundary", PolicyDocument=json.dumps(boundary))
    fleet = folder / "fleet.yaml"
    fleet.write_text(FLEET.format(subnets=json.dumps(network.subnets), group=network.group))
    environment = {**process_environment, "PATH": PATH, "CDK_VALIDATION": "false"}

    def cdk(*arguments: str) -> None:
        done = subprocess.run(
            ["cdk", *arguments, "--context", f"fleet={fleet}", "--output", str(folder / "cdk.out")],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    cdk("bootstrap")
    cdk("deploy", "--all", "--require-approval", "never")
    yield network
    cdk("destroy", "--all", "--force")
