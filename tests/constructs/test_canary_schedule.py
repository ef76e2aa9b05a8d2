"""Given a scheduled canary: what may do what, how it is paced, and what sounds when."""

import json
import re

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from interpreter_fleet import CanarySchedule, CodeInterpreter, PrefixStorage
from interpreter_fleet.canary_schedule import MAX_INTERPRETERS
from interpreter_fleet.naming import MAX_BASE
from interpreter_validation import permissions

FUNCTION = "AWS::Lambda::Function"
ALARM = "AWS::CloudWatch::Alarm"


@pytest.fixture
def schedule(app):
    """`schedule("a", "b", …)`: interpreters in one stack, their canary in another."""
    here, there = cdk.Stack(app, "interpreters"), cdk.Stack(app, "watch")

    def make(*bases, **given):
        interpreters = [CodeInterpreter(here, base, base=base, fleet="demo") for base in bases]
        return CanarySchedule(there, "Canary", interpreters=interpreters, **given)

    return make


@pytest.fixture
def states(only):
    """The states of the state machine, and its definition's length."""

    def read():
        joined = only("AWS::StepFunctions::StateMachine")["DefinitionString"]["Fn::Join"][1]
        text = "".join(part if isinstance(part, str) else "arn" for part in joined)
        return json.loads(text)["States"]

    return read


def test_a_round_is_every_interpreter_at_so_many_at_once(schedule, states):
    schedule("a", "b", at_once=3)

    found = states()
    assert found["Part0"]["Result"] == [{"Base": base, "Beside": []} for base in ("a", "b")]
    every = found["EveryInterpreter0"]
    assert every["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert (every["MaxConcurrency"], every["ToleratedFailurePercentage"]) == (3, 100)
    assert every["ItemSelector"]["PerSecond.$"] == "$.PerSecond"


def test_more_than_one_function_is_for_are_parts_one_after_another(schedule, states, resources):
    """Each with a role that may use its own interpreters and no others."""
    schedule("a", "b", "c", per_function=2)

    found = states()
    assert [[one["Base"] for one in found[f"Part{n}"]["Result"]] for n in (0, 1)] == [["a", "b"], ["c"]]
    assert [found[name]["Next"] for name in ("Round", "Part0", "EveryInterpreter0", "Part1")] == [
        "Part0",
        "EveryInterpreter0",
        "Part1",
        "EveryInterpreter1",
    ]
    assert found["EveryInterpreter1"]["End"]
    granted = [
        (policy["Properties"]["Roles"][0]["Ref"], [arn["Fn::Sub"] for arn in resources_of(policy)])
        for policy in resources("AWS::IAM::ManagedPolicy", stack="watch").values()
    ]
    assert [[arn.rpartition("/")[2] for arn in arns] for _, arns in granted] == [["a__*", "b__*"], ["c__*"]]
    assert len({role for role, _ in granted}) == 2


def resources_of(policy):
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    found = statement["Resource"]
    return found if isinstance(found, list) else [found]


def test_the_rates_are_shared_by_as_many_as_there_are(schedule, resources):
    schedule("a", "b", "c", per_function=2, at_once=16)

    told = [one["Properties"]["Environment"]["Variables"] for one in resources(FUNCTION).values()]
    assert sorted(one["AT_ONCE"] for one in told if "AT_ONCE" in one) == ["1", "2"]


def test_each_is_tried_on_the_storage_of_the_next_and_on_another_bucket(app, states):
    here, there = cdk.Stack(app, "interpreters"), cdk.Stack(app, "watch")
    places = {"a": ("one", "a/"), "b": ("one", "b/"), "c": ("two", "c/"), "d": None}
    interpreters = [
        CodeInterpreter(here, base, base=base, fleet="demo", storage=at and PrefixStorage(*at))
        for base, at in places.items()
    ]
    CanarySchedule(there, "Canary", interpreters=interpreters)

    beside = {one["Base"]: one["Beside"] for one in states()["Part0"]["Result"]}
    assert beside == {"a": ["b", "c"], "b": ["a", "c"], "c": ["a"], "d": ["a"]}


def test_the_stacks_share_nothing_but_names(schedule, app):
    """An interpreter that is replaced is found by its record at the next round."""
    schedule("a")

    here, there = app.synth().stacks
    assert "Outputs" not in here.template
    assert "Fn::ImportValue" not in json.dumps(there.template)


@pytest.fixture
def granted(resources):
    """Action → resources, over all policies of the canary's stack."""

    def read():
        policies = [
            *resources("AWS::IAM::Policy", stack="watch").values(),
            *resources("AWS::IAM::ManagedPolicy", stack="watch").values(),
        ]
        found = {}
        for policy in policies:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                actions, at = statement["Action"], statement["Resource"]
                for action in [actions] if isinstance(actions, str) else actions:
                    found.setdefault(action, []).extend(at if isinstance(at, list) else [at])
        return found

    return read


CORE, SESSION = "bedrock-agentcore:", "CodeInterpreterSession"
SESSIONS = {
    *(f"{CORE}{does}{SESSION}" for does in ("Start", "Stop", "Get")),
    f"{CORE}List{SESSION}s",
    f"{CORE}InvokeCodeInterpreter",
}
ROLES = {"iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"}
ALWAYS = {
    "servicequotas:ListServiceQuotas",
    "ssm:GetParameter",
    "lambda:InvokeFunction",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "states:StartExecution",
    "states:DescribeExecution",
    "states:RedriveExecution",
    "states:StopExecution",
}


def test_a_canary_of_sessions_may_do_nothing_else(schedule, granted):
    """No bucket is read, no interpreter is listed, and records are those of the fleet."""
    schedule("a", probes=["lifecycle", "tools"])

    found = granted()
    assert set(found) == SESSIONS | ALWAYS
    [records] = found["ssm:GetParameter"]
    assert records["Fn::Join"][1][-1] == ":parameter/interpreter-fleet/demo/*"
    [sessions] = found["bedrock-agentcore:StartCodeInterpreterSession"]
    assert sessions["Fn::Sub"].endswith(":code-interpreter-custom/a__*")
    assert [action for action, at in found.items() if "*" in at] == ["servicequotas:ListServiceQuotas"]


def test_the_probe_declared_reads_what_there_is_and_opens_no_session(schedule, granted):
    """Roles of interpreters; and once a round all interpreters, for strangers among them."""
    schedule("a", probes=["declared"])

    found = granted()
    assert set(found) == ALWAYS | ROLES | {
        "bedrock-agentcore:GetCodeInterpreter",
        "bedrock-agentcore:ListCodeInterpreters",
        "bedrock-agentcore:ListTagsForResource",
        "ssm:GetParametersByPath",
        "s3:GetBucketPolicy",
    }
    assert {at["Fn::Join"][1][-1] for action in ROLES for at in found[action]} == {":role/BedrockAgentCore/*"}


def test_the_storage_probe_puts_marked_objects_into_the_fleets_bucket(app, granted):
    here, there = cdk.Stack(app, "interpreters"), cdk.Stack(app, "watch")
    one = CodeInterpreter(here, "a", base="a", fleet="demo", storage=PrefixStorage("kept", "a/"))
    CanarySchedule(there, "Canary", interpreters=[one])

    found = granted()
    changes = {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}
    for action in changes:
        [at] = found[action]
        assert at["Fn::Join"][1][-1] == ":s3:::kept/*interpreter-fleet-canary-*"
    [versions] = found["s3:ListBucketVersions"]
    assert versions["Fn::Join"][1][-1] == ":s3:::kept"
    assert {one for one in found if one.startswith("s3:")} == changes | {
        "s3:GetBucketPolicy",
        "s3:ListBucketVersions",
    }


def test_interpreters_with_other_probes_have_other_rights(app, resources):
    here, there = cdk.Stack(app, "interpreters"), cdk.Stack(app, "watch")
    chosen = {"a": ["lifecycle"], "b": [], "c": ["lifecycle"]}
    CanarySchedule(
        there,
        "Canary",
        interpreters=[
            CodeInterpreter(here, base, base=base, fleet="demo", probes=probes)
            for base, probes in chosen.items()
        ],
    )

    found = {}
    for policy in resources("AWS::IAM::ManagedPolicy", stack="watch").values():
        [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
        for arn in resources_of(policy):
            base = arn["Fn::Sub"].rpartition("/")[2]
            found[base] = "bedrock-agentcore:GetCodeInterpreter" in statement["Action"]
    assert found == {"a__*": False, "b__*": True, "c__*": False}


def test_a_round_that_could_not_begin_is_not_made_up_for_after_the_next(schedule, only):
    schedule("a", every=cdk.Duration.minutes(30))

    found = only("AWS::Scheduler::Schedule")
    assert found["ScheduleExpression"] == "rate(30 minutes)"
    assert found["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 1800, "MaximumRetryAttempts": 2}


def test_a_round_ends_before_the_next_begins(schedule, only, resources):
    """Else the two would take twice their share; what was not tried for it is an alarm."""
    schedule("a", every=cdk.Duration.minutes(30))

    joined = only("AWS::StepFunctions::StateMachine")["DefinitionString"]["Fn::Join"][1]
    assert '"TimeoutSeconds":1800' in "".join(part for part in joined if isinstance(part, str))
    watched = {alarm["Properties"].get("MetricName") for alarm in resources(ALARM).values()}
    assert {"ExecutionsTimedOut", "ExecutionsFailed"} < watched


def test_alarms_sound_for_failures_doubts_leaks_slowness_and_silence(schedule, resources):
    schedule("a", slow_start=cdk.Duration.seconds(5))

    found = {
        alarm["Properties"]["MetricName"]: alarm["Properties"]
        for alarm in resources(ALARM).values()
        if alarm["Properties"].get("Namespace") == "InterpreterFleet"
    }
    thresholds = {name: (a["Threshold"], a["TreatMissingData"]) for name, a in found.items()}
    assert thresholds == {
        "Failed": (0, "notBreaching"),
        "CouldNotTell": (0, "notBreaching"),
        "Leaked": (0, "notBreaching"),
        "Strangers": (0, "notBreaching"),
        "StartLatency": (5000, "notBreaching"),
        "Checked": (1, "breaching"),
    }
    assert {a["Dimensions"][0]["Value"] for a in found.values()} == {"demo"}


def test_without_a_limit_latency_is_held_against_the_fleets_own_past(schedule, resources):
    schedule("a")

    [band] = [
        metric["Expression"]
        for alarm in resources(ALARM).values()
        for metric in alarm["Properties"].get("Metrics", [])
        if "Expression" in metric
    ]
    assert band.startswith("ANOMALY_DETECTION_BAND(")


def test_an_alarm_action_hears_of_every_alarm(schedule, app, resources):
    canary = schedule("a")
    canary.add_alarm_action(actions.SnsAction(sns.Topic(cdk.Stack.of(canary), "Topic")))

    found = resources(ALARM).values()
    assert len(found) == 10
    assert all(alarm["Properties"]["AlarmActions"] for alarm in found)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 0}, "share: found 0; allowed: more than 0 and at most 1"),
        ({"per_function": 401}, "per_function: found 401; allowed: 1 to 400"),
        ({"at_once": 0}, "at_once: found 0; allowed: 1 to 1000"),
        ({"every": cdk.Duration.days(2)}, "every: found 2 days; allowed: 1 minute to 1 day"),
    ],
)
def test_a_wrong_value_is_an_error_at_once(schedule, given, message):
    with pytest.raises(ValueError, match="allowed:") as raised:
        schedule("a", **given)

    assert str(raised.value) == message


def test_a_schedule_is_for_interpreters_of_one_fleet(schedule, stack):
    with pytest.raises(ValueError, match="found interpreters of 0 fleets; allowed: of one fleet"):
        schedule()


def test_it_may_do_what_the_command_may_do_and_read_its_records_one_by_one(app, granted):
    """The same probes take the same rights, from a laptop and from here; what VPC mode alone needs, and what
    holds records against stacks, apart.
    """
    here, there = cdk.Stack(app, "interpreters"), cdk.Stack(app, "watch")
    one = CodeInterpreter(here, "a", base="a", fleet="demo", storage=PrefixStorage("kept", "a/"))
    CanarySchedule(there, "Canary", interpreters=[one])

    told = permissions.policy("canary", permissions.Scope())["Statement"]
    services = ("bedrock-agentcore:", "iam:", "s3:", "servicequotas:", "ssm:")
    actions = {action for statement in told for action in statement["Action"]}
    command = {one for one in actions if one.startswith(services)}
    assert {one for one in granted() if one.startswith(services)} == command | {"ssm:GetParameter"}


FLEET = """
fleet: demo
canary_schedule: {canary}
interpreters:
  one: {{storage: {{access: read}}}}
  two: {{probes: [lifecycle]}}
"""


def test_a_fleet_that_says_so_has_one_in_a_stack_of_its_own(app, fleet, states):
    made = fleet(FLEET.format(canary="{every_minutes: 30, at_once: 4}"))

    assert made.canary is not None
    assert [one["Base"] for one in states()["Part0"]["Result"]] == ["one", "two"]
    assert states()["EveryInterpreter0"]["MaxConcurrency"] == 4
    assert cdk.Stack.of(made.canary).stack_name == "demo-canary"


@pytest.mark.parametrize(("canary", "thresholds"), [("{}", [30_000]), ("{slow_start_seconds: null}", [])])
def test_a_start_is_slow_above_a_limit_or_above_what_was_usual(fleet, resources, canary, thresholds):
    fleet(FLEET.format(canary=canary))

    alarms = [one["Properties"] for one in resources(ALARM).values()]
    assert [one["Threshold"] for one in alarms if one.get("MetricName") == "StartLatency"] == thresholds
    assert any("ANOMALY_DETECTION_BAND" in json.dumps(one) for one in alarms) is not bool(thresholds)


def test_the_schedule_of_a_fleet_is_deployed_after_it(app, fleet):
    made = fleet(FLEET.format(canary="{}"))

    stacks = {one.stack_name: one for one in app.synth().stacks}
    assert {one.id for one in stacks["demo-canary"].dependencies} >= {stacks["demo-interpreters-0"].id}
    assert made.canary is not None


def test_a_fleet_has_no_schedule_unless_it_says_so(app, fleet):
    made = fleet("fleet: demo\ninterpreters: {one: {}}\n")

    assert made.canary is None
    assert "demo-canary" not in [one.stack_name for one in app.synth().stacks]


@pytest.mark.slow
def test_thousands_fit_into_what_aws_takes(app, tmp_path):
    """1,000 with the longest names: a template of 1 MB would hold the most that a schedule takes."""
    count, shard = 1000, 150
    stacks = [cdk.Stack(app, f"shard{n}") for n in range(1 + count // shard)]
    bases = [f"i{n:04d}".ljust(MAX_BASE, "x") for n in range(count)]
    interpreters = [
        CodeInterpreter(
            stacks[n // shard], base, base=base, fleet="demo", storage=PrefixStorage("kept", f"{base}/")
        )
        for n, base in enumerate(bases)
    ]
    CanarySchedule(cdk.Stack(app, "watch"), "Canary", interpreters=interpreters)
    app.synth()

    text = (tmp_path / "cdk.out/watch.template.json").read_text()
    resources = json.loads(text)["Resources"]
    assert len(text) * MAX_INTERPRETERS / count < 1_000_000
    assert len(resources) * MAX_INTERPRETERS / count < 500
    [machine] = [one for one in resources.values() if one["Type"] == "AWS::StepFunctions::StateMachine"]
    parts = machine["Properties"]["DefinitionString"]["Fn::Join"][1]
    definition = "".join(part if isinstance(part, str) else "x" * 100 for part in parts)
    assert len(definition) * MAX_INTERPRETERS / count < 1_000_000
    states = json.loads(definition)["States"]
    lists = [json.dumps(state["Result"]) for name, state in states.items() if name.startswith("Part")]
    assert max(map(len, lists)) < 256_000
    assert [one["Base"] for text in lists for one in json.loads(text)] == bases
    for kind, most in (("AWS::IAM::ManagedPolicy", 6144), ("AWS::IAM::Policy", 10240)):
        found = [one["Properties"] for one in resources.values() if one["Type"] == kind]
        assert max(len(deployed(one["PolicyDocument"])) for one in found) <= most
    roles = [
        one["Properties"]["Roles"][0]["Ref"]
        for one in resources.values()
        if one["Type"] == "AWS::IAM::ManagedPolicy"
    ]
    assert max(roles.count(role) for role in roles) <= 10


def deployed(document):
    """A policy as IAM counts it, with the longest values that pseudo parameters have."""
    values = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "1" * 12}
    text = json.dumps(document, separators=(",", ":"))
    text = re.sub(r'\{"Fn::Sub":("[^"]*")\}', r"\1", text)
    return re.sub(r"\$\{(AWS::\w+)\}", lambda found: values[found[1]], text)
