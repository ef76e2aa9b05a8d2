"""Waiver files: read strictly, joined with the waivers of the templates, and no entry goes unheard."""

import datetime
import json

import pytest

from interpreter_policies import engine, report
from interpreter_policies.rules import all_rules, rules_of
from interpreter_policies.waivers import WaiverError, read_file

TODAY = datetime.date(2026, 11, 24)
WHOLE = {
    "rule": "ACCI-001",
    "interpreter": "analytics",
    "reason": "public pages",
    "owner": "a@example.com",
    "until": "2026-12-31",
}


@pytest.fixture
def filed(tmp_path):
    """`filed(text or entries)` → the waiver file, read."""

    def make(content):
        path = tmp_path / "waivers.yaml"
        entries = "".join(
            "- " + "  ".join(f"{key}: {value}\n" for key, value in one.items())
            for one in content
            if isinstance(one, dict)
        )
        path.write_text(content if isinstance(content, str) else entries)
        return read_file(path)

    return make


def public(body, interpreter):
    interpreter["Properties"]["NetworkConfiguration"]["NetworkMode"] = "PUBLIC"


def check(templates, file):
    return engine.run(templates, rules_of("baseline"), known=all_rules(), today=TODAY, waivers=file)


@pytest.mark.parametrize("name", ["analytics", "Interpreter"])
def test_title_and_logical_id_both_name_an_interpreter(load, filed, name):
    found = check([load(public)], filed([{**WHOLE, "interpreter": name}]))

    assert found.ok
    assert [one.rule.id for one in found.results if one.status == "waived"] == ["ACCI-001"]


@pytest.mark.parametrize("made", report.FORMATS)
def test_every_format_prints_the_waiver(load, filed, made):
    text = report.FORMATS[made](check([load(public)], filed([WHOLE])))

    assert "public pages" in text
    assert "a@example.com" in text
    assert "2026-12-31" in text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"until": "2026-11-23"}, "waiver of ACCI-001 ({path}:1) ended on 2026-11-23"),
        ({"rule": "ACCI-999"}, "waiver of ACCI-999 ({path}:1): no such rule, expected one of ACCI-001"),
        ({"rule": "ACCI-020"}, "waiver of ACCI-020 ({path}:1): this rule cannot be waived"),
        ({"rule": "ACCI-012"}, "waiver of ACCI-012 is not needed: the rule holds"),
        (
            {"interpreter": "reports"},
            "waiver of ACCI-001 ({path}:1): no interpreter 'reports', expected one of analytics",
        ),
        (
            {"template": "other.json"},
            "waiver of ACCI-001 ({path}:1): no interpreter 'analytics' in template other.json",
        ),
    ],
)
def test_an_entry_that_does_not_hold_is_a_finding_and_waives_nothing(load, filed, change, problem):
    file = filed([{**WHOLE, **change}])

    found = check([load(public)], file)

    assert [one.rule.id for one in found.results if one.is_finding] == ["ACCI-001"]
    [one] = found.problems
    assert one.text.startswith(problem.format(path=file.path))


def test_an_entry_that_means_two_interpreters_waives_neither_until_it_names_the_template(template, filed):
    from interpreter_policies.files import read

    both = [read(template(public, f"{name}.template.json")) for name in ("one", "two")]

    unclear = check(both, filed([WHOLE]))
    clear = check(both, filed([{**WHOLE, "template": f"{name}.template.json"} for name in ("one", "two")]))

    def status(found):
        return [one.status for one in found.results if one.rule.id == "ACCI-001"]

    assert status(unclear) == ["fail", "fail"]
    assert "'analytics' is 2 interpreters, expected `template` to be one of" in unclear.problems[0].text
    assert status(clear) == ["waived", "waived"]
    assert clear.problems == ()


def test_metadata_and_file_may_not_waive_the_same(load, filed):
    def change(body, interpreter):
        public(body, interpreter)
        waiver = {key.title(): WHOLE[key] for key in ("rule", "reason", "owner", "until")}
        interpreter["Metadata"]["InterpreterFleet"]["Waivers"] = [waiver]

    file = filed([WHOLE])
    found = check([load(change)], file)

    assert [one.text for one in found.problems] == [f"waiver of ACCI-001 ({file.path}:1) is there twice"]


def test_a_problem_of_the_file_is_shown_at_its_line(load, filed):
    file = filed("# none of ours\n\n" + json.dumps([{**WHOLE, "interpreter": "reports"}]))

    assert f"::error file={file.path.as_posix()},line=3,title=waiver::" in report.github(
        check([load(public)], file)
    )


def _without(key):
    return json.dumps([{name: value for name, value in WHOLE.items() if name != key}])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule: ACCI-001\n", "1: found a mapping, expected a list of waivers"),
        ("- ACCI-001\n", "1: found a single value, expected rule, interpreter, reason, owner, until"),
        ("- rule: ACCI-001\n  rules: x\n", "2: unknown key 'rules', expected rule, interpreter, reason"),
        ("- rule: ACCI-001\n  rule: ACCI-002\n", "2: rule is there twice"),
        ("- rule: [ACCI-001]\n", "1: rule is a list, expected a text"),
        ("- rule:\n", "1: rule is '', expected a text"),
        ("- rule: ~\n", "1: rule is '~', expected a text"),
        ("- rule: 'a\n", "is no YAML: found unexpected end of stream"),
        *((_without(key), f"1: {key} is missing") for key in WHOLE),
        (
            json.dumps([{**WHOLE, "until": "soon"}]),
            "1: until is 'soon', expected a day such as 2027-05-31",
        ),
        (
            json.dumps([WHOLE]).replace("]", ",\n") + json.dumps(WHOLE) + "]",
            "2: rule ACCI-001 of analytics is waived on line 1 already",
        ),
    ],
)
def test_a_file_that_is_wrong_is_an_error_with_its_line(filed, tmp_path, text, said):
    with pytest.raises(WaiverError) as error:
        filed(text)

    assert str(error.value).startswith(f"{tmp_path / 'waivers.yaml'}:")
    assert said in str(error.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(WaiverError, match="cannot be read: No such file or directory"):
        read_file(tmp_path / "none.yaml")


def test_a_day_is_read_as_written(filed):
    """YAML makes a date of it; both ways of writing mean the same."""
    [plain] = filed("[{rule: R, interpreter: I, reason: r, owner: o, until: 2027-01-02}]").entries
    [quoted] = filed("[{rule: R, interpreter: I, reason: r, owner: o, until: '2027-01-02'}]").entries

    assert plain.waiver.until == quoted.waiver.until == datetime.date(2027, 1, 2)
