"""The canary every hour, on AWS's own engine: Scheduler → Step Functions distributed map → Lambda."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from interpreter_fleet import grants, monitoring
from interpreter_fleet.canary_function import PER_SECOND, POLICY_HOLDS, canary_function, grant_canary
from interpreter_fleet.interpreter import CodeInterpreter

# A role takes ten managed policies (IAM quota "Managed policies per role"), and one function has one role.
MAX_INTERPRETERS = 10 * POLICY_HOLDS
_MINUTES = 10


class CanarySchedule(Construct):
    """Starts, invokes and stops a session on each interpreter, again and again.

    The interpreters may live in other stacks: they are found by their records, at each round anew, so this
    stack imports nothing from theirs. Up to 400 interpreters; more take one schedule for each part.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own word
        *,
        interpreters: Sequence[CodeInterpreter],
        every: cdk.Duration | None = None,
        per_second: float = PER_SECOND,
        at_once: int = 8,
        slow_start: cdk.Duration | None = None,
    ) -> None:
        """`every` is an hour by default. `per_second` is for each API operation, over all that run `at_once`.

        `slow_start` is the 90th percentile above which the latency alarm sounds; without it, CloudWatch
        learns what is usual.
        """
        super().__init__(scope, id)
        every = every or cdk.Duration.hours(1)
        fleets = {one.fleet for one in interpreters}
        if len(fleets) != 1:
            raise ValueError(f"found interpreters of {len(fleets)} fleets; allowed: of one fleet")
        if len(interpreters) > MAX_INTERPRETERS:
            raise ValueError(
                f"found {len(interpreters)} interpreters; allowed: at most {MAX_INTERPRETERS} a schedule"
            )
        if not 1 <= every.to_minutes() <= 24 * 60:
            raise ValueError(f"every: found {every.to_human_string()}; allowed: 1 minute to 1 day")
        if not per_second > 0:
            raise ValueError(f"per_second: found {per_second}; allowed: more than 0")
        if not 1 <= at_once <= 1000:
            raise ValueError(f"at_once: found {at_once}; allowed: 1 to 1000")
        fleet = interpreters[0].fleet
        self.function = canary_function(
            self,
            "Function",
            handler="scheduled.handler",
            description=f"Scheduled canary of the fleet {fleet}",
            timeout=cdk.Duration.minutes(_MINUTES),
        )
        grant_canary(self.function, interpreters)
        stack = cdk.Stack.of(self)
        records = f"arn:{stack.partition}:ssm:{stack.region}:{stack.account}:parameter/interpreter-fleet"
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=list(grants.LOOKUP), resources=[f"{records}/{fleet}/*"])
        )
        self.state_machine = self._state_machine(
            [
                {
                    "Fleet": fleet,
                    "Base": one.base,
                    "AtOnce": str(at_once),
                    "PerSecond": str(per_second),
                }
                for one in interpreters
            ],
            at_once,
        )
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
            description=f"Canary of the fleet {fleet}",
        )
        self.alarms = monitoring.alarms(
            self,
            fleet=fleet,
            every=every,
            state_machine=self.state_machine,
            function=self.function,
            slow_start=slow_start,
        )
        monitoring.dashboard(self, fleet=fleet, every=every, log_group=self.function.log_group)

    def add_alarm_action(self, action: cloudwatch.IAlarmAction) -> None:
        """Tell somebody about every alarm: an SNS topic, say."""
        for alarm in self.alarms:
            alarm.add_alarm_action(action)

    def _state_machine(self, items: list[dict[str, str]], at_once: int) -> sfn.StateMachine:
        # Within the definition: 400 of at most 110 bytes, where 1 MB is allowed and 256 KB between states.
        listed = sfn.Pass(self, "Interpreters", result=sfn.Result.from_array(items))
        every_one = sfn.DistributedMap(
            self,
            "EveryInterpreter",
            items_path="$",
            max_concurrency=at_once,
            # One that crashes is told by the function's alarm, and keeps no other from its turn.
            tolerated_failure_percentage=100,
            map_execution_type=sfn.StateMachineType.STANDARD,
            result_path=sfn.JsonPath.DISCARD,
        ).item_processor(
            tasks.LambdaInvoke(self, "Canary", lambda_function=self.function, payload_response_only=True)
        )
        return sfn.StateMachine(
            self,
            "Rounds",
            definition_body=sfn.DefinitionBody.from_chainable(listed.next(every_one)),
            comment="A canary on every interpreter of a fleet",
        )
