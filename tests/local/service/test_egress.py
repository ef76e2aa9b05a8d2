"""The three network modes from inside, through the API: given this interpreter, its code reaches that."""

import hashlib
import json
import socket
import textwrap
import time
import uuid

import pytest

from interpreter_local.network.outside import PATTERN
from interpreter_local.network.public import own_addresses

SERVICE = {"Principal": {"Service": "bedrock-agentcore.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRIES = """
import socket
for host, port in {!r}:
    try:
        with socket.create_connection((host, port), 5):
            print(port, "connected")
    except OSError as error:
        print(port, error)
"""
OUTSIDE = [("198.51.100.7", 443), ("198.51.100.7", 80)]


@pytest.fixture(scope="session", autouse=True)
def with_egress(variables, endpoint_home):
    """These tests need a street; a machine without says why in `status`."""
    status = json.loads((endpoint_home / "endpoint.json").read_text())
    if not any(line.startswith("egress in PUBLIC and VPC mode") for line in status["enforced"]):
        pytest.skip(next(line for line in status["missing"] if line.startswith("egress")))


@pytest.fixture
def said(session, run):
    """`said(session, code)` → what the code printed; the test fails when it failed."""

    def execute(one, code):
        result = run(one, textwrap.dedent(code))
        assert result["isError"] is False, result
        return result["structuredContent"]["stdout"].strip()

    return execute


@pytest.fixture
def made(control, name):
    """`made(networkConfiguration, **more)` → the id of a new interpreter that is READY."""
    created = []

    def create(network, **more):
        reply = control.create_code_interpreter(
            name=f"{name}{len(created)}", networkConfiguration=network, **more
        )
        created.append(reply["codeInterpreterId"])
        deadline = time.monotonic() + 10
        while control.get_code_interpreter(codeInterpreterId=created[-1])["status"] != "READY":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return created[-1]

    yield create
    for identifier in created:
        control.delete_code_interpreter(codeInterpreterId=identifier)


@pytest.fixture
def public(made, session):
    return session(made({"networkMode": "PUBLIC"}))


class Vpc:
    """A VPC with a private subnet and a security group without egress rules."""

    def __init__(self, ec2):
        self.ec2 = ec2
        self.id = ec2.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self._subnet("10.5.1.0/24")
        self.table = ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)
        self.group = ec2.create_security_group(
            GroupName=uuid.uuid4().hex, Description="of a test", VpcId=self.id
        )["GroupId"]
        [everything] = ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"][0][
            "IpPermissionsEgress"
        ]
        ec2.revoke_security_group_egress(
            GroupId=self.group,
            IpPermissions=[{"IpProtocol": everything["IpProtocol"], "IpRanges": everything["IpRanges"]}],
        )

    @property
    def network(self):
        return {
            "networkMode": "VPC",
            "vpcConfig": {"subnets": [self.subnet], "securityGroups": [self.group]},
        }

    def _subnet(self, cidr):
        return self.ec2.create_subnet(VpcId=self.id, CidrBlock=cidr)["Subnet"]["SubnetId"]

    def allow(self, cidr, port):
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}
        self.ec2.authorize_security_group_egress(GroupId=self.group, IpPermissions=[rule])

    def add_nat_gateway(self):
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.id)
        subnet = self._subnet("10.5.9.0/24")
        table = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        nat = self.ec2.create_nat_gateway(SubnetId=subnet)["NatGateway"]["NatGatewayId"]
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)

    def add_s3_endpoint(self, **more):
        return self.ec2.create_vpc_endpoint(
            VpcId=self.id, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[self.table], **more
        )["VpcEndpoint"]["VpcEndpointId"]


@pytest.fixture
def vpc(client):
    return Vpc(client("ec2"))


class TestPublic:
    def test_the_outside_host_answers_by_address_and_by_name(self, public, said):
        code = """
        import json, socket, urllib.request as u
        for url in ("http://198.51.100.7/by-address", "http://outside.test/by-name", "https://outside.test/tls"):
            answer = json.load(u.urlopen(url, timeout=10))
            print(answer["path"], answer["host"], answer["peer"].startswith("100."))
        with socket.create_connection(("outside.test", 7), 5) as echo:
            echo.sendall(b"echoed")
            print(echo.recv(100).decode())
        """
        assert said(public, code).splitlines() == [
            "/by-address 198.51.100.7 True",
            "/by-name outside.test True",
            "/tls outside.test True",
            "echoed",
        ]

    def test_a_download_of_20_mb_arrives_whole(self, public, said):
        code = """
        import hashlib, urllib.request as u
        print(hashlib.sha256(u.urlopen("http://outside.test/bytes/20000000", timeout=60).read()).hexdigest())
        """
        whole = (PATTERN * (20_000_000 // len(PATTERN) + 1))[:20_000_000]

        assert said(public, code) == hashlib.sha256(whole).hexdigest()

    def test_this_machine_is_not_reached(self, public, said):
        """Not its loopback, and not a server on every address at one of its own."""
        own = [str(one) for one in sorted(own_addresses())]
        with socket.create_server(("0.0.0.0", 0)) as server:
            port = server.getsockname()[1]
            socket.create_connection((own[-1], port), 5).close()  # the control: it is there

            told = said(public, TRIES.format([(host, port) for host in own]))

        assert "connected" not in told
        assert len(told.splitlines()) == len(own)

    def test_sessions_do_not_reach_each_other(self, public, made, session, said):
        other = session(made({"networkMode": "PUBLIC"}))
        code = """
        import json, threading, socket, urllib.request as u
        server = socket.create_server(("0.0.0.0", 5000))
        print(json.load(u.urlopen("http://198.51.100.7/", timeout=10))["peer"])
        """
        address = said(other, code)

        assert "connected" in said(other, TRIES.format([(address, 5000)]))  # the control
        assert said(public, TRIES.format([(address, 5000)])) == "5000 [Errno 113] No route to host"

    def test_other_names_and_addresses_are_not_there_without_internet(self, public, said, endpoint_home):
        missing = json.loads((endpoint_home / "endpoint.json").read_text())["missing"]
        if not any(line.startswith("internet in PUBLIC") for line in missing):
            pytest.skip("there is a way to the internet here, and tests send nothing there")
        code = """
        import socket
        try:
            socket.getaddrinfo("example.com", 80)
        except socket.gaierror as error:
            print("no name")
        """
        assert said(public, code) == "no name"
        assert said(public, TRIES.format([("198.51.100.8", 80)])) == "80 [Errno 113] No route to host"


def test_sandbox_sessions_do_not_reach_the_outside_host(interpreter, session, said):
    one = session(interpreter)
    code = """
    import socket
    try:
        socket.getaddrinfo("outside.test", 80)
    except socket.gaierror:
        print("no name")
    """
    assert "connected" not in said(one, TRIES.format(OUTSIDE))
    assert said(one, code) == "no name"


class TestVpc:
    def test_egress_follows_the_security_group(self, vpc, made, session, said):
        vpc.add_nat_gateway()
        vpc.allow("198.51.100.0/24", 443)

        one = session(made(vpc.network))

        assert said(one, TRIES.format(OUTSIDE)).splitlines() == [
            "443 connected",
            "80 [Errno 113] No route to host",
        ]
        vpc.allow("198.51.100.0/24", 80)  # holds for the next connection, as on AWS
        assert "80 connected" in said(one, TRIES.format(OUTSIDE))

    def test_without_egress_rules_nothing_is_reached(self, vpc, made, session, said):
        vpc.add_nat_gateway()

        assert "connected" not in said(session(made(vpc.network)), TRIES.format(OUTSIDE))

    def test_without_a_nat_gateway_nothing_is_reached(self, vpc, made, session, said):
        vpc.allow("0.0.0.0/0", 443)

        assert "connected" not in said(session(made(vpc.network)), TRIES.format(OUTSIDE))


class TestVpcAws:
    PUT = """
    import boto3
    from botocore.config import Config
    once = Config(retries={{"total_max_attempts": 1}}, connect_timeout=5)
    try:
        boto3.client("s3", region_name="us-east-1", config=once).put_object(
            Bucket={0!r}, Key={1!r}, Body=b"x")
        print("put")
    except Exception as error:
        print(getattr(error, "response", {{}}).get("Error", {{}}).get("Code") or type(error).__name__)
    """
    IDENTITY = """
    import boto3
    from botocore.config import Config
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=5)
    try:
        print(boto3.client("sts", region_name="us-east-1", config=once).get_caller_identity()["Arn"])
    except Exception as error:
        print(type(error).__name__)
    """

    @pytest.fixture
    def bucket(self, client):
        name = f"egress-{uuid.uuid4().hex[:12]}"
        client("s3").create_bucket(Bucket=name)
        return name

    @pytest.fixture
    def started(self, vpc, made, session, execution_role, client, bucket):
        """A session in the VPC whose role may write anywhere in the bucket."""

        def start():
            role = execution_role("arn:aws:bedrock-agentcore:us-east-1:123456789012:*")
            statement = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
            client("iam").put_role_policy(
                RoleName=role.rpartition("/")[2],
                PolicyName="all",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            )
            return session(made(vpc.network, executionRoleArn=role))

        return start

    def test_s3_needs_an_endpoint_and_its_policy_bites(self, vpc, started, said, bucket):
        vpc.allow("0.0.0.0/0", 443)
        one = started()
        assert said(one, self.PUT.format(bucket, "a/x")) == "EndpointConnectionError"

        only_a = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{bucket}/a/*",
                }
            ],
        }
        vpc.add_s3_endpoint(PolicyDocument=json.dumps(only_a))

        assert said(one, self.PUT.format(bucket, "a/x")) == "put"
        assert said(one, self.PUT.format(bucket, "b/x")) == "AccessDenied"
        assert said(one, self.IDENTITY) == "EndpointConnectionError"

    def test_a_bucket_can_ask_for_the_endpoint(self, vpc, started, said, bucket, client):
        vpc.allow("0.0.0.0/0", 443)
        endpoint = vpc.add_s3_endpoint()
        one = started()

        def only_from(source):
            statement = {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
                "Condition": {"StringNotEquals": {"aws:SourceVpce": source}},
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)

        only_from("vpce-of-another")
        assert said(one, self.PUT.format(bucket, "x")) == "AccessDenied"
        only_from(endpoint)
        assert said(one, self.PUT.format(bucket, "x")) == "put"

    def test_other_services_are_reached_over_nat(self, vpc, started, said):
        vpc.allow("0.0.0.0/0", 443)
        vpc.add_nat_gateway()

        assert ":assumed-role/execution-" in said(started(), self.IDENTITY)
