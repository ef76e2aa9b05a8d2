"""The organisation's documents refuse what the rules find, and nothing that a compliant fleet does."""

import json
from pathlib import Path

import cloudformation_validate
import pytest

from interpreter_policies.engine import run
from interpreter_policies.files import read
from interpreter_policies.iam.document import Statement, parse
from interpreter_policies.iam.evaluator import Policies, Principal, Request, decide
from interpreter_policies.iam.proof import counterexample
from interpreter_policies.organisation import (
    GUARD,
    MAX_SCP,
    boundary,
    documents,
    force_vpc,
    main,
    no_managed_interpreter,
    only_the_deploy_role,
)
from interpreter_policies.rules import all_rules
from interpreter_policies.template import UnresolvedError
from interpreter_policies.view import interpreters

from .mutants.compliant import fleet
from .mutants.table import MUTANTS

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "rules"
RULES = {rule.id: rule for rule in all_rules()}
EVERYTHING = parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
ACCOUNT = "111122223333"
DEPLOYER = Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-1", account=ACCOUNT)
SOMEBODY = Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/admin", account=ACCOUNT)


def under(scp, action, resource="*", who=SOMEBODY, **context):
    """Whether an administrator may, under a service control policy."""
    keys = {key: tuple(values) for key, values in context.items()}
    keys["aws:PrincipalArn"] = (who.arn,)
    policies = Policies(EVERYTHING, scps=((*EVERYTHING, *parse(scp)),))
    return decide(policies, Request(action, resource, keys, who)).allowed


def creation(path):
    """The condition keys with which CloudFormation would create a template's interpreter."""
    found = next(one for one in interpreters([read(path)]) if one.logical_id == "Interpreter")
    config = found.network.get("VpcConfig") or {}
    pairs = {"subnets": config.get("Subnets"), "securityGroups": config.get("SecurityGroups")}
    return {f"bedrock-agentcore:{key}": values for key, values in pairs.items() if values}


def status(path, rule):
    """What the core says of the interpreter in a case."""
    results = run([read(path)], [RULES[rule]]).results
    return next(one.status for one in results if one.logical_id == "Interpreter")


@pytest.mark.parametrize("path", sorted(CASES.glob("ACCI-002/*.json")), ids=lambda path: path.stem)
def test_what_is_not_vpc_cannot_be_created(path):
    """As ACCI-002 says; the mode itself is no condition key, its subnets and groups are."""
    assert under(force_vpc(), "bedrock-agentcore:CreateCodeInterpreter", **creation(path)) is (
        status(path, "ACCI-002") == "pass"
    )


@pytest.mark.parametrize(
    ("subnets", "groups", "allowed"),
    [
        (["subnet-1"], ["sg-1"], True),
        (["subnet-1", "subnet-2"], ["sg-1"], True),
        (["subnet-1", "subnet-9"], ["sg-1"], False),
        (["subnet-1"], ["sg-9"], False),
        (["subnet-1"], None, False),
        (None, ["sg-1"], False),
    ],
)
def test_only_the_subnets_and_groups_that_are_listed(subnets, groups, allowed):
    keys = {"bedrock-agentcore:subnets": subnets, "bedrock-agentcore:securityGroups": groups}
    scp = force_vpc(["subnet-1", "subnet-2"], ["sg-1"])

    assert (
        under(
            scp,
            "bedrock-agentcore:CreateCodeInterpreter",
            **{key: values for key, values in keys.items() if values},
        )
        is allowed
    )


@pytest.mark.parametrize("action", ["StartCodeInterpreterSession", "InvokeCodeInterpreter"])
def test_the_managed_interpreter_is_refused_and_a_custom_one_is_not(action):
    arn = "arn:aws:bedrock-agentcore:us-east-1:{}/{}"
    scp = no_managed_interpreter()

    managed = arn.format("aws:code-interpreter", "aws.codeinterpreter.v1")
    custom = arn.format(f"{ACCOUNT}:code-interpreter-custom", "analytics__1-AbCdEfGhIj")
    assert not under(scp, f"bedrock-agentcore:{action}", managed)
    assert under(scp, f"bedrock-agentcore:{action}", custom)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("bedrock-agentcore:CreateCodeInterpreter", "*"),
        ("bedrock-agentcore:DeleteCodeInterpreter", "*"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/BedrockAgentCore/analytics"),
    ],
)
def test_only_the_deploy_role_creates(action, resource):
    assert under(only_the_deploy_role(), action, resource, DEPLOYER)
    assert not under(only_the_deploy_role(), action, resource, SOMEBODY)
    assert under(only_the_deploy_role(), "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/other", SOMEBODY)


def role_of(path):
    found = next(one for one in interpreters([read(path)]) if one.logical_id == "Interpreter")
    return found.role


OBJECTS = ("s3:getobject", "s3:putobject", "s3:deleteobject", "s3:abortmultipartupload", "s3:listbucket")


@pytest.mark.parametrize(
    "path",
    [
        one
        for rule in ("020", "021", "024", "025", "026", "027")
        for one in sorted(CASES.glob(f"ACCI-{rule}/fail_*"))
    ],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_under_the_boundary_a_role_does_nothing_but_objects_and_bound_lists(path):
    """Whatever a failing role is given: proven for every request."""
    try:
        permissions = role_of(path).permissions
    except UnresolvedError:
        permissions = role_of(path).written_permissions
    beyond = (Statement("Allow", actions=OBJECTS, resources=("arn:*:s3:::*",)),)

    assert counterexample(permissions, beyond, within=[parse(boundary())]) is None


def test_the_boundary_leaves_a_compliant_role_all_that_it_has(tmp_path):
    """Deployed, with the account known on both sides."""
    file = tmp_path / "fleet.template.json"
    text = json.dumps(fleet("sandbox")).replace('{"Ref": "AWS::AccountId"}', f'"{ACCOUNT}"')
    file.write_text(text.replace("${AWS::Partition}", "aws").replace('{"Ref": "AWS::Partition"}', '"aws"'))
    keys = {"aws:ResourceAccount": (ACCOUNT,), "aws:PrincipalAccount": (ACCOUNT,)}
    policies = Policies(role_of(file).permissions, boundary=parse(boundary()))

    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        request = Request(action, "arn:<AWS::Partition>:s3:::data/analytics/a.csv", keys)
        assert decide(policies, request).allowed
    listing = Request(
        "s3:ListBucket", "arn:<AWS::Partition>:s3:::data", {**keys, "s3:prefix": ("analytics/",)}
    )
    assert decide(policies, listing).allowed


@pytest.fixture(scope="module")
def guard():
    """`guard(path)` → the Guard rules that a template breaks, by AWS's own evaluator."""
    source = cloudformation_validate.ExternalRuleSource(name=GUARD.name, content=GUARD.read_text())
    config = cloudformation_validate.CompositeEngineConfig(guard_rules=[source])
    engine = cloudformation_validate.CompositeEngine(config)
    only_ours = cloudformation_validate.ValidateConfig(disable_builtin_rules=True)

    def broken(path):
        found = engine.validate_template(str(path), only_ours)
        assert found.status == cloudformation_validate.ReportStatus.OK
        return {one.rule_id for one in found.diagnostics}

    return broken


IN_GUARD = ("ACCI-001", "ACCI-003", "ACCI-004", "ACCI-005", "ACCI-030")
# Guard cannot say "at most 16" of a list that a filter has found; what is looked up is a wrong mode there.
NOT_IN_GUARD = {"ACCI-004/fail_seventeen_groups", "ACCI-003/fail_looked_up_at_deployment"}
# It resolves no function.
MORE_IN_GUARD = {"ACCI-001/pass_default_of_a_mapping", "ACCI-005/pass_account_in_the_name"}


@pytest.mark.parametrize(
    "path",
    [one for rule in IN_GUARD for one in sorted(CASES.glob(f"{rule}/*.json"))],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_guard_says_what_the_rule_says(guard, path):
    """What the core cannot tell, Guard refuses as well."""
    rule = path.parent.name
    core = {one.status for one in run([read(path)], [RULES[rule]]).results}
    name = f"{rule}/{path.stem}"

    assert (rule.replace("-", "_") in guard(path)) is (
        name in MORE_IN_GUARD or (core != {"pass"} and name not in NOT_IN_GUARD)
    )


# Where Guard says another thing of a single edit, and what it says more (+) or less (-).
DIFFERENT = {
    # Guard sees functions as they are written: what is not a text is no mode that is allowed.
    "mode by the same value twice": {"+ACCI_001"},
    "mode by Fn::Sub": {"+ACCI_001"},
    "mode by Fn::Join": {"+ACCI_001"},
    "mode by Fn::Select": {"+ACCI_001"},
    "network mode of any value": {"-ACCI_004"},
    # A list of AWS::NoValue has an element; and Guard counts no list within a filter.
    "VPC with groups that are no value": {"-ACCI_004"},
    "VPC with 17 groups": {"-ACCI_004"},
    "VPC with 17 subnets": {"-ACCI_004"},
    # A number written as text is none to Guard.
    'session duration "3600"': {"+ACCI_030"},
}


@pytest.mark.parametrize(
    "mutant",
    [one for one in MUTANTS if one.profile == "baseline"],
    ids=lambda mutant: f"{mutant.base}: {mutant.name}",
)
def test_guard_says_what_the_rules_say_of_single_edits(guard, mutant, tmp_path):
    file = tmp_path / "fleet.template.json"
    file.write_text(json.dumps(mutant.body()))
    core = run([read(file)], [RULES[rule] for rule in IN_GUARD])

    expected = {one.rule.id.replace("-", "_") for one in core.results if one.is_finding}
    found = guard(file)
    differs = {f"+{rule}" for rule in found - expected} | {f"-{rule}" for rule in expected - found}
    assert differs == DIFFERENT.get(mutant.name, set())


def test_the_folder_org_is_current(tmp_path):
    """`python scripts/organisation.py --output org` writes it."""
    assert {path.name: path.read_text() for path in (ROOT / "org").iterdir()} == documents()


def test_a_second_run_writes_nothing(tmp_path, capsys):
    assert main(["--output", str(tmp_path / "org")]) == 0
    assert capsys.readouterr().out.count("wrote ") == 5
    assert main(["--output", str(tmp_path / "org")]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--subnet", "subnet"], "--subnet is 'subnet', expected subnet-"),
        (["--deploy-role", "admin"], "--deploy-role is 'admin', expected arn:"),
        (
            [part for n in range(300) for part in ("--subnet", f"subnet-{n:017x}")],
            f"allowed are {MAX_SCP}; name fewer",
        ),
    ],
)
def test_what_cannot_be_written_is_one_clear_error(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--output", str(tmp_path), *arguments])

    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_exit_3(tmp_path, capsys):
    (tmp_path / "file").touch()

    assert main(["--output", str(tmp_path / "file")]) == 3
    assert "could not write" in capsys.readouterr().err
