"""VPC mode: given these security groups, route tables and endpoints, this is reached and that is not."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from interpreter_local.network.packets import Flow
from interpreter_local.network.vpc import Path, Refused, egress, problems, resolves_names, service_path

from .emulated import CONFIG, EVERYTHING, REGION, S3_LIST, ec2, endpoint, rule, table, to


def opens(made, address="198.51.100.7", port=443, protocol="tcp", config=CONFIG):
    return egress(made, config, Flow(protocol, IPv4Address(address), port))


def s3(made, config=CONFIG):
    return service_path(made, config, "s3", REGION, is_here=True)


class TestCreate:
    def test_what_exists_in_one_vpc_is_fine(self):
        assert problems(ec2(), CONFIG) == []

    def test_every_id_that_does_not_exist_is_named(self):
        config = {"subnets": ["subnet-a", "subnet-x"], "securityGroups": ["sg-x"]}

        assert problems(ec2(), config) == [
            ("networkConfiguration.vpcConfig.subnets[1]", "subnet-x does not exist"),
            ("networkConfiguration.vpcConfig.securityGroups[0]", "sg-x does not exist"),
        ]

    def test_all_must_be_in_one_vpc(self):
        config = {"subnets": ["subnet-else"], "securityGroups": ["sg-session"]}

        [(field, message)] = problems(ec2(), config)

        assert field == "networkConfiguration.vpcConfig.securityGroups[0]"
        assert message == "sg-session is in vpc-1, subnet-else in vpc-2: expected one VPC"


class TestSecurityGroups:
    def test_only_what_a_rule_names_is_reached(self):
        made = ec2(rule(cidr="198.51.100.0/24"))

        assert opens(made) is None
        assert opens(made, port=80) == ("no egress rule of sg-session allows tcp port 80 to 198.51.100.7")
        assert opens(made, protocol="udp") is not None
        assert opens(made, address="8.8.8.8") is not None

    def test_without_egress_rules_nothing_is(self):
        assert opens(ec2()) == "no egress rule of sg-session allows tcp port 443 to 198.51.100.7"

    @pytest.mark.parametrize(
        ("written", "protocol", "port", "reached"),
        [
            (EVERYTHING, "icmp", 0, True),
            (rule("6", (1, 1024), "0.0.0.0/0"), "tcp", 1024, True),
            (rule("6", (1, 1024), "0.0.0.0/0"), "tcp", 1025, False),
            (rule("udp", (53, 53), "0.0.0.0/0"), "udp", 53, True),
            (rule("icmp", (-1, -1), "0.0.0.0/0"), "icmp", 0, True),
            (rule("icmp", (8, -1), "0.0.0.0/0"), "icmp", 0, True),
            (rule("icmp", (3, 4), "0.0.0.0/0"), "icmp", 0, False),
            (rule("tcp", None, "0.0.0.0/0"), "tcp", 7, True),
            (rule(prefix_list="pl-mine"), "tcp", 443, True),
            (rule(prefix_list="pl-unknown"), "tcp", 443, False),
            (rule(group="sg-session"), "tcp", 443, False),
            (rule(cidr="::/0"), "tcp", 443, False),
            (rule(cidr="nonsense"), "tcp", 443, False),
        ],
    )
    def test_a_rule_covers(self, written, protocol, port, reached):
        assert (opens(ec2(written), protocol=protocol, port=port) is None) is reached

    def test_a_deleted_group_allows_nothing(self):
        made = replace(ec2(EVERYTHING), security_groups={})

        assert opens(made) is not None


class TestRoutes:
    def test_a_nat_gateway_leads_out(self):
        assert opens(ec2(EVERYTHING)) is None

    def test_without_a_route_nothing_is_reached(self):
        tables = [table("rtb-main", main=True)]

        assert opens(ec2(EVERYTHING, tables=tables)) == ("rtb-main of subnet-a has no route to 198.51.100.7")

    def test_an_internet_gateway_alone_gives_no_internet(self):
        """AgentCore's interfaces have no public address."""
        tables = [table("rtb-main", to("igw-1"), main=True)]

        assert opens(ec2(EVERYTHING, tables=tables)) == (
            "rtb-main of subnet-a leads to igw-1, for which the session has no public address: "
            "expected a NAT gateway"
        )

    def test_the_most_specific_route_counts(self):
        tables = [
            table("rtb-main", to("nat-1"), to("pcx-1", "198.51.100.0/24"), main=True),
            table("rtb-public", to("igw-1"), subnets=["subnet-public"]),
        ]
        made = ec2(EVERYTHING, tables=tables)

        assert opens(made) == "rtb-main of subnet-a leads to pcx-1, which is not emulated"
        assert opens(made, address="8.8.8.8") is None

    def test_it_must_hold_for_every_subnet(self):
        tables = [
            table("rtb-private", to("nat-1"), subnets=["subnet-a"]),
            table("rtb-public", to("igw-1"), subnets=["subnet-public"]),
            table("rtb-main", main=True),
        ]

        assert opens(ec2(EVERYTHING, tables=tables)) == "rtb-main of subnet-b has no route to 198.51.100.7"

    @pytest.mark.parametrize(
        ("nat", "why"),
        [
            ({}, "does not exist"),
            ({"nat-1": {"SubnetId": "subnet-public", "State": "deleted"}}, "is deleted"),
            (
                {"nat-1": {"SubnetId": "subnet-public", "State": "available", "ConnectivityType": "private"}},
                "is private",
            ),
            ({"nat-1": {"SubnetId": "subnet-a", "State": "available"}}, "has no way on"),
        ],
    )
    def test_a_nat_gateway_that_does_not_work_leads_nowhere(self, nat, why):
        assert f"leads to nat-1, which {why}" in opens(ec2(EVERYTHING, nat_gateways=nat))

    def test_the_default_vpc_has_its_route_to_the_internet_gateway(self):
        """MiniStack leaves it out of the main table; AWS makes it."""
        tables = [
            table("rtb-private", to("nat-1"), subnets=["subnet-a", "subnet-b"]),
            table("rtb-main", main=True),
        ]
        made = ec2(EVERYTHING, tables=tables, vpcs={"vpc-1": {"VpcId": "vpc-1", "IsDefault": True}})

        assert opens(made) is None


class TestGatewayEndpoint:
    def endpoint(self, **members):
        return endpoint("s3", "Gateway", RouteTableIds=["rtb-private"], **members)

    def test_it_leads_to_s3_without_nat(self):
        tables = [table("rtb-private", subnets=["subnet-a", "subnet-b"])]
        made = ec2(EVERYTHING, tables=tables, endpoints=[self.endpoint()])

        assert s3(made) == Path("vpc-1", "vpce-1", None)
        assert isinstance(service_path(made, CONFIG, "sts", REGION, is_here=True), Refused)
        assert isinstance(service_path(made, CONFIG, "s3", REGION, is_here=False), Refused)

    def test_its_policy_goes_along_even_beside_a_nat_gateway(self):
        made = ec2(EVERYTHING, endpoints=[self.endpoint(PolicyDocument={"Statement": []})])

        assert s3(made) == Path("vpc-1", "vpce-1", '{"Statement": []}')

    def test_the_prefix_list_in_a_rule_is_enough(self):
        made = ec2(rule(prefix_list=S3_LIST), endpoints=[self.endpoint()])

        assert s3(made) == Path("vpc-1", "vpce-1", None)

    def test_the_groups_must_let_it_through(self):
        made = ec2(rule(cidr="198.51.100.0/24"), endpoints=[self.endpoint()])

        assert s3(made) == Refused("no egress rule of sg-session allows tcp port 443 to pl-s3 (s3)")

    def test_subnets_of_another_table_do_not_have_it(self):
        tables = [table("rtb-private", subnets=["subnet-a"]), table("rtb-main", main=True)]

        assert isinstance(s3(ec2(EVERYTHING, tables=tables, endpoints=[self.endpoint()])), Refused)

    def test_one_of_another_vpc_does_not_count(self):
        tables = [table("rtb-private", subnets=["subnet-a", "subnet-b"])]

        assert isinstance(
            s3(ec2(EVERYTHING, tables=tables, endpoints=[self.endpoint(VpcId="vpc-2")])), Refused
        )


class TestInterfaceEndpoint:
    def sts(self, *rules, groups=None, tables=(), **members):
        admits = {"sg-endpoint": {"IpPermissions": [rule(group="sg-session")], "IpPermissionsEgress": []}}
        members = {"SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-endpoint"], **members}
        made = ec2(
            *rules,
            groups=groups or admits,
            tables=tables or [table("rtb-main", main=True)],
            endpoints=[endpoint("sts", **members)],
        )
        return service_path(made, CONFIG, "sts", REGION, is_here=True)

    def test_it_leads_to_its_service(self):
        assert self.sts(EVERYTHING) == Path("vpc-1", "vpce-1", None)

    @pytest.mark.parametrize(
        "allowed", [rule(cidr="10.0.0.0/16"), rule(cidr="10.0.1.0/24"), rule(group="sg-endpoint")]
    )
    def test_a_rule_may_name_its_subnet_or_its_group(self, allowed):
        assert self.sts(allowed) == Path("vpc-1", "vpce-1", None)

    @pytest.mark.parametrize("allowed", [rule(cidr="10.0.1.0/25"), rule(ports=(80, 80), cidr="10.0.0.0/16")])
    def test_a_rule_must_cover_where_it_may_be(self, allowed):
        assert self.sts(allowed) == Refused("no egress rule of sg-session allows tcp port 443 to vpce-1")

    def test_its_own_group_must_admit_the_session(self):
        closed = {"sg-endpoint": {"IpPermissions": [rule(cidr="10.9.0.0/16")], "IpPermissionsEgress": []}}

        assert self.sts(EVERYTHING, groups=closed) == Refused(
            "no inbound rule of sg-endpoint (vpce-1) allows tcp port 443 from the session"
        )

    def test_without_private_dns_the_usual_name_does_not_lead_to_it(self):
        assert isinstance(self.sts(EVERYTHING, PrivateDnsEnabled=False), Refused)

    def test_services_without_one_go_over_nat_where_there_is_one(self):
        """Over a NAT gateway a request comes from no VPC."""
        assert service_path(ec2(EVERYTHING), CONFIG, "sts", REGION, is_here=True) == Path()
        assert service_path(ec2(rule(cidr="52.0.0.0/8")), CONFIG, "sts", REGION, is_here=True) == Refused(
            "no endpoint for com.amazonaws.eu-west-1.sts, and "
            "no egress rule of sg-session allows tcp port 443 to 0.0.0.0/0"
        )


@pytest.mark.parametrize("given", [True, False])
def test_names_resolve_unless_the_vpc_says_no(given):
    made = ec2(vpcs={"vpc-1": {"EnableDnsSupport": given}})

    assert resolves_names(made, CONFIG) is given
