"""What VPC mode needs of the endpoint's EC2 beyond MiniStack: it is there when it is described."""

import json

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}],
}


def described(client, endpoint):
    [found] = client("ec2").describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    return found


def test_a_vpc_endpoint_keeps_its_policy(client):
    ec2 = client("ec2")
    made = ec2.create_vpc_endpoint(
        VpcId="vpc-00000001",
        ServiceName="com.amazonaws.us-east-1.s3",
        RouteTableIds=["rtb-00000001"],
        PolicyDocument=json.dumps(POLICY),
    )["VpcEndpoint"]
    identifier = made["VpcEndpointId"]

    assert json.loads(described(client, identifier)["PolicyDocument"]) == POLICY
    assert described(client, identifier)["RouteTableIds"] == ["rtb-00000001"]
    ec2.modify_vpc_endpoint(VpcEndpointId=identifier, ResetPolicy=True)
    assert "PolicyDocument" not in described(client, identifier)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[identifier])


def test_an_interface_endpoint_keeps_its_groups_and_private_dns(client):
    ec2 = client("ec2")
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId="vpc-00000001",
        ServiceName="com.amazonaws.us-east-1.sts",
        SubnetIds=["subnet-00000001"],
        SecurityGroupIds=["sg-00000001"],
    )["VpcEndpoint"]
    identifier = made["VpcEndpointId"]

    assert described(client, identifier)["Groups"] == [{"GroupId": "sg-00000001"}]
    assert described(client, identifier)["PrivateDnsEnabled"] is True
    ec2.modify_vpc_endpoint(
        VpcEndpointId=identifier, RemoveSecurityGroupIds=["sg-00000001"], PrivateDnsEnabled=False
    )
    assert described(client, identifier)["Groups"] == []
    assert described(client, identifier)["PrivateDnsEnabled"] is False
    ec2.delete_vpc_endpoints(VpcEndpointIds=[identifier])


def test_a_security_group_keeps_the_prefix_lists_of_its_rules(client):
    ec2 = client("ec2")
    group = ec2.create_security_group(GroupName="lists", Description="lists", VpcId="vpc-00000001")["GroupId"]
    [s3] = ec2.describe_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}]
    )["PrefixLists"]
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "PrefixListIds": [{"PrefixListId": s3["PrefixListId"]}],
    }
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])

    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]

    lists = [one["PrefixListId"] for each in found["IpPermissionsEgress"] for one in each["PrefixListIds"]]
    assert lists == [s3["PrefixListId"]]
    ec2.delete_security_group(GroupId=group)


def test_a_stack_with_a_nat_gateway_is_made_and_removed(client):
    """What MiniStack's CloudFormation lacks of a VPC as the CDK makes one."""
    cloudformation, ec2 = client("cloudformation"), client("ec2")
    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.3.0.0/16"}},
        "Ip": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
        "Nat": {
            "Type": "AWS::EC2::NatGateway",
            "Properties": {
                "SubnetId": "subnet-00000001",
                "AllocationId": {"Fn::GetAtt": ["Ip", "AllocationId"]},
            },
        },
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "of a stack", "VpcId": "vpc-00000001"},
        },
        "Out": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": {"Ref": "Group"},
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                "DestinationSecurityGroupId": {"Ref": "Group"},
            },
        },
        "In": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {"GroupId": {"Ref": "Group"}, "IpProtocol": "-1", "CidrIp": "172.31.0.0/16"},
        },
    }
    outputs = {name: {"Value": {"Ref": name}} for name in ("Ip", "Nat", "Group")}
    outputs["Cidr"] = {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}
    body = json.dumps({"Resources": resources, "Outputs": outputs})
    wait = {"Delay": 0.1, "MaxAttempts": 100}
    cloudformation.create_stack(StackName="nat", TemplateBody=body)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="nat", WaiterConfig=wait)
    [stack] = cloudformation.describe_stacks(StackName="nat")["Stacks"]
    made = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    assert made["Cidr"] == "10.3.0.0/16"
    [nat] = ec2.describe_nat_gateways(NatGatewayIds=[made["Nat"]])["NatGateways"]
    assert (nat["SubnetId"], nat["State"]) == ("subnet-00000001", "available")
    assert made["Ip"] in {one["PublicIp"] for one in ec2.describe_addresses()["Addresses"]}
    [group] = ec2.describe_security_groups(GroupIds=[made["Group"]])["SecurityGroups"]
    assert [one["FromPort"] for one in group["IpPermissionsEgress"] if "FromPort" in one] == [5432]
    assert [one["CidrIp"] for rule in group["IpPermissions"] for one in rule["IpRanges"]] == ["172.31.0.0/16"]

    cloudformation.delete_stack(StackName="nat")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="nat", WaiterConfig=wait)
    assert made["Ip"] not in {one["PublicIp"] for one in ec2.describe_addresses()["Addresses"]}
    assert made["Nat"] not in {one["NatGatewayId"] for one in ec2.describe_nat_gateways()["NatGateways"]}
