"""A report of a fleet in which something is wrong, for the tests of reports and for the README's pictures.

.venv/bin/python tests/sample_report.py     writes docs/images/table.svg and, with Chromium, page.png
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from interpreter_fleet.manifest import Record
from interpreter_validation import reports
from interpreter_validation.reports.baseline import compared
from interpreter_validation.reports.page import page
from interpreter_validation.reports.proof import read_check
from interpreter_validation.reports.table import svg
from interpreter_validation.result import Canary, ProbeResult
from interpreter_validation.verdict import Verdict

IMAGES = Path(__file__).parents[1] / "docs/images"
ACCOUNT = "111122223333"
PASS, FAIL, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.COULD_NOT_TELL


def record(base, mode="SANDBOX", access="read-write"):
    """A record of the fleet `demo`."""
    prefix = f"{base}/" if access else None
    return Record(
        fleet="demo",
        base=base,
        name=f"{base}__41f37a30",
        id=f"{base}__41f37a30-Qm3xVbT7Lc",
        arn=f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter-custom/{base}__41f37a30-Qm3xVbT7Lc",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/BedrockAgentCore/demo-{base}-D2507805F3D0",
        network_mode=mode,
        bucket=f"demo-interpreters-{ACCOUNT}-us-east-1" if access else None,
        prefix=prefix,
        access=access,
        stack="demo-interpreters-0",
    )


def passed(*probes):
    return tuple(ProbeResult(probe, PASS) for probe in probes)


def lifecycle(start, invoke, stop):
    """A lifecycle that passed, with its milliseconds."""
    took = {"start": start, "invoke": invoke, "invoke again": invoke / 3, "stop": stop}
    return ProbeResult("lifecycle", PASS, milliseconds={**took, "all": sum(took.values())})


STORAGE = ProbeResult(
    "storage",
    FAIL,
    "could read a sibling's prefix",
    expected="GetObject on analytics/probe.txt is refused: AccessDenied",
    seen="GetObject on analytics/probe.txt gave 18 bytes",
    todo="remove statement Legacy of the bucket policy of demo-interpreters-111122223333-us-east-1: it lets "
    "role demo-reports-D2507805F3D0 read every prefix",
)
IDENTITY = ProbeResult(
    "identity",
    UNSURE,
    "the session's caller could not be asked",
    expected="sts:GetCallerIdentity names role demo-training-D2507805F3D0",
    seen="GetCallerIdentity: ThrottlingException: Rate exceeded",
    todo="run again: validate.py canary --only training",
)
CANARIES = [
    Canary(
        record("analytics"), (lifecycle(612, 143, 46), *passed("declared", "network", "storage", "identity"))
    ),
    Canary(
        record("reports", access="read"),
        (lifecycle(588, 112, 19), *passed("declared", "network"), STORAGE, *passed("identity")),
    ),
    Canary(
        record("training"),
        (lifecycle(1730, 204, 61), *passed("declared", "network", "storage"), IDENTITY),
    ),
    Canary(
        record("web_research", "PUBLIC", None),
        (lifecycle(701, 104, 20), *passed("declared", "network", "identity")),
    ),
]


def row(name, kind, limit, used, planned, headroom, adjustable, verdict="pass", detail="", source="account"):
    return {
        "name": name,
        "kind": kind,
        "limit": limit,
        "used": used,
        "planned": planned,
        "headroom": headroom,
        "source": source,
        "adjustable": adjustable,
        "verdict": verdict,
        "detail": detail,
    }


PREFLIGHT = {
    "rows": [
        row("Total Code Interpreter tool configurations per account", "count", 1000, 412, 4, 584, True),
        row(
            "Total concurrent active code interpreter sessions per account", "count", 1000, 871, 16, 113, True
        ),
        row("StartCodeInterpreterSession API rate", "rate", 30, None, 15, 15, True),
        row("IAM roles per account", "count", 1000, 640, 4, 356, True, source="IAM account summary"),
        row(
            "resources of stack demo-interpreters-0",
            "stack",
            500,
            None,
            14,
            486,
            False,
            source="documented limit",
        ),
        row("trust policies", "check", None, None, None, None, None, source="assembly and account"),
    ],
    "forecast": {
        "create": 1,
        "replace": 1,
        "delete": 0,
        "create_seconds": 2.0,
        "delete_seconds": 1.0,
        "canary_seconds": 4.2,
        "canary_bound_by": "InvokeCodeInterpreter",
    },
}
STRANGER = {
    "kind": "interpreter",
    "id": "scratch-Zk81LmPq0a",
    "detail": "uses role demo-analytics-D2507805F3D0 and is not in the fleet",
    "todo": "validate.py sweep --yes deletes it",
}


def made(**change):
    """The JSON report of the sample, any key changed."""
    given = {
        "command": "all",
        "run": "9f2c41ab",
        "endpoint": "https://bedrock-agentcore-control.us-east-1.amazonaws.com",
        "region": "us-east-1",
        "account": ACCOUNT,
        "started": "2026-11-20T09:14:02Z",
        "finished": "2026-11-20T09:14:41Z",
        "seconds": 39.2,
        "preflight": PREFLIGHT,
        "canaries": CANARIES,
        "strangers": [STRANGER],
        "swept": ["session 01K9ZC of analytics, run 77ab0c12"],
        "leaked": [],
        "exit_code": 1,
    }
    return reports.value(**{**given, **change})


def earlier():
    """The run before it: nothing was wrong, starts were faster."""
    quick = [
        Canary(
            one.record,
            (
                lifecycle(590, one.milliseconds["invoke"], one.milliseconds["stop"]),
                *(ProbeResult(probe.probe, PASS) for probe in one.results[1:]),
            ),
        )
        for one in CANARIES
    ]
    return made(run="5d10e7aa", canaries=quick, strangers=[], swept=[], exit_code=0)


def checked():
    """What `check.py --format json` says of the same fleet."""
    held = (
        ("ACCI-010", "trusts bedrock-agentcore.amazonaws.com and nobody else"),
        ("ACCI-024", "proven: no listing without a prefix"),
        ("ACCI-052", "proven: no key but through S3"),
    )
    results = []
    for canary in CANARIES:
        one = canary.record
        bucket = "demo-interpreters-<AWS::AccountId>-<AWS::Region>"
        reaches = f"proven: {one.access} on {bucket}/{one.prefix}" if one.prefix else "proven: nothing"
        public = one.network_mode == "PUBLIC"
        first = {
            "evidence": "NetworkMode is PUBLIC, expected SANDBOX or VPC"
            if public
            else "NetworkMode is SANDBOX",
            "status": "waived" if public else "pass",
        }
        rulings = [{"rule": "ACCI-001", **first}, {"rule": "ACCI-020", "status": "pass", "evidence": reaches}]
        rulings += [{"rule": rule, "status": "pass", "evidence": evidence} for rule, evidence in held]
        waiver = {
            "reason": "Fetches public pages and has no storage to leak",
            "owner": "data-platform@example.com",
            "until": "2027-05-31",
            "source": "template",
        }
        results += [
            {
                "severity": "high",
                "interpreter": one.base,
                "template": f"cdk.out/{one.stack}.template.json",
                "logical_id": one.base,
                "waiver": waiver if ruling["status"] == "waived" else None,
                **ruling,
            }
            for ruling in rulings
        ]
    return {"schema": 1, "ok": True, "results": results, "problems": []}


def chromium():
    """The browser's path, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def browse(folder, *arguments):
    """Headless Chromium, finished; its standard output."""
    return subprocess.run(
        [
            chromium(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={folder}/profile",
            *arguments,
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout


def pictures():
    """docs/images anew."""
    import json

    IMAGES.mkdir(exist_ok=True)
    report = compared(earlier(), made())
    (IMAGES / "table.svg").write_text(svg(made()))
    if chromium() is None:
        raise SystemExit("docs/images/page.png stays as it is: no chromium on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "page.html")
        file.write_text(page(report, read_check(json.dumps(checked()), "check.json")))
        browse(folder, "--window-size=1120,1850", f"--screenshot={IMAGES / 'page.png'}", file.as_uri())


if __name__ == "__main__":
    pictures()
