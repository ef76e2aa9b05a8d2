"""Compliant templates to change: `fleet("sandbox")` and `fleet("vpc")`.

Both grow from the good template of the rules' own cases, so that every rule has something to judge: storage
that is read, written, both and none, an interpreter without a role, a caller, a deployer; the second has a
whole network, a boundary and tags as well.
"""

import copy
import json
from pathlib import Path
from typing import Any

GOOD = Path(__file__).parents[1] / "rules/ACCI-020/pass_read_write.json"
Body = dict[str, Any]

ACCOUNT = {"Ref": "AWS::AccountId"}
OWN_ACCOUNT = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
SERVICE = "bedrock-agentcore.amazonaws.com"
USES = [
    "bedrock-agentcore:StartCodeInterpreterSession",
    "bedrock-agentcore:InvokeCodeInterpreter",
    "bedrock-agentcore:StopCodeInterpreterSession",
]


def sub(text: str) -> dict[str, str]:
    """`Fn::Sub` of a text."""
    return {"Fn::Sub": text}


def s3(path: str) -> dict[str, str]:
    """The ARN of a bucket, or of objects."""
    return sub(f"arn:${{AWS::Partition}}:s3:::{path}")


def att(logical_id: str, name: str = "Arn") -> dict[str, list[str]]:
    """`Fn::GetAtt`."""
    return {"Fn::GetAtt": [logical_id, name]}


def allow(actions: Any, resource: Any, condition: Any = None, **more: Any) -> Body:
    """An Allow statement."""
    found = {"Effect": "Allow", "Action": actions, "Resource": resource, **more}
    return found if condition is None else {**found, "Condition": condition}


def document(*statements: Body) -> Body:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def resource(kind: str, **properties: Any) -> Body:
    """A resource."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def sandbox() -> Body:
    """Five interpreters in SANDBOX mode, two buckets, a caller and a deployer."""
    body = json.loads(GOOD.read_text())
    body["Parameters"] = {"Value": {"Type": "String"}}
    resources = body["Resources"]
    for name, base, access in (("Reader", "reports", "read"), ("Writer", "uploads", "write")):
        _add_like_first(resources, name, base, access)
    _add_like_first(resources, "Idle", "idle", None)
    _add_like_first(resources, "Alone", "alone", None)
    del resources["AloneRole"], resources["Alone"]["Properties"]["ExecutionRoleArn"]
    resources["Shared"] = copy.deepcopy(resources["Bucket"])
    resources["Shared"]["Properties"]["BucketName"] = "shared"
    policy = json.dumps(resources["BucketPolicy"])
    policy = policy.replace('"Ref": "Bucket"', '"Ref": "Shared"').replace('["Bucket"', '["Shared"')
    resources["SharedPolicy"] = json.loads(policy)
    resources["Caller"] = _role_for(
        {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
        allow(USES, att("Interpreter", "CodeInterpreterArn")),
    )
    resources["Deployer"] = _role_for(
        {"Service": "cloudformation.amazonaws.com"},
        allow("bedrock-agentcore:CreateCodeInterpreter", "*"),
        allow("iam:PassRole", att("Role"), {"StringEquals": {"iam:PassedToService": SERVICE}}),
    )
    return body


def _role_for(principal: Any, *statements: Body) -> Body:
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    policies = [{"PolicyName": "own", "PolicyDocument": document(*statements)}]
    return resource("IAM::Role", AssumeRolePolicyDocument=document(trust), Policies=policies)


def _add_like_first(resources: Body, name: str, base: str, access: str | None) -> None:
    """An interpreter with a role like the first one's, in the bucket `shared`."""
    copied = json.dumps([resources["Role"], resources["Interpreter"]])
    role, interpreter = json.loads(copied.replace("analytics", base).replace(":::data", ":::shared"))
    interpreter["Properties"]["ExecutionRoleArn"] = att(f"{name}Role")
    declared = interpreter["Metadata"]["InterpreterFleet"]
    if access is None:
        del declared["Storage"], role["Properties"]["Policies"]
    else:
        declared["Storage"] = {"Bucket": "shared", "Prefix": f"{base}/", "Access": access}
        statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        if access == "read":
            statements[0]["Action"] = ["s3:GetObject"]
        else:
            statements[0]["Action"] = ["s3:PutObject", "s3:DeleteObject"]
            del statements[1]
    resources[name], resources[f"{name}Role"] = interpreter, role


def vpc() -> Body:
    """Two interpreters in VPC mode with the network in the same template, for every profile."""
    body = json.loads(GOOD.read_text())
    body["Parameters"] = {"Value": {"Type": "String"}}
    resources = body["Resources"]
    resources.update(_network())
    statements = resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    resources["Caller"] = _role_for(
        {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
        allow(USES, att("Interpreter", "CodeInterpreterArn")),
        *copy.deepcopy(statements),
    )
    _add_like_first(resources, "Neighbour", "neighbour", None)
    for name in ("Interpreter", "Neighbour"):
        properties = resources[name]["Properties"]
        properties["NetworkConfiguration"] = {
            "NetworkMode": "VPC",
            "VpcConfig": {
                "Subnets": [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}],
                "SecurityGroups": [att("Group", "GroupId")],
            },
        }
        properties["Tags"] = {"owner": "data-team", "team": "data", "data-class": "internal", "tenant": "one"}
    for name in ("Role", "NeighbourRole"):
        resources[name]["Properties"]["PermissionsBoundary"] = {"Ref": "Boundary"}
        resources[name]["Properties"]["Tags"] = [{"Key": "dp:include:network", "Value": "true"}]
    resources["Boundary"] = resource(
        "IAM::ManagedPolicy",
        PolicyDocument=document(
            allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"], "*", OWN_ACCOUNT)
        ),
    )
    resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": {"AWS": att("Role")},
            "Action": "s3:*",
            "NotResource": [s3("data"), s3("data/analytics/*")],
        }
    )
    return body


def _network() -> Body:
    vpc_id = {"Ref": "Vpc"}
    subnets = {
        f"Subnet{letter}": resource(
            "EC2::Subnet",
            VpcId=vpc_id,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"eu-central-1{letter.lower()}",
            MapPublicIpOnLaunch=False,
        )
        for number, letter in enumerate("AB")
    }
    routes = {f"Routes{letter}": resource("EC2::RouteTable", VpcId=vpc_id) for letter in "AB"}
    associations = {
        f"Association{letter}": resource(
            "EC2::SubnetRouteTableAssociation",
            SubnetId={"Ref": f"Subnet{letter}"},
            RouteTableId={"Ref": f"Routes{letter}"},
        )
        for letter in "AB"
    }
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
        **subnets,
        **routes,
        **associations,
        "Group": resource(
            "EC2::SecurityGroup",
            GroupDescription="interpreters",
            VpcId=vpc_id,
            SecurityGroupEgress=[
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}
            ],
        ),
        "Endpoint": resource(
            "EC2::VPCEndpoint",
            VpcEndpointType="Gateway",
            VpcId=vpc_id,
            ServiceName=sub("com.amazonaws.${AWS::Region}.s3"),
            RouteTableIds=[{"Ref": "RoutesA"}, {"Ref": "RoutesB"}],
            PolicyDocument=document(allow("s3:*", [s3("data"), s3("data/*")], OWN_ACCOUNT, Principal="*")),
        ),
        "Firewall": resource(
            "Route53Resolver::FirewallRuleGroupAssociation",
            FirewallRuleGroupId="rslvr-frg-0123456789abcdef",
            Priority=101,
            VpcId=vpc_id,
        ),
        "QueryLog": resource(
            "Route53Resolver::ResolverQueryLoggingConfigAssociation",
            ResolverQueryLogConfigId="rqlc-0123456789abcdef",
            ResourceId=vpc_id,
        ),
        "FlowLog": resource(
            "EC2::FlowLog",
            ResourceId=vpc_id,
            ResourceType="VPC",
            TrafficType="ALL",
            LogDestinationType="s3",
            LogDestination=s3("logs"),
        ),
    }


_TEXTS = {"sandbox": json.dumps(sandbox()), "vpc": json.dumps(vpc())}


def fleet(name: str) -> Body:
    """A new copy of a compliant template: `sandbox` or `vpc`."""
    return json.loads(_TEXTS[name])
