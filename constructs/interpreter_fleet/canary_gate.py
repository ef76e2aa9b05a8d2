"""A canary within the deployment: interpreters that do not work do not stay deployed."""

import hashlib
from collections.abc import Sequence

import aws_cdk as cdk
import jsii
from constructs import Construct

from interpreter_fleet.canary_function import PER_SECOND, canary_function, grant_canary
from interpreter_fleet.interpreter import CodeInterpreter
from interpreter_fleet.naming import canonical

_MINUTES = 15


class CanaryGate(Construct):
    """Starts, invokes and stops a session on each interpreter whenever one of them has changed.

    It runs inside `cdk deploy`, after the interpreters. A failure fails the deployment, and CloudFormation
    rolls the stack back; the event says which interpreter and why. A canary that could not tell counts as a
    failure. A start may take its time: what has no answer yet, is throttled or meets rights that have not
    spread through IAM yet is asked for again, until the function's 15 minutes are nearly over.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own word
        *,
        interpreters: Sequence[CodeInterpreter],
        per_second: float = PER_SECOND,
        concurrency: int = 8,
        settle: cdk.Duration | None = None,
    ) -> None:
        """`interpreters` are of this stack, one at least. `per_second` is for each API operation.

        `settle` (60 seconds by default) is how long refusals may come from rights that are still spreading.
        """
        super().__init__(scope, id)
        if not interpreters:
            raise ValueError("found no interpreters; allowed: one or more")
        stack = cdk.Stack.of(self)
        if strangers := [one.base for one in interpreters if cdk.Stack.of(one) is not stack]:
            raise ValueError(f"found {strangers[0]!r} of another stack; allowed: interpreters of this stack")
        if not per_second > 0:
            raise ValueError(f"per_second: found {per_second}; allowed: more than 0")
        if not 1 <= concurrency <= 32:
            raise ValueError(f"concurrency: found {concurrency}; allowed: 1 to 32")
        self.function = canary_function(
            self,
            "Function",
            handler="interpreter_canary.gate.handler",
            description=f"Canary gate of {len(interpreters)} code interpreters, run by CloudFormation",
            timeout=cdk.Duration.minutes(_MINUTES),
        )
        grant_canary(self.function, interpreters)
        self.resource = cdk.CustomResource(
            self,
            "Resource",
            service_token=self.function.function_arn,
            resource_type="Custom::InterpreterCanaryGate",
            # A function that could not even answer must not hold the stack for an hour.
            service_timeout=cdk.Duration.minutes(_MINUTES + 1),
            properties={
                "Interpreters": [{"Base": one.base, "Id": one.interpreter_id} for one in interpreters],
                # What changes an interpreter without replacing it: then it is tried again too.
                "Declared": cdk.Lazy.string(_Declared(interpreters)),
                "Settings": {
                    "PerSecond": str(per_second),
                    "Concurrency": str(concurrency),
                    "Settle": str((settle or cdk.Duration.seconds(60)).to_seconds()),
                },
            },
        )
        # The rights first, and at the end the rights last: CloudFormation asks it about the removal too.
        self.resource.node.add_dependency(self.function)
        for one in interpreters:
            self.resource.node.add_dependency(one)


@jsii.implements(cdk.IStableStringProducer)
class _Declared:
    """A hash over what the templates say of these interpreters, taken when all of it has been said."""

    def __init__(self, interpreters: Sequence[CodeInterpreter]) -> None:
        self._interpreters = interpreters

    def produce(self) -> str:
        said = [
            cdk.Stack.of(one).resolve(
                {
                    "name": one.interpreter_name,
                    "trust": one.role.assume_role_policy_document,
                    "policies": one.role.policies,
                    "managed": one.role.managed_policy_arns,
                    "boundary": one.role.permissions_boundary,
                }
            )
            for one in self._interpreters
        ]
        return hashlib.sha256(canonical(said).encode()).hexdigest()[:16]
