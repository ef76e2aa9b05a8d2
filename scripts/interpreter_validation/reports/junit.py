"""The report as JUnit, which every CI system shows."""

from typing import Any
from xml.etree import ElementTree

from .findings import of


def junit(report: dict[str, Any]) -> str:
    """One test case for each preflight row, probe, stranger and leak.

    A finding is a failure, could-not-tell an error; both carry what was expected, seen and is to be done.
    """
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("preflight", row["name"], row) for row in report["preflight"]["rows"]
    ]
    for one in report["interpreters"]:
        kind = f"canary.{one['fleet']}.{one['interpreter']}"
        cases += [(kind, probe["probe"], probe) for probe in one["probes"]]
    for one in report["strangers"]:
        cases.append(("stranger", f"{one['kind']} {one['id']}".strip(), {**one, "verdict": of(one)}))
    for text in report["leaked"]:
        cases.append(("session", text, {"verdict": "fail", "detail": "could not be stopped or removed"}))
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=f"interpreter-fleet {report['command']}",
        tests=str(len(cases)),
        failures=str(sum(case["verdict"] == "fail" for _, _, case in cases)),
        errors=str(sum(case["verdict"] == "could-not-tell" for _, _, case in cases)),
        time=f"{report['seconds']:.3f}",
        timestamp=report["started"].removesuffix("Z"),
    )
    for kind, name, found in cases:
        seconds = found.get("milliseconds", {}).get("all", 0.0) / 1000
        case = ElementTree.SubElement(suite, "testcase", classname=kind, name=name, time=f"{seconds:.3f}")
        if found["verdict"] != "pass":
            tag = "failure" if found["verdict"] == "fail" else "error"
            words = ElementTree.SubElement(case, tag, message=found["detail"], type=found["verdict"])
            told = [(key, found.get(key)) for key in ("expected", "seen", "todo")]
            words.text = "\n".join(f"{key}: {text}" for key, text in told if text) or None
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
