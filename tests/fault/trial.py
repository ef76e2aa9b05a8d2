"""One run of the validation under faults, and what was untrue about it."""

import contextlib
import io
import json
import os
import random
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore import loaders, session

from interpreter_fleet.manifest import Record
from interpreter_validation import cli

from .faults import Plan, seeded
from .ground import Ground
from .proxy import Proxy

# How many sessions a probe opens at least; the others open none.
OPENS = {"lifecycle": 1, "storage": 1, "identity": 1, "isolation": 3, "libraries": 1, "network": 1}
# These share one session.
SHARED = frozenset({"storage", "identity", "libraries", "network"})
# Faults after which a client has no answer in time; two of them are told as a finding on an interpreter.
_NO_ANSWER = frozenset({"half-open", "withheld", "slow"})
# What may be wrong with an interpreter that is as it should be: nothing, unless the proxy lied about it.
_CODES = {"fail": 1, "could-not-tell": 3, "pass": 0}


@dataclass(frozen=True)
class Choice:
    """What is run, on which interpreters, with which probes; `orphan`: a killed run has left a session."""

    command: str
    fleet: str
    only: tuple[str, ...]
    probes: tuple[str, ...]
    concurrency: int
    timeout: float
    attempts: int
    orphan: bool

    @property
    def looks_for_sessions(self) -> bool:
        """Whether it has to find what killed runs left: a sweep, and whoever opens sessions."""
        return self.command == "sweep" or set(self.probes) != {"declared"}

    def arguments(self, records: dict[str, Record], report: Path) -> list[str]:
        fleet = next(iter(records.values())).fleet
        found = [self.command, "--fleet", fleet, "--json", str(report), "--share", "1"]
        found += ["--timeout", str(self.timeout)]
        found += [text for one in self.only for text in ("--only", one)]
        if self.command == "sweep":
            return [*found, "--yes"]
        found += ["--concurrency", str(self.concurrency)]
        return found + [text for one in self.probes for text in ("--probe", one)]


def chosen(seed: int) -> Choice:
    """By chance, cheap probes more often than dear ones."""
    chance = random.Random(f"choice {seed}")
    command = chance.choices(("canary", "all", "sweep"), (80, 8, 12))[0]
    fleet = chance.choices(("healthy", "broken"), (75, 25))[0]
    bases = {"healthy": ["one", "two"], "broken": ["fine", "gone", "loose"]}[fleet]
    only = tuple(chance.sample(bases, chance.choice((1, len(bases)))))
    sets = (("lifecycle",), ("declared", "lifecycle"), ("declared",), ("storage",), ("isolation",))
    sets += (("libraries",), ("identity",), ("lifecycle", "storage"))
    return Choice(
        command,
        fleet,
        only if len(only) < len(bases) else (),
        chance.choices(sets, (46, 32, 6, 3, 4, 2, 2, 5))[0],
        chance.choice((1, 1, 4)),
        chance.choice((1.5, 2.5)),
        chance.choice((1, 2, 2, 3)),
        command == "sweep" or chance.random() < 0.1,
    )


@dataclass
class Trial:
    """What happened: the exit code, the JSON report, what was printed, and what was untrue (`wrong`)."""

    choice: Choice
    code: int | None = None
    report: dict[str, Any] | None = None
    said: str = ""
    wrong: list[str] = field(default_factory=list)
    faults: int = 0
    seconds: float = 0.0


def run(ground: Ground, proxy: Proxy, folder: Path, seed: int, plan: Plan | None = None) -> Trial:
    """The run of a seed; with `plan`, under other faults."""
    return attempt(ground, proxy, folder, chosen(seed), plan or seeded(seed))


def attempt(ground: Ground, proxy: Proxy, folder: Path, choice: Choice, plan: Plan) -> Trial:
    """Runs the command line in this process, with nothing but its environment changed; cleans up."""
    fleet: dict[str, Record] = getattr(ground, choice.fleet)
    tried = [record for base, record in fleet.items() if not choice.only or base in choice.only]
    there = [record for record in tried if record.base != "gone"]
    orphan = ground.leave(there[0]) if choice.orphan and there else ""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    proxy.forget(plan)
    trial = Trial(choice)
    began = time.monotonic()
    out = io.StringIO()
    variables = {
        **ground.variables,
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_CA_BUNDLE": str(proxy.bundle),
        "AWS_MAX_ATTEMPTS": str(choice.attempts),
    }
    try:
        with _environment(variables), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            trial.code = cli.main(choice.arguments(fleet, report))
    except BaseException as error:  # noqa: BLE001 - whatever comes out is what is looked for
        trial.wrong.append(
            f"raised {type(error).__name__}: {''.join(traceback.format_exception(error)[-3:])}"
        )
    trial.seconds = time.monotonic() - began
    trial.said = out.getvalue()
    trial.report = json.loads(report.read_text()) if report.exists() else None
    trial.faults = sum(fault is not None for _, fault in proxy.asked) + len(proxy.late)
    trial.wrong += _untrue(ground, proxy, trial, tried, orphan)
    proxy.forget(lambda request: None)
    ground.clean()
    return trial


def _untrue(
    ground: Ground, proxy: Proxy, trial: Trial, tried: Sequence[Record], orphan: str
) -> Iterator[str]:
    there = [record for record in tried if record.base != "gone"]
    report = trial.report
    yield from _left(ground, report, orphan)
    if trial.code is None:
        return
    if report is None:
        yield f"no report, and the exit code is {trial.code}: {trial.said[-300:]}"
        return
    if any(one["detail"].startswith("could not run: ") for one in report["strangers"]):
        if (trial.code, report["exit_code"]) != (3, 3) or report["interpreters"]:
            yield f"could not run, and the exit code is {trial.code}: {trial.said[-300:]}"
        if not trial.faults:
            yield f"could not run without any fault: {trial.said[-300:]}"
        return
    if trial.code != report["exit_code"]:
        yield f"the exit code is {trial.code}, the report's {report['exit_code']}"
    if trial.code != (honest := _honest(report)):
        yield f"the exit code is {trial.code}, what the report says makes {honest}"
    if trial.choice.command != "sweep":
        yield from _verdicts(ground, proxy, trial, report, tried, orphan)
    if trial.code == 0 and trial.choice.looks_for_sessions:
        for record in there:
            for one in ground.sessions(record, "READY"):
                yield f"the exit code is 0, and {one['sessionId']} of {record.base} is READY"
    if not trial.faults:
        broken = trial.choice.command != "sweep" and any(
            _is_broken(one, trial.choice.probes) for one in tried
        )
        if trial.code != int(broken):
            yield f"without any fault the exit code is {trial.code}, expected {int(broken)}"


def _left(ground: Ground, report: dict[str, Any] | None, orphan: str) -> Iterator[str]:
    """Sessions that are READY, and that nobody is told about."""
    told = " ".join(report["leaked"]) if report and report["exit_code"] == 4 else ""
    for record in ground.records():
        for one in ground.sessions(record, "READY"):
            perhaps = f"perhaps one of {record.id} "
            if one["sessionId"] != orphan and one["sessionId"] not in told and perhaps not in told:
                yield f"session {one['sessionId']} ({one['name']}) of {record.base} is READY and not reported"


def _verdicts(
    ground: Ground,
    proxy: Proxy,
    trial: Trial,
    report: dict[str, Any],
    tried: Sequence[Record],
    orphan: str,
) -> Iterator[str]:
    found = {one["interpreter"]: one for one in report["interpreters"]}
    if sorted(found) != sorted(one.base for one in tried):
        yield f"tried {sorted(found)}, expected {sorted(one.base for one in tried)}"
        return
    for row in (report["preflight"] or {"rows": []})["rows"]:
        if row["verdict"] == "fail":
            yield f"there is room and nothing is missing, and preflight says {row}"
    for record in tried:
        results = {one["probe"]: one["verdict"] for one in found[record.base]["probes"]}
        if sorted(results) != sorted(trial.choice.probes):
            yield f"{record.base}: probes {sorted(results)}, expected {sorted(trial.choice.probes)}"
        lied = {fault for request, fault in proxy.told if request.about == record.id}
        passed = {name for name, verdict in results.items() if verdict == "pass"}
        if bad := passed & _broken(record):
            yield f"{record.base} is broken, and passed {sorted(bad)}"
        if "wrong-hash" in lied and "lifecycle" in passed:
            yield f"{record.base} passed lifecycle with a wrong hash"
        own = {one for one, interpreter in proxy.lied.items() if interpreter == record.id} - {orphan}
        if own and trial.choice.probes == ("lifecycle",) and passed:
            yield f"{record.base} passed lifecycle, and its stop did nothing"
        failed = {name for name, verdict in results.items() if verdict == "fail"} - _broken(record)
        silent = [fault in _NO_ANSWER for asked, fault in proxy.asked if asked.about == record.id]
        silent += [fault not in _NO_ANSWER for asked, fault in proxy.late if asked.about == record.id]
        if failed and not lied and not (failed == {"lifecycle"} and sum(silent) > 1):
            yield f"{record.base} is as it should be, and failed: {found[record.base]['detail']}"
        opened = sum(OPENS.get(name, 0) for name in passed - SHARED) + bool(passed & SHARED)
        if record.base != "gone" and opened:
            run = f"-{report['run']}-"
            listed = [*ground.sessions(record, "TERMINATED"), *ground.sessions(record, "READY")]
            held = sum(run in str(one.get("name")) for one in listed)
            if held < opened:
                yield f"{record.base} passed {sorted(passed)} with {held} sessions, expected {opened}"


def _broken(record: Record) -> frozenset[str]:
    """The probes that must not pass."""
    if record.base == "gone":
        return frozenset({*OPENS, "declared"})
    return frozenset({"declared", "storage"} if record.base == "loose" else ())


def _is_broken(record: Record, probes: Sequence[str]) -> bool:
    return bool(_broken(record) & set(probes))


def _honest(report: dict[str, Any]) -> int:
    if report["leaked"]:
        return 4
    verdicts = [one["verdict"] for one in report["interpreters"]]
    verdicts += [one["verdict"] for one in (report["preflight"] or {"rows": []})["rows"]]
    verdicts += ["could-not-tell" if one["kind"] == "unknown" else "fail" for one in report["strangers"]]
    return 1 if "fail" in verdicts else max((_CODES[one] for one in verdicts), default=0)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def share_models(put: Callable[[object, str, object], None] = setattr) -> None:
    """botocore reads its models again for each session, which is most of a short run: once is enough."""
    loader = loaders.create_loader()
    put(session, "create_loader", lambda *arguments: loader)
