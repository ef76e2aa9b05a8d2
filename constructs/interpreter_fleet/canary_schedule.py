"""The canary every hour, on AWS's own engine: Scheduler → Step Functions distributed map → Lambda."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from interpreter_fleet import monitoring, probe_rights, validation_asset
from interpreter_fleet.canary_function import POLICY_HOLDS, canary_function, canary_log
from interpreter_fleet.interpreter import CodeInterpreter
from interpreter_fleet.manifest import Probe
from interpreter_fleet.naming import canonical
from interpreter_fleet.probe_rights import Chosen

# One function has one role, a role takes ten managed policies (IAM quota "Managed policies per role").
PER_FUNCTION = 10 * POLICY_HOLDS
# What their rights take in a template, of which CloudFormation takes 1 MB.
MAX_INTERPRETERS = 2500
_MINUTES = 10
# A processor slower than this takes seconds to read the models of the APIs.
_MEMORY = 512


class CanarySchedule(Construct):
    """Runs the chosen probes on each interpreter, again and again, and looks for strangers once a round.

    The interpreters may live in other stacks: they are found by their records, at each round anew, so this
    stack imports nothing from theirs. They are of one fleet, 2,500 at most; more take a schedule for each
    part.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own word
        *,
        interpreters: Sequence[CodeInterpreter],
        every: cdk.Duration | None = None,
        probes: Sequence[Probe] = (),
        share: float = 0.5,
        at_once: int = 16,
        per_function: int = PER_FUNCTION,
        slow_start: cdk.Duration | None = None,
    ) -> None:
        """`every` is an hour by default. `probes` are tried instead of those that interpreters choose.

        `share` is of the account's requests a second for each API operation, over all that run `at_once`.
        `per_function` is how many interpreters one function, and so one role, is for. `slow_start` is the
        90th percentile above which the latency alarm sounds; without it, CloudWatch learns what is usual.
        """
        super().__init__(scope, id)
        every = every or cdk.Duration.hours(1)
        _check(interpreters, every, share, at_once, per_function)
        self._fleet = interpreters[0].fleet
        self._stack = cdk.Stack.of(self)
        chosen = probe_rights.choose(interpreters, probes)
        self.log_group = canary_log(self, "Log")
        # In the assembly, so that a deployment that does not copy assets finds it too.
        assembly = cdk.Stage.of(self)
        assert assembly is not None
        folder = Path(assembly.asset_outdir) / "interpreter-validation"
        validation_asset.stage(folder)
        self._code = lambda_.Code.from_asset(str(folder))
        parts = probe_rights.parts(chosen, per_function)
        begin = self._begin(share, strangers=any("declared" in one.probes for one in chosen))
        canaries = [self._canary(n, part, probes, at_once) for n, part in enumerate(parts)]
        self.functions = [begin, *canaries]
        self.state_machine = self._state_machine(begin, canaries, parts, every, at_once)
        scheduler.Schedule(
            self,
            "Schedule",
            schedule=scheduler.ScheduleExpression.rate(every),
            target=targets.StepFunctionsStartExecution(
                self.state_machine,
                # A round that is late is worth nothing: the next one comes.
                retry_attempts=2,
                max_event_age=every,
            ),
            description=f"Canary of the fleet {self._fleet}",
        )
        self.alarms = monitoring.alarms(
            self,
            fleet=self._fleet,
            every=every,
            state_machine=self.state_machine,
            functions=self.functions,
            slow_start=slow_start,
        )
        monitoring.dashboard(self, fleet=self._fleet, every=every, log_group=self.log_group)

    def add_alarm_action(self, action: cloudwatch.IAlarmAction) -> None:
        """Tell somebody about every alarm: an SNS topic, say."""
        for alarm in self.alarms:
            alarm.add_alarm_action(action)

    def _begin(self, share: float, *, strangers: bool) -> lambda_.Function:
        function = self._function(
            "Begin",
            "begin",
            "Begins a round of canaries",
            {"SHARE": str(share), "STRANGERS": str(+strangers)},
        )
        allowed = {"servicequotas:ListServiceQuotas": "*"}
        if strangers:
            where = f"{self._stack.partition}:bedrock-agentcore:{self._stack.region}:{self._stack.account}"
            allowed |= {
                # By path: whoever may read it reads all below it.
                "ssm:GetParametersByPath": probe_rights.records_arn(self._stack),
                "bedrock-agentcore:ListCodeInterpreters": "*",
                "bedrock-agentcore:GetCodeInterpreter": f"arn:{where}:code-interpreter-custom/*",
                "bedrock-agentcore:ListTagsForResource": f"arn:{where}:code-interpreter-custom/*",
            }
        for action, resource in allowed.items():
            function.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
        return function

    def _canary(
        self, number: int, part: list[list[Chosen]], probes: Sequence[Probe], at_once: int
    ) -> lambda_.Function:
        # So many share the rates.
        together = min(at_once, sum(map(len, part)))
        told = {"PROBES": ",".join(probes), "AT_ONCE": str(together)}
        function = self._function(f"Canary{number}", "examine", "Canary on one interpreter", told)
        probe_rights.grant(function, part, self._fleet)
        return function

    def _function(self, name: str, handler: str, does: str, told: dict[str, str]) -> lambda_.Function:
        return canary_function(
            self,
            name,
            code=self._code,
            handler=f"interpreter_validation.scheduled.{handler}",
            description=f"{does} of the fleet {self._fleet}",
            timeout=cdk.Duration.minutes(_MINUTES),
            log_group=self.log_group,
            memory=_MEMORY,
            environment={"FLEET": self._fleet, **told},
        )

    def _state_machine(
        self,
        begin: lambda_.Function,
        canaries: list[lambda_.Function],
        parts: list[list[list[Chosen]]],
        every: cdk.Duration,
        at_once: int,
    ) -> sfn.StateMachine:
        chain = sfn.Chain.start(
            tasks.LambdaInvoke(self, "Round", lambda_function=begin, payload_response_only=True)
        )
        beside = dict(_beside([one for part in parts for together in part for one in together]))
        for number, (canary, part) in enumerate(zip(canaries, parts, strict=True)):
            # Within the definition: 400 of at most 130 bytes, where 256 KB are allowed between states.
            items = [
                {"Base": base, "Beside": beside[base]}
                for together in part
                for base in (one.interpreter.base for one in together)
            ]
            chain = chain.next(
                sfn.Pass(
                    self, f"Part{number}", result=sfn.Result.from_array(items), result_path="$.Interpreters"
                )
            ).next(self._every(number, canary, at_once))
        return sfn.StateMachine(
            self,
            "Rounds",
            definition_body=sfn.DefinitionBody.from_chainable(chain),
            comment="A canary on every interpreter of a fleet",
            # Two rounds at a time would take twice their share of the rates.
            timeout=every,
        )

    def _every(self, number: int, canary: lambda_.Function, at_once: int) -> sfn.DistributedMap:
        return sfn.DistributedMap(
            self,
            f"EveryInterpreter{number}",
            items_path="$.Interpreters",
            item_selector={
                "Base": sfn.JsonPath.string_at("$$.Map.Item.Value.Base"),
                "Beside": sfn.JsonPath.object_at("$$.Map.Item.Value.Beside"),
                "PerSecond": sfn.JsonPath.object_at("$.PerSecond"),
            },
            max_concurrency=at_once,
            # One that crashes is told by the function's alarm, and keeps no other from its turn.
            tolerated_failure_percentage=100,
            map_execution_type=sfn.StateMachineType.STANDARD,
            result_path=sfn.JsonPath.DISCARD,
        ).item_processor(
            tasks.LambdaInvoke(self, f"Probes{number}", lambda_function=canary, payload_response_only=True)
        )


def _check(
    interpreters: Sequence[CodeInterpreter],
    every: cdk.Duration,
    share: float,
    at_once: int,
    per_function: int,
) -> None:
    fleets = {one.fleet for one in interpreters}
    if len(fleets) != 1:
        raise ValueError(f"found interpreters of {len(fleets)} fleets; allowed: of one fleet")
    if len(interpreters) > MAX_INTERPRETERS:
        raise ValueError(
            f"found {len(interpreters)} interpreters; allowed: at most {MAX_INTERPRETERS} a schedule"
        )
    if not 1 <= every.to_minutes() <= 24 * 60:
        raise ValueError(f"every: found {every.to_human_string()}; allowed: 1 minute to 1 day")
    if not 0 < share <= 1:
        raise ValueError(f"share: found {share}; allowed: more than 0 and at most 1")
    if not 1 <= at_once <= 1000:
        raise ValueError(f"at_once: found {at_once}; allowed: 1 to 1000")
    if not 1 <= per_function <= PER_FUNCTION:
        raise ValueError(f"per_function: found {per_function}; allowed: 1 to {PER_FUNCTION}")


def _beside(chosen: Sequence[Chosen]) -> Iterator[tuple[str, list[str]]]:
    """For each base, whose storage it is tried on: the next prefix in its bucket, and another bucket.

    So all prefixes of a bucket are tried by somebody.
    """
    owners: dict[str, list[tuple[str, str]]] = {}
    for one in (one.interpreter for one in chosen):
        if one.storage is not None:
            bucket = canonical(cdk.Stack.of(one).resolve(one.storage.bucket))
            owners.setdefault(bucket, []).append((one.storage.prefix, one.base))
    first: dict[str, str] = {}
    after: dict[str, tuple[str, str]] = {}
    for bucket, found in owners.items():
        found.sort()
        first[bucket] = found[0][1]
        for place, (_, base) in enumerate(found):
            after[base] = (bucket, found[(place + 1) % len(found)][1])
    for one in (one.interpreter for one in chosen):
        bucket, sibling = after.get(one.base, ("", ""))
        foreign = next((base for other, base in first.items() if other != bucket), "")
        yield one.base, [base for base in (sibling, foreign) if base and base != one.base]
