"""One interpreter: its execution role, itself, and the record by which others find it."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_bedrockagentcore as agentcore
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from interpreter_fleet import grants
from interpreter_fleet.execution_role import ROLE_PATH, boundary_arn, execution_role
from interpreter_fleet.manifest import Probe, Record, Trust, parameter_name
from interpreter_fleet.metrics import INVOKE, SESSION, interpreter_metric
from interpreter_fleet.naming import (
    BASE_TAG,
    FLEET_TAG,
    SEPARATOR,
    canonical,
    check_base,
    check_fleet,
    interpreter_name,
    logical_id,
)
from interpreter_fleet.network import Network
from interpreter_fleet.role_documents import storage_policy
from interpreter_fleet.role_documents import trust_policy as make_trust_policy
from interpreter_fleet.spec import Waiver
from interpreter_fleet.storage import PrefixStorage
from interpreter_fleet.values import check_description, check_tags

# The resources of one interpreter: role, interpreter, record.
RESOURCES = 3
METADATA_KEY = "InterpreterFleet"
# A standard parameter of SSM holds 4,096 characters; the rest is for what stands for tokens when deployed.
_STANDARD_CHARACTERS = 3000


class CodeInterpreter(Construct):
    """A custom code interpreter with a role of its own, in any stack.

    `base` is its lasting name; the deployed name is `<base>__<h8>` and changes whenever CloudFormation has
    to replace it. Without `network` it runs in SANDBOX mode; without `storage` its role may do nothing.
    Every value is checked here; a wrong one is a ValueError that says what is allowed. The record is
    `/interpreter-fleet/<fleet>/<base>`: to move an interpreter to another stack, deploy the stack that loses
    it before the one that gains it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own word
        *,
        base: str,
        fleet: str = "default",
        description: str | None = None,
        network: Network | None = None,
        storage: PrefixStorage | None = None,
        trust: Trust = "exact",
        permissions_boundary: str | None = None,
        tags: Mapping[str, str] | None = None,
        waivers: Sequence[Waiver] = (),
        probes: Sequence[Probe] = (),
        reaches: Sequence[str] = (),
        libraries: Sequence[str] = (),
    ) -> None:
        """`permissions_boundary` is an ARN, or the name of a policy in the account.

        `probes`, `reaches` (`host:port`) and `libraries` are for the canary: what it tries (by default
        manifest.DEFAULT_PROBES), where it must get to in VPC mode, and what it must be able to import.
        """
        super().__init__(scope, id)
        self.base = check_base(base)
        self.fleet = check_fleet(fleet)
        self.network = network or Network.sandbox()
        self.storage = storage
        self.probes = tuple(probes)
        if description is not None:
            check_description(description)
        check_tags(tags or {})
        all_tags = {**(tags or {}), FLEET_TAG: fleet, BASE_TAG: base}
        stack = cdk.Stack.of(self)
        partition, region, account = stack.partition, stack.region, stack.account

        self.role = execution_role(
            self,
            "ExecutionRole",
            description=f"Execution role of the code interpreter {base} of the fleet {fleet}",
            trust=make_trust_policy(
                partition=partition, region=region, account=account, base=base, trust=trust
            ),
            storage=None
            if storage is None
            else storage_policy(
                partition=partition,
                account=account,
                bucket=storage.bucket,
                prefix=storage.prefix,
                access=storage.access,
            ),
            permissions_boundary=None
            if permissions_boundary is None
            else boundary_arn(permissions_boundary, partition=partition, account=account),
        )
        self.role_arn = self.role.attr_arn

        # In one order, whatever order they were written in: a reordered list replaces nothing.
        network_configuration = _network_configuration(self.network, stack)
        self.interpreter_name = interpreter_name(
            base,
            {
                "Description": description,
                "NetworkConfiguration": stack.resolve(network_configuration),
                "Role": {
                    "Stack": stack.stack_name
                    if not cdk.Token.is_unresolved(stack.stack_name)
                    else stack.node.path,
                    "LogicalId": stack.resolve(self.role.logical_id),
                    "Path": ROLE_PATH,
                },
            },
        )
        self.resource = agentcore.CfnCodeInterpreterCustom(
            self,
            "Resource",
            name=self.interpreter_name,
            description=description,
            network_configuration=network_configuration,
            execution_role_arn=self.role_arn,
        )
        self.resource.add_metadata(METADATA_KEY, _declaration(fleet, base, storage, waivers))
        self.interpreter_id = self.resource.attr_code_interpreter_id
        self.interpreter_arn = self.resource.attr_code_interpreter_arn
        # Every generation of this interpreter, so that a grant survives a replacement.
        self.arn_pattern = (
            f"arn:{partition}:bedrock-agentcore:{region}:{account}:code-interpreter-custom/{base}{SEPARATOR}*"
        )

        self.record_name = parameter_name(fleet, base)
        record = Record(
            fleet=fleet,
            base=base,
            name=self.interpreter_name,
            id=self.interpreter_id,
            arn=self.interpreter_arn,
            role_arn=self.role_arn,
            network_mode=self.network.mode,
            subnets=self.network.subnets,
            security_groups=self.network.security_groups,
            bucket=storage.bucket if storage else None,
            prefix=storage.prefix if storage else None,
            access=storage.access if storage else None,
            stack=stack.stack_name,
            trust=trust,
            permissions_boundary=None
            if permissions_boundary is None
            else boundary_arn(permissions_boundary, partition=partition, account=account),
            tags=all_tags,
            probes=self.probes,
            reaches=tuple(reaches),
            libraries=tuple(libraries),
        )
        value = record.to_json()
        parameter = ssm.CfnParameter(
            self,
            "Record",
            name=self.record_name,
            type="String",
            description=f"Where the code interpreter {base} of the fleet {fleet} is now",
            # Not `stack.to_json_string`: jsii drops null values, and the record has all its keys.
            value=value,
            tier="Advanced" if len(value) > _STANDARD_CHARACTERS else None,
        )
        # The parameter's name is fixed, so its logical id follows from that name: a construct that moves
        # within its stack keeps its record instead of creating a second one of the same name.
        parameter.override_logical_id(logical_id(self.record_name))
        for key, text in all_tags.items():
            cdk.Tags.of(self).add(key, text)

    def grant_use(self, grantee: iam.IGrantable) -> iam.Grant:
        """Start, invoke and stop sessions. Privileged: whoever may invoke holds the execution role."""
        return grants.grant(self, grantee, grants.USE, self.arn_pattern)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Get the interpreter, and any of its sessions whose id is known."""
        return grants.grant(self, grantee, grants.READ, self.arn_pattern)

    def grant_list(self, grantee: iam.IGrantable) -> iam.Grant:
        """List this interpreter's sessions and, as IAM has no narrower form, all interpreters by name."""
        return grants.grant(self, grantee, grants.LIST_SESSIONS, self.arn_pattern).combine(
            grants.grant(self, grantee, grants.LIST_INTERPRETERS, "*")
        )

    def grant_lookup(self, grantee: iam.IGrantable) -> iam.Grant:
        """Read the record, which holds the interpreter's present id."""
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}:ssm:{stack.region}:{stack.account}:parameter{self.record_name}"
        return grants.grant(self, grantee, grants.LOOKUP, arn)

    def metric(
        self,
        metric_name: str,
        *,
        operation: str = INVOKE,
        statistic: str = "Sum",
        period: cdk.Duration | None = None,
        label: str | None = None,
    ) -> cloudwatch.Metric:
        """Any metric of an API operation on the present generation of this interpreter."""
        return interpreter_metric(
            self.interpreter_arn,
            metric_name,
            operation=operation,
            statistic=statistic,
            period=period,
            label=label,
        )

    def metric_invocations(self, operation: str = INVOKE) -> cloudwatch.Metric:
        """How many requests, summed."""
        return self.metric("Invocations", operation=operation)

    def metric_throttles(self, operation: str = INVOKE) -> cloudwatch.Metric:
        """How many requests were throttled, summed."""
        return self.metric("Throttles", operation=operation)

    def metric_system_errors(self, operation: str = INVOKE) -> cloudwatch.Metric:
        """How many requests failed on AWS's side, summed."""
        return self.metric("SystemErrors", operation=operation)

    def metric_user_errors(self, operation: str = INVOKE) -> cloudwatch.Metric:
        """How many requests failed on the caller's side, summed."""
        return self.metric("UserErrors", operation=operation)

    def metric_latency(self, operation: str = INVOKE) -> cloudwatch.Metric:
        """Milliseconds a request took, averaged."""
        return self.metric("Latency", operation=operation, statistic="Average")

    def metric_session_duration(self) -> cloudwatch.Metric:
        """How long sessions lasted, averaged."""
        return self.metric("Duration", operation=SESSION, statistic="Average")


def _network_configuration(network: Network, stack: cdk.Stack) -> dict[str, Any]:
    if network.mode != "VPC":
        return {"networkMode": network.mode}

    def in_order(ids: tuple[str, ...]) -> list[str]:
        return sorted(ids, key=lambda one: canonical(stack.resolve(one)))

    return {
        "networkMode": "VPC",
        "vpcConfig": {
            "subnets": in_order(network.subnets),
            "securityGroups": in_order(network.security_groups),
        },
    }


def _declaration(
    fleet: str, base: str, storage: PrefixStorage | None, waivers: Sequence[Waiver]
) -> dict[str, Any]:
    """What the policy check reads from the template: docs/architecture.md has the contract."""
    declared: dict[str, Any] = {"Fleet": fleet, "Base": base}
    if storage is not None:
        declared["Storage"] = {
            "Bucket": storage.bucket,
            "Prefix": storage.prefix,
            "Access": storage.access,
        }
    declared["Waivers"] = [
        {"Rule": w.rule, "Reason": w.reason, "Owner": w.owner, "Until": w.until.isoformat()} for w in waivers
    ]
    return declared
