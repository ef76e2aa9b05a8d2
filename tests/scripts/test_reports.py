"""One run in every format: each says what failed, and none trusts the texts that it shows."""

import importlib.util
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from interpreter_validation import reports
from interpreter_validation.reports import page as pages
from interpreter_validation.reports import shape
from interpreter_validation.reports.baseline import compared
from interpreter_validation.reports.emf import emf
from interpreter_validation.reports.github import github
from interpreter_validation.reports.junit import junit
from interpreter_validation.reports.page import page
from interpreter_validation.reports.proof import read_check
from interpreter_validation.reports.table import show
from interpreter_validation.result import Canary, ProbeResult
from interpreter_validation.verdict import Verdict

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("sample_report", ROOT / "tests/sample_report.py")
sample = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(sample)

HOSTILE = "<script>alert(1)</script>\x1b[2J\x00|[a](http://b.example) @everyone \"'&"


class Tags(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def hostile():
    """A report in which every text of a probe is hostile."""
    result = ProbeResult("network", Verdict.FAIL, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    return sample.made(canaries=[Canary(sample.record("one"), (result,))], swept=[HOSTILE], leaked=[HOSTILE])


def whole_page():
    check = read_check(json.dumps(sample.checked()), "check.json")
    return page(compared(sample.earlier(), sample.made()), check)


def test_what_is_written_is_read_again():
    report = sample.made()

    assert reports.read(reports.as_json(report), "r.json") == report


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 1}, "schema is 1, expected 2"),
        ({"leaked": None}, "leaked is None, expected list of texts"),
        ({"preflight": {"rows": [{}], "forecast": {}}}, r"preflight.rows\[0\].name is missing"),
        ({"exit_code": True}, "exit_code is True, expected whole number"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_key(change, said):
    with pytest.raises(reports.ReportError, match=f"r.json: {said}"):
        reports.read(json.dumps({**sample.made(), **change}), "r.json")


def test_the_documentation_is_current():
    assert (ROOT / "docs/report.md").read_text() == shape.documented()


def test_junit_has_failures_with_evidence_and_errors_for_what_was_not_told():
    suite = ElementTree.fromstring(junit(sample.made())).find("testsuite")

    assert (suite.get("failures"), suite.get("errors")) == ("2", "1")
    [failed] = suite.findall("testcase[@classname='canary.demo.reports']/failure")
    assert "expected: GetObject on analytics/probe.txt is refused" in failed.text


def test_what_could_not_be_looked_for_is_no_failure_in_any_format():
    unknown = {"kind": "unknown", "id": "", "detail": "strangers were not looked for: denied", "todo": "x"}
    report = sample.made(canaries=sample.CANARIES[:1], strangers=[unknown], exit_code=3)

    [suite] = ElementTree.fromstring(junit(report))

    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "1")
    run = json.loads(emf(report).splitlines()[-1])
    assert (run["Strangers"], run["CouldNotTell"]) == (0, 1)
    assert "? could not tell" in page(report)
    assert "✕" not in page(report).partition("<footer>")[0]


def test_interpreters_of_two_fleets_with_one_name_are_told_apart():
    ours = Canary(sample.record("analytics"), sample.CANARIES[1].results)
    theirs = Canary(replace(sample.record("analytics"), fleet="other"), ours.results)
    report = compared(sample.made(canaries=[ours]), sample.made(canaries=[ours, theirs]))

    for text in (printed(report), page(report), github(report).replace("&#45;", "-")):
        assert "demo/analytics" in text
        assert "other/analytics" in text
    assert [one["about"] for one in report["changes"]] == ["other/analytics"]
    assert "demo/" not in printed(sample.made())


def test_what_is_said_of_many_interpreters_is_said_once():
    """In an outage each line would be the same, and what differs would drown in them."""
    outage = ProbeResult("lifecycle", Verdict.COULD_NOT_TELL, "no answer", todo="run it again")
    many = [Canary(sample.record(f"n{number}"), (outage,)) for number in range(1000)]

    text = printed(sample.made(canaries=[*many, *sample.CANARIES], exit_code=1))

    assert text.count("lifecycle: no answer") == 1
    assert "n0, n1, n2, n3, n4 and 995 more, lifecycle: no answer" in text
    assert "reports, storage: could read a sibling's prefix" in text


def printed(report, width=160):
    out = io.StringIO()
    show(report, Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132])
def test_in_a_narrow_terminal_columns_give_way_to_names_and_verdicts(width):
    table = printed(sample.made(), width).partition("canary")[2].partition("reports, storage")[0]

    assert "web_research" in table
    assert table.count("pass") == 2
    assert ("execution role" in table) == (width >= 120)


def test_a_github_summary_stays_below_what_github_takes():
    """With long texts, full of what must be escaped, on all of a thousand interpreters."""
    many = [
        Canary(
            sample.record(f"n{number}"),
            tuple(
                ProbeResult(
                    probe, Verdict.FAIL, f"{number} " + "|[<*" * 500, "|" * 2000, "_" * 2000, "`" * 2000
                )
                for probe in ("lifecycle", "declared", "storage")
            ),
        )
        for number in range(1000)
    ]

    text = github(sample.made(canaries=many, swept=[f"{number} {HOSTILE}" for number in range(5000)]))

    assert len(text.encode()) < 2**20
    assert re.search(r"… and \d+ more, in the JSON report", text)
    assert "**n0**" in text


def test_control_characters_reach_no_format(hostile):
    for text in (junit(hostile), github(hostile), page(hostile), emf(hostile), reports.as_json(hostile)):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    ElementTree.fromstring(junit(hostile))


def test_github_shows_hostile_text_as_text(hostile):
    said = github(hostile)

    assert "<script" not in said
    assert "](http" not in said
    assert "@everyone" not in said


def test_the_page_shows_hostile_text_as_text(hostile):
    found = Tags(page(hostile))

    assert "script" not in [tag for tag, _ in found.tags]
    assert "<script>alert(1)</script>\\x1b[2J\\x00" in "".join(found.text)


def test_the_page_loads_nothing_and_names_its_columns():
    found = Tags(whole_page())

    assert not [tag for tag, has in found.tags if {"src", "href", "onclick"} & has.keys()]
    assert "url(" not in whole_page()
    assert all(has.get("scope") in ("col", "row") for tag, has in found.tags if tag == "th")


def test_the_page_begins_with_what_failed_and_has_proof_beside_it():
    text = "".join(Tags(whole_page()).text)

    places = [
        text.index(part)
        for part in (
            "1 of 4 interpreters failed",
            "reports: storage",
            "training: identity",
            "proven: read on demo-interpreters",
            "How long sessions took",
            "Room in the account",
        )
    ]
    assert places == sorted(places)


def test_an_interpreter_that_the_check_does_not_name_is_not_proven():
    check = read_check(json.dumps({"schema": 1, "ok": True, "results": [], "problems": []}), "c.json")

    assert "the policy check does not name it" in page(sample.made(), check)


def test_the_proof_of_another_fleets_interpreter_is_nobody_elses():
    ours = sample.CANARIES[0]
    theirs = Canary(replace(ours.record, fleet="other", stack="other-interpreters-0"), ours.results)
    report = sample.made(canaries=[ours, theirs])

    text = page(report, read_check(json.dumps(sample.checked()), "check.json"))

    before, _, after = text.partition('<th scope="row">other/analytics')
    assert "the policy check does not name it" in after
    assert "the policy check does not name it" not in before


def test_every_colour_of_text_has_contrast_in_light_and_dark():
    css = Path(pages.__file__).with_name("page.css").read_text()
    themes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in css.split(":root {")[1:3]]

    assert len(themes) == 2
    for theme in themes:
        for ink, paper in [("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card")] + [
            (kind, f"{kind}-back") for kind in ("pass", "fail", "unsure")
        ]:
            assert contrast(theme[ink], theme[paper]) >= 4.5, (ink, paper)


def contrast(one, other):
    """WCAG's contrast ratio of two colours."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_baseline_says_what_became_worse():
    changes = compared(sample.earlier(), sample.made())["changes"]

    assert ("reports, storage", "pass", "fail", True) in [
        (one["about"], one["before"], one["now"], one["worse"]) for one in changes
    ]
    assert ("training, start", "1730 ms, 2.9 times") in [(one["about"], one["now"]) for one in changes]
    assert compared(sample.made(), sample.made())["changes"] == []
    assert compared(sample.made(), sample.made(canaries=[], command="preflight"))["changes"] == []


def test_emf_lines_declare_metrics_that_they_hold():
    lines = [json.loads(line) for line in emf(sample.made()).splitlines()]

    assert len(lines) == 5
    for line in lines:
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert all(isinstance(line[metric["Name"]], float) for metric in directive["Metrics"])
        assert all(name in line for names in directive["Dimensions"] for name in names)
    assert [line.get("Failures") for line in lines] == [0, 1, 0, 0, None]


def test_emf_lines_stay_below_what_cloudwatch_takes():
    long = ProbeResult("declared", Verdict.FAIL, "x" * 10**6)
    report = sample.made(
        canaries=[Canary(sample.record("one"), (long,))], leaked=["y" * 100 for _ in range(10**4)]
    )

    lines = emf(report).splitlines()

    assert max(len(line.encode()) for line in lines) < 256 * 1024
    assert json.loads(lines[-1])["LeakedSessions"] == 10**4


@pytest.mark.slow
@pytest.mark.skipif(sample.chromium() is None, reason="no chromium on the PATH to look at the page with")
@pytest.mark.parametrize("width", [390, 1120])
def test_in_a_browser_the_page_fits_its_window(tmp_path, width):
    frame = ElementTree.Element("iframe", srcdoc=whole_page(), width=str(width), height="900", id="f")
    html = ElementTree.tostring(frame, encoding="unicode", method="html")
    script = "onload = () => { document.title = f.contentDocument.documentElement.scrollWidth }"
    file = tmp_path / "frame.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><title></title>{html}<script>{script}</script>")

    dom = sample.browse(tmp_path, "--dump-dom", file.as_uri())

    assert int(re.search(r"<title>(\d+)</title>", dom)[1]) <= width
