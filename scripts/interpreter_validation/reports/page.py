"""The report as one self-contained HTML page, for somebody who was not there."""

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element

from .chart import MOST_BARS, bars, spread_lines
from .findings import Finding, counts, findings, forecast, kind_of, of
from .latency import STEPS, spreads
from .markup import Child, document, tag
from .names import namer
from .proof import Check, Proof

_WORDS = {"pass": "✓ pass", "fail": "✕ fail", "could-not-tell": "? could not tell"}


def page(report: dict[str, Any], check: Check | None = None) -> str:
    """The page. Nothing in it is loaded from elsewhere, and no script runs."""
    found = findings(report) + _check_findings(check)
    title = f"{_fleets(report)}: {_headline(report, check)[1]}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", files(__package__).joinpath("page.css").read_text("utf-8")),
    )
    sections = (
        _needs_somebody(found),
        _changes(report),
        _fleet(report, check),
        _latencies(report),
        _room(report),
        _left_behind(report),
    )
    main = tag("main", [one for one in sections if one is not None])
    body = tag("body", _header(report, check, found), main, _footer(report))
    return document(tag("html", head, body, lang="en"))


def _headline(report: dict[str, Any], check: Check | None) -> tuple[str, str]:
    """The verdict on all, and the sentence that says it."""
    tried = report["interpreters"]
    failed = sum(one["verdict"] == "fail" for one in tried)
    untold = sum(one["verdict"] == "could-not-tell" for one in tried)
    number = counts(report)
    if report["leaked"]:
        kinds = {kind_of(text) for text in report["leaked"]}
        noun, done = ("session", "stopped") if kinds == {"session"} else ("thing", "removed")
        return "fail", f"{_many(len(report['leaked']), noun)} could not be {done}"
    if failed:
        rest = f", {untold} could not be judged" if untold else ""
        return "fail", f"{failed} of {_many(len(tried), 'interpreter')} failed{rest}"
    if number["fail"]:
        return (
            "fail",
            f"{_many(number['fail'], 'finding')}, and no interpreter failed" if tried else "No room",
        )
    if check is not None and not check.ok:
        return "fail", "The policy check found something"
    if report["exit_code"] == 3 and not (tried or report["preflight"]["rows"]):
        return "could-not-tell", "The run could not be made"
    if report["exit_code"] == 130:
        return "could-not-tell", "Interrupted before the end"
    if untold:
        return "could-not-tell", f"{untold} of {_many(len(tried), 'interpreter')} could not be judged"
    if number["could-not-tell"] or report["exit_code"]:
        return "could-not-tell", "Not everything could be judged"
    if not number["pass"]:
        return "pass", "Swept" if report["command"] == "sweep" else "Nothing was checked"
    if not tried:
        return "pass", "There is room"
    return "pass", "The interpreter passed" if len(tried) == 1 else f"All {len(tried)} interpreters passed"


def _header(report: dict[str, Any], check: Check | None, found: Sequence[Finding]) -> Element:
    verdict, sentence = _headline(report, check)
    facts = [
        ("When", f"{_time(report['started'])}, took {_duration(report['seconds'])}"),
        ("Account", report["account"] or "not told"),
        ("Region", report["region"]),
        ("Asked", report["endpoint"].partition("://")[2] or report["endpoint"]),
        ("Run", f"{report['run']} ({report['command']})"),
    ]
    return tag(
        "header",
        tag(
            "div",
            tag("p", f"Code interpreters of {_fleets(report)}", class_="eyebrow"),
            tag("h1", sentence),
            tag("p", _lead(report, check, found), class_="lead"),
            tag("dl", [tag("div", tag("dt", key), tag("dd", told)) for key, told in facts], class_="facts"),
        ),
        class_=verdict,
    )


def _lead(report: dict[str, Any], check: Check | None, found: Sequence[Finding]) -> str:
    """What was done, and what to read first."""
    tried = report["interpreters"]
    probes = sum(len(one["probes"]) for one in tried)
    parts = []
    if tried:
        parts.append(f"{_many(probes, 'probe')} ran on {_many(len(tried), 'deployed interpreter')}.")
    if check is not None:
        rules = sum(len(one.rulings) for one in check.proofs)
        holds = "holds" if check.ok else "does not hold"
        parts.append(f"The policy check of the templates, {_many(rules, 'ruling')}, {holds}.")
    if found:
        parts.append(f"{_many(len(found), 'thing')} below {'needs' if len(found) == 1 else 'need'} somebody.")
    elif tried and not report["leaked"]:
        parts.append("Every session was stopped, nothing is left to do.")
    return " ".join(parts)


def _needs_somebody(found: Sequence[Finding]) -> Element | None:
    if not found:
        return None
    return _section(
        "Needs somebody", "What failed comes first, then what could not be judged.", _cards(found)
    )


def _cards(found: Sequence[Finding]) -> list[Element]:
    made = []
    for one in found:
        told = [("expected", one.expected, ""), ("seen", one.seen, ""), ("to do", one.todo, "todo")]
        rows = [(tag("dt", key), tag("dd", text, class_=kind)) for key, text, kind in told if text]
        made.append(
            tag(
                "article",
                tag(
                    "header",
                    tag("h3", f"{one.about}: {one.aspect}"),
                    _mark(one.verdict),
                ),
                tag("p", one.detail) if one.detail else (),
                tag("dl", rows) if rows else (),
                class_=f"card finding {one.verdict}",
            )
        )
    return made


def _check_findings(check: Check | None) -> list[Finding]:
    if check is None:
        return []
    found = [
        Finding(
            proof.interpreter,
            f"policy {one.rule}",
            "fail" if one.status == "fail" else "could-not-tell",
            one.evidence,
            todo=f"run: check.py explain {one.rule}",
        )
        for proof in check.proofs
        for one in proof.broken
    ]
    found += [Finding("policy", "waiver", "fail", text) for text in check.problems]
    return sorted(found, key=lambda one: one.verdict != "fail")


def _changes(report: dict[str, Any]) -> Element | None:
    if report["baseline"] is None:
        return None
    title, since = "Changed since last time", f"Compared with run {report['baseline']}."
    if not report["changes"]:
        return _section(title, f"{since} Nothing changed.")
    words = {True: ("fail", "worse"), False: ("pass", "better"), None: ("", "other")}
    rows = []
    for one in report["changes"]:
        kind, word = words[one["worse"]]
        rows.append(
            tag(
                "tr",
                tag("th", one["about"], scope="row"),
                tag("td", one["what"]),
                tag("td", one["before"]),
                tag("td", one["now"]),
                tag("td", tag("span", word, class_=f"mark {kind}") if kind else word),
            )
        )
    return _section(title, since, _table(("about", "what", "before", "now", "judged"), rows))


def _fleet(report: dict[str, Any], check: Check | None) -> Element | None:
    rows = []
    name = namer(report["interpreters"])
    named = Counter(one["interpreter"] for one in report["interpreters"])
    seen = set()
    for one in sorted(report["interpreters"], key=lambda one: one["verdict"] == "pass"):
        base = one["interpreter"]
        proof = None if check is None else check.of(base, one["stack"], alone=named[base] == 1)
        seen.add(proof)
        rows.append(
            tag(
                "tr",
                tag("th", _who(one, name(one)), scope="row"),
                tag("td", _proof(proof, check), data_label="Proven from the template"),
                tag("td", _seen(one), data_label="Seen on the deployed interpreter"),
            )
        )
    if check is not None and report["interpreters"]:
        rows += [
            tag(
                "tr",
                tag("th", proof.interpreter, tag("span", f"stack {proof.stack}", class_="sub"), scope="row"),
                tag("td", _proof(proof, check), data_label="Proven from the template"),
                tag("td", "not in this run", data_label="Seen on the deployed interpreter"),
            )
            for proof in check.proofs
            if proof not in seen
        ]
    if not rows:
        return None
    heads = ("interpreter", "proven from the template, before", "seen on the deployed interpreter, after")
    return _section(
        "The fleet",
        "Left, what its role can ever do, proven from the template for every request. Right, what happened "
        "when it was tried. The two were found independently and should agree.",
        _table(heads, rows, class_="fleet"),
    )


def _who(one: dict[str, Any], name: str) -> Child:
    storage = f"{one['access']} on {one['bucket']}/{one['prefix']}" if one["prefix"] else "no storage"
    return (
        name,
        tag("span", f"{one['network_mode']} network", class_="sub"),
        tag("span", storage, class_="sub"),
        tag("span", f"role {one['role_arn'].rpartition('/')[2]}", class_="sub"),
    )


def _proof(proof: Proof | None, check: Check | None) -> Child:
    if check is None:
        return tag("span", "no policy check was given (--check FILE)", class_="sub")
    if proof is None:
        return _mark("could-not-tell"), tag("span", "the policy check does not name it", class_="sub")
    lines: list[Element] = [
        tag("li", _mark("fail", f"✕ {one.rule} {one.status}"), " ", one.evidence) for one in proof.broken
    ]
    lines += [
        tag(
            "li",
            _mark("could-not-tell", f"! {one.rule} waived"),
            tag("span", f"{one.evidence}; {one.waiver}", class_="sub"),
        )
        for one in proof.waived
    ]
    lines.append(tag("li", _mark("pass", f"✓ {proof.held} rules hold")))
    lines += [tag("li", one.evidence, tag("span", one.rule, class_="sub")) for one in proof.proven[:1]]
    rest = [one.evidence.removeprefix("proven: ") for one in proof.proven[1:]]
    if rest:
        lines.append(tag("li", tag("span", f"also proven: {'; '.join(rest)}", class_="sub")))
    return tag("ul", lines, class_="plain")


def _seen(one: dict[str, Any]) -> Child:
    worst_first = sorted(one["probes"], key=lambda probe: probe["verdict"] == "pass")
    marks = {"pass": "✓", "fail": "✕", "could-not-tell": "?"}
    chips = [
        tag("li", _mark(probe["verdict"], f"{marks[probe['verdict']]} {probe['probe']}"))
        for probe in worst_first
    ]
    told = [f"{step} {one['milliseconds'][step]:.0f}" for step in STEPS if step in one["milliseconds"]]
    return (
        _mark(one["verdict"]) if not chips else (),
        tag("ul", chips, class_="marks"),
        tag("span", ", ".join(told) + " ms", class_="sub") if told else (),
    )


def _latencies(report: dict[str, Any]) -> Element | None:
    told = spreads(report["interpreters"])
    if not told:
        return None
    many = len(report["interpreters"]) > MOST_BARS
    legend = tag(
        "p", [tag("span", tag("i", class_=step), step) for step in STEPS], class_="legend", aria_hidden="true"
    )
    rows = [
        tag(
            "tr",
            tag("th", one.step, scope="row"),
            [tag("td", f"{ms:.0f} ms", class_="n") for ms in (one.median, one.most, one.slowest)],
            tag("td", one.whose),
        )
        for one in told
    ]
    heads = ("step", "median|n", "95 of 100 are within|n", "slowest|n", "whose")
    which = f"The {MOST_BARS} slowest of {len(report['interpreters'])}" if many else "Each interpreter"
    return _section(
        "How long sessions took",
        f"{which}: to start a session, to run code in it for the first time, to stop it. Milliseconds, as "
        "the client saw them.",
        tag(
            "figure",
            legend,
            tag("div", bars(report["interpreters"]), class_="scroll"),
            tag("div", spread_lines(told), class_="scroll") if many else (),
            class_="card",
        ),
        _table(heads, rows),
    )


def _room(report: dict[str, Any]) -> Element | None:
    rows = report["preflight"]["rows"]
    if not rows:
        return None
    made = []
    for row in sorted(rows, key=lambda row: row["verdict"] == "pass"):
        numbers = [row[key] for key in ("limit", "used", "planned", "headroom")]
        more = {True: "can be raised", False: "cannot be raised", None: ""}[row["adjustable"]]
        notes = "; ".join(part for part in (row["source"], more, row["detail"]) if part)
        made.append(
            tag(
                "tr",
                tag("th", row["name"], tag("span", notes, class_="sub"), _room_bar(row), scope="row"),
                [tag("td", "\N{EN DASH}" if one is None else f"{one:,g}", class_="n") for one in numbers],
                tag("td", _mark(row["verdict"])),
            )
        )
    heads = ("quota or need", "limit|n", "used|n", "planned|n", "headroom|n", "verdict")
    return _section(
        "Room in the account",
        "What the account allows, what is used today, and what this fleet and its canary add. In the bars, "
        "grey is used, blue is planned.",
        _table(heads, made),
        tag("p", f"Forecast: {forecast(report)}.") if forecast(report) else (),
    )


def _room_bar(row: dict[str, Any]) -> Child:
    """A picture of three numbers that stand beside it."""
    if not row["limit"] or row["planned"] is None:
        return ()
    used = min(1.0, (row["used"] or 0) / row["limit"])
    planned = min(1.0 - used, row["planned"] / row["limit"])
    widths = (("used", used), ("planned", planned))
    parts = [tag("i", class_=kind, style=f"width:{share:.2%}") for kind, share in widths]
    return tag("span", parts, class_=f"room {row['verdict']}", aria_hidden="true")


def _left_behind(report: dict[str, Any]) -> Element | None:
    if report["command"] == "preflight":
        return None
    lines = [("fail", f"could not be stopped or removed: {text}") for text in report["leaked"]]
    lines += [(of(one), _stranger(one)) for one in report["strangers"]]
    lines += [("pass", f"removed, left by another run: {text}") for text in report["swept"]]
    if not lines:
        text = "Every session that this run opened was stopped, and nothing of an earlier run was found."
        return _section("Left behind", text)
    items = [tag("li", _mark(kind), " ", text) for kind, text in lines]
    return _section("Left behind", "", tag("div", tag("ul", items, class_="plain"), class_="card"))


def _stranger(one: dict[str, Any]) -> str:
    if of(one) == "could-not-tell":
        return str(one["detail"])
    return f"stranger: {one['kind']} {one['id']}: {one['detail']}"


def _footer(report: dict[str, Any]) -> Element:
    words = (
        ("pass", "it was tried and is as declared"),
        ("fail", "it was tried and is not"),
        ("could-not-tell", "it could not be tried, so nothing is known: never counted as a pass"),
    )
    return tag(
        "footer",
        tag("dl", [(tag("dt", _mark(key)), tag("dd", text)) for key, text in words]),
        tag(
            "p",
            f"Interpreter Fleet, validate.py {report['command']}, exit status {report['exit_code']}. "
            f"The same as data: --json FILE, schema {report['schema']}.",
        ),
    )


def _section(title: str, hint: str, *children: Child) -> Element:
    return tag("section", tag("h2", title), tag("p", hint, class_="hint") if hint else (), children)


def _table(heads: Sequence[str], rows: Sequence[Element], class_: str = "") -> Element:
    cells = []
    for head in heads:
        text, _, kind = head.partition("|")
        cells.append(tag("th", text, scope="col", **({"class_": kind} if kind else {})))
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", cells)), tag("tbody", rows), class_=class_),
        class_="card wide",
        # A region that scrolls must be reachable by keyboard, and have a name.
        tabindex="0",
        role="region",
        aria_label=", ".join(head.partition("|")[0] for head in heads),
    )


def _mark(verdict: str, words: str = "") -> Element:
    return tag("span", words or _WORDS[verdict], class_=f"mark {verdict}")


def _fleets(report: dict[str, Any]) -> str:
    names = sorted({one["fleet"] for one in report["interpreters"]})
    return f"fleet {', '.join(names)}" if names else "this account"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _time(iso: str) -> str:
    return iso.replace("T", " ").replace("Z", " UTC")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
