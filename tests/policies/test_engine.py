"""The engine claims nothing that was not checked; waivers hold for one rule, one interpreter, until a day."""

import datetime

import pytest

from interpreter_policies import engine
from interpreter_policies.engine import CheckError
from interpreter_policies.files import TemplateError, read
from interpreter_policies.files import load as load_path
from interpreter_policies.rule import Rule, passed
from interpreter_policies.rules import all_rules, rules_of
from interpreter_policies.template import UnresolvedError

TODAY = datetime.date(2026, 11, 24)


def public(*waivers):
    """A change: PUBLIC mode with these waivers of ACCI-001, each the members that differ."""

    def change(body, interpreter):
        whole = {
            "Rule": "ACCI-001",
            "Reason": "public pages",
            "Owner": "a@example.com",
            "Until": "2026-12-31",
        }
        interpreter["Properties"]["NetworkConfiguration"]["NetworkMode"] = "PUBLIC"
        interpreter["Metadata"]["InterpreterFleet"]["Waivers"] = [{**whole, **waiver} for waiver in waivers]

    return change


def check(template, rules=None):
    return engine.run([template], rules or rules_of("baseline"), known=all_rules(), today=TODAY)


def statuses(report):
    return {result.rule.id: result.status for result in report.results}


def test_every_rule_is_checked_on_every_interpreter(load):
    report = check(load())

    assert statuses(report) == {rule.id: "pass" for rule in rules_of("baseline")}
    assert report.ok


def test_a_waiver_holds_through_its_last_day(load):
    report = check(load(public({"Until": "2026-11-24"})))

    assert statuses(report)["ACCI-001"] == "waived"
    assert report.ok


@pytest.mark.parametrize(
    ("waiver", "problem"),
    [
        ({"Until": "2026-11-23"}, "waiver of ACCI-001 ended on 2026-11-23"),
        ({"Rule": "ACCI-999"}, "waiver of ACCI-999: no such rule, expected one of ACCI-001"),
        ({"Rule": "ACCI-020"}, "waiver of ACCI-020: this rule cannot be waived"),
        ({"Rule": "ACCI-012"}, "waiver of ACCI-012 is not needed: the rule holds"),
        ({"Owner": ""}, "waiver of 'ACCI-001': Owner is '', expected a text"),
        ({"Until": "soon"}, "waiver of ACCI-001: Until is 'soon', expected a day such as 2027-05-31"),
    ],
)
def test_a_waiver_that_does_not_hold_is_a_finding(load, waiver, problem):
    report = check(load(public(waiver)))

    assert statuses(report)["ACCI-001"] == "fail"
    assert problem in report.problems[0].text
    assert not report.ok


def test_a_waiver_that_is_there_twice_is_a_finding(load):
    report = check(load(public({}, {})))

    assert [problem.text for problem in report.problems] == ["waiver of ACCI-001 is there twice"]


def test_unknown_counts_as_a_finding(load):
    def change(body, interpreter):
        interpreter["Properties"]["ExecutionRoleArn"] = "arn:aws:iam::111122223333:role/elsewhere"

    report = check(load(change))

    assert statuses(report)["ACCI-020"] == "unknown"
    assert not report.ok


class Crashes(Rule):
    """A rule with a mistake in it."""

    id = "TEST-001"
    title = why = fix = "none"
    severity = "high"

    def check(self, interpreter, fleet):
        return interpreter.no_such_thing


class Forgets(Crashes):
    """A rule that gives no verdict."""

    def check(self, interpreter, fleet):
        passed("and then no return")


@pytest.mark.parametrize("rule", [Crashes, Forgets])
def test_a_rule_with_a_mistake_fails_the_run(load, rule):
    with pytest.raises(CheckError, match="rule TEST-001"):
        check(load(), [rule()])


def test_nothing_to_check_is_not_a_pass(load):
    def change(body, interpreter):
        del body["Resources"]["Interpreter"]

    with pytest.raises(CheckError, match="no code interpreter in"):
        check(load(change))


def test_no_rules_are_not_a_pass(load):
    with pytest.raises(CheckError, match="no rule"):
        engine.run([load()], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read as JSON"), ("[]", "is no CloudFormation template")],
)
def test_a_file_that_is_no_template_is_named(tmp_path, content, message):
    path = tmp_path / "x.template.json"
    path.write_text(content)

    with pytest.raises(TemplateError, match=f"{path}: {message}"):
        load_path(tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "AWS::Region"}, "<AWS::Region>"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "<Role.Arn>"),
        ({"Fn::GetAtt": "Role.Arn"}, "<Role.Arn>"),
        ({"Fn::Sub": "a-${AWS::AccountId}-${!x}-${Role.Arn}"}, "a-<AWS::AccountId>-${x}-<Role.Arn>"),
        ({"Fn::Sub": ["${a}/${a}", {"a": {"Ref": "Role"}}]}, "<Role>/<Role>"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Role"}]]}, "a-<Role>"),
        ({"Fn::If": ["c", "same", "same"]}, "same"),
        ({"Fn::GetAtt": ["Named", "Arn"]}, "arn:<AWS::Partition>:s3:::data"),
        ({"Ref": "Named"}, "data"),
        (True, "true"),
    ],
)
def test_intrinsic_functions_become_text_with_symbols(load, value, text):
    def change(body, interpreter):
        body["Resources"]["Named"] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}}

    assert load(change).text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Parameter"},
        {"Fn::ImportValue": "x"},
        {"Fn::If": ["c", "one", "other"]},
        {"Fn::GetAtt": ["Custom", "Anything"]},
        {"Fn::GetAtt": 3},
        {"Fn::Join": "x"},
        ["a"],
    ],
)
def test_what_the_template_does_not_tell_is_never_guessed(load, value):
    def change(body, interpreter):
        body["Resources"]["Custom"] = {"Type": "Custom::Lookup"}

    with pytest.raises(UnresolvedError):
        load(change).text(value)


def test_the_cdks_own_l2_is_read(tmp_path):
    """Its trust reaches a neighbour whose name begins alike, and by default it is PUBLIC."""
    import aws_cdk as cdk
    from aws_cdk import aws_bedrockagentcore as agentcore

    app = cdk.App(outdir=str(tmp_path))
    stack = cdk.Stack(app, "L2")
    agentcore.CodeInterpreterCustom(stack, "Interpreter", code_interpreter_custom_name="tool")
    app.synth()

    report = check(read(tmp_path / "L2.template.json"))

    found = statuses(report)
    assert (found["ACCI-001"], found["ACCI-012"], found["ACCI-020"]) == ("fail", "fail", "pass")


def test_a_waiver_of_a_rule_that_is_not_checked_waits(load):
    """`--rule` and smaller profiles leave it alone."""
    report = check(load(public({})), [rule for rule in all_rules() if rule.id == "ACCI-020"])

    assert report.problems == ()
