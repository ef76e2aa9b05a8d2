"""Many interpreters over stacks: the bucket in one, the interpreters in as many shards as the fleet says."""

from collections import Counter
from typing import TYPE_CHECKING

import aws_cdk as cdk
from constructs import Construct

from interpreter_fleet.interpreter import RESOURCES, CodeInterpreter
from interpreter_fleet.naming import FLEET_TAG, shard_of
from interpreter_fleet.network import Network
from interpreter_fleet.spec import (
    MAX_SHARDS,
    CanaryScheduleSpec,
    FleetSpec,
    InterpreterSpec,
    prefix_of,
)
from interpreter_fleet.storage import PrefixStorage, fleet_bucket, fleet_bucket_name

if TYPE_CHECKING:
    from interpreter_fleet.canary_schedule import CanarySchedule

# CloudFormation quota "resources per template"; one is left for CDK's own metadata resource.
MAX_RESOURCES = 500
PER_STACK = (MAX_RESOURCES - 1) // RESOURCES
# `cdk deploy --concurrency` of more than this shares the rates by being throttled.
_STACKS_AT_ONCE = 4
# Of a CanaryGate: function, role with policy, log group, custom resource; and a policy for each 40
# interpreters, five at most.
GATE_RESOURCES = 10
PER_GATED_STACK = (MAX_RESOURCES - 1 - GATE_RESOURCES) // RESOURCES


class FleetTooLargeError(ValueError):
    """There are more interpreters than one stack, or its canary, takes; the text says what would do."""


class InterpreterFleet:
    """The stacks of one fleet, made in an App or Stage.

    `<fleet>-storage` holds the bucket (unless the fleet uses an existing one), `<fleet>-interpreters-<n>` the
    interpreters of shard n, `<fleet>-canary` the scheduled canary if there is one: the same names in `cdk
    ls`, in cdk.out and in the account. An interpreter's shard depends on its own name and the shard count
    only. Stacks share names, never exports. Shards are made even when empty: the CDK CLI then deletes what
    was there.
    """

    def __init__(self, scope: Construct, spec: FleetSpec, *, env: cdk.Environment | None = None) -> None:
        """Without `env` the templates fit any account and region. May raise FleetTooLargeError."""
        self.spec = spec
        shards = shards_of(spec)
        self.stacks = [
            _stack(scope, spec, f"interpreters-{n}", f"code interpreters, shard {n} of {spec.shards}", env)
            for n in range(spec.shards)
        ]
        self.storage_stack: cdk.Stack | None = None
        self.bucket_name = spec.bucket.name or fleet_bucket_name(
            spec.fleet, account=self.stacks[0].account, region=self.stacks[0].region
        )
        if spec.bucket.name is None and any(one.storage for one in spec.interpreters.values()):
            self.storage_stack = _stack(scope, spec, "storage", "the bucket", env)
            fleet_bucket(
                self.storage_stack,
                "Bucket",
                bucket_name=self.bucket_name,
                retain=spec.bucket.retain is not False,
            )
            for stack in self.stacks:
                stack.add_stack_dependency(self.storage_stack)
        self.interpreters = {
            base: self._make_interpreter(base, one, self.stacks[shards[base]])
            for base, one in spec.interpreters.items()
        }
        if spec.canary_gate:
            for shard, stack in enumerate(self.stacks):
                self._make_gate(stack, [self.interpreters[b] for b, n in shards.items() if n == shard])
        self.canary: CanarySchedule | None = None
        if spec.canary_schedule is not None:
            stack = _stack(scope, spec, "canary", "the scheduled canary", env)
            self.canary = self._make_schedule(stack, spec.canary_schedule)

    # What the two canaries need of the CDK takes a second to import; most apps declare neither.

    def _make_gate(self, stack: cdk.Stack, interpreters: list[CodeInterpreter]) -> None:
        from interpreter_fleet.canary_function import PER_SECOND
        from interpreter_fleet.canary_gate import CanaryGate

        # Stacks may be deployed side by side, some of them: together they keep to the share of one.
        if interpreters:
            at_once = min(len(self.stacks), _STACKS_AT_ONCE)
            CanaryGate(stack, "CanaryGate", interpreters=interpreters, per_second=PER_SECOND / at_once)

    def _make_schedule(self, stack: cdk.Stack, told: CanaryScheduleSpec) -> "CanarySchedule":
        from interpreter_fleet.canary_schedule import MAX_INTERPRETERS, CanarySchedule

        if len(self.interpreters) > MAX_INTERPRETERS:
            raise FleetTooLargeError(
                f"canary_schedule: found {len(self.interpreters)} interpreters; allowed: at most"
                f" {MAX_INTERPRETERS}, else a CanarySchedule for each part of them in an app of your own"
            )
        # Its first round finds them all.
        for other in self.stacks:
            stack.add_stack_dependency(other)
        slow = told.slow_start_seconds
        return CanarySchedule(
            stack,
            "Canary",
            interpreters=list(self.interpreters.values()),
            every=cdk.Duration.minutes(told.every_minutes),
            at_once=told.at_once,
            slow_start=None if slow is None else cdk.Duration.seconds(slow),
        )

    def _make_interpreter(self, base: str, one: InterpreterSpec, stack: cdk.Stack) -> CodeInterpreter:
        prefix = prefix_of(base, one)
        return CodeInterpreter(
            stack,
            base,
            base=base,
            fleet=self.spec.fleet,
            description=one.description,
            network=Network(
                one.network,
                tuple(one.vpc.subnets) if one.vpc else (),
                tuple(one.vpc.security_groups) if one.vpc else (),
            ),
            storage=PrefixStorage(self.bucket_name, prefix, one.storage.access)
            if one.storage and prefix
            else None,
            trust=self.spec.trust,
            permissions_boundary=self.spec.permissions_boundary,
            tags={**self.spec.tags, **one.tags},
            waivers=one.waivers,
            probes=self.spec.probes if one.probes is None else one.probes,
            reaches=one.vpc.reaches if one.vpc else (),
            libraries=self.spec.libraries if one.libraries is None else one.libraries,
        )


def _stack(
    scope: Construct, spec: FleetSpec, part: str, description: str, env: cdk.Environment | None
) -> cdk.Stack:
    name = f"{spec.fleet}-{part}"
    stack = cdk.Stack(
        scope, name, stack_name=name, description=f"Interpreter Fleet {spec.fleet}: {description}", env=env
    )
    for key, value in {**spec.tags, FLEET_TAG: spec.fleet}.items():
        cdk.Tags.of(stack).add(key, value)
    return stack


def shards_of(spec: FleetSpec) -> dict[str, int]:
    """The shard of every interpreter, or FleetTooLargeError when one stack cannot hold its shard."""
    chosen = _choose(spec, spec.shards)
    shard, count = Counter(chosen.values()).most_common(1)[0]
    most = PER_GATED_STACK if spec.canary_gate else PER_STACK
    if count <= most:
        return chosen
    enough = next(
        (n for n in range(spec.shards + 1, MAX_SHARDS + 1) if _largest(_choose(spec, n)) <= most), None
    )
    raise FleetTooLargeError(
        f"shards: found {spec.shards}, which puts {count} interpreters into shard {shard}:"
        f" {count * RESOURCES} resources, and a CloudFormation stack takes {MAX_RESOURCES}"
        f"{f', {GATE_RESOURCES} of them for the canary gate' if spec.canary_gate else ''}; "
        + (
            f"allowed: {enough} or more"
            if enough
            else f"no count up to {MAX_SHARDS} is enough: spread the interpreters with explicit 'shard:' keys"
        )
    )


def _choose(spec: FleetSpec, shards: int) -> dict[str, int]:
    return {
        base: shard_of(base, shards) if one.shard is None else one.shard
        for base, one in spec.interpreters.items()
    }


def _largest(chosen: dict[str, int]) -> int:
    return max(Counter(chosen.values()).values())
