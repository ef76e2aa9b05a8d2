"""What changed since an earlier run."""

from typing import Any

from .latency import STEPS, spreads
from .names import namer

# Below both, a difference is the noise of one session's start.
RATIO = 1.5
MILLISECONDS = 50.0
_RANK = {"pass": 0, "could-not-tell": 1, "fail": 2}


def compared(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The report with `baseline` and `changes` filled in, the worse ones first."""
    changes = _headroom(before, now)
    # A preflight, a sweep and a run that could not be made try no interpreter: none of them is gone.
    if now["interpreters"]:
        changes = [*_fleet(before, now), *changes, *_medians(before, now)]
    order = {True: 0, None: 1, False: 2}
    changes.sort(key=lambda one: order[one["worse"]])
    return {**now, "baseline": before["run"], "changes": changes}


def _fleet(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    old = {(one["fleet"], one["interpreter"]): one for one in before["interpreters"]}
    new = {(one["fleet"], one["interpreter"]): one for one in now["interpreters"]}
    changes = []
    name_of = namer([*old.values(), *new.values()])
    for key in sorted(old.keys() | new.keys()):
        name = name_of(new.get(key) or old[key])
        if key not in old:
            verdict = new[key]["verdict"]
            changes.append(_change("new", name, "not there", verdict, worse=_worse(verdict)))
        elif key not in new:
            # Perhaps only left out of this run: no judgement.
            changes.append(_change("gone", name, old[key]["verdict"], "not there"))
        else:
            changes += _interpreter(name, old[key], new[key])
    return changes


def _interpreter(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    changes = []
    if old["id"] != new["id"]:
        changes.append(_change("replaced", name, old["id"], new["id"]))
    was = {one["probe"]: one["verdict"] for one in old["probes"]}
    for probe in new["probes"]:
        verdict = probe["verdict"]
        earlier = was.pop(probe["probe"], None)
        if earlier is None:
            worse = _worse(verdict)
            changes.append(_change("verdict", f"{name}, {probe['probe']}", "not tried", verdict, worse=worse))
        elif earlier != verdict:
            worse = _RANK[verdict] > _RANK[earlier]
            changes.append(_change("verdict", f"{name}, {probe['probe']}", earlier, verdict, worse=worse))
    for probe, earlier in was.items():
        changes.append(_change("verdict", f"{name}, {probe}", earlier, "not tried"))
    for step in STEPS:
        took = old["milliseconds"].get(step), new["milliseconds"].get(step)
        changes += _latency(f"{name}, {step}", *took)
    return changes


def _medians(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    old = {one.step: one.median for one in spreads(before["interpreters"])}
    new = {one.step: one.median for one in spreads(now["interpreters"])}
    return [change for step in STEPS for change in _latency(f"median {step}", old.get(step), new.get(step))]


def _latency(about: str, old: float | None, new: float | None) -> list[dict[str, Any]]:
    if not old or not new:
        return []
    ratio = max(old, new) / min(old, new)
    if ratio < RATIO or abs(new - old) < MILLISECONDS:
        return []
    return [
        _change("latency", about, f"{old:.0f} ms", f"{new:.0f} ms, {new / old:.1f} times", worse=new > old)
    ]


def _headroom(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    old = {row["name"]: row for row in before["preflight"]["rows"]}
    changes = []
    for row in now["preflight"]["rows"]:
        earlier = old.get(row["name"])
        if earlier is None:
            continue
        if earlier["verdict"] != row["verdict"]:
            worse = _RANK[row["verdict"]] > _RANK[earlier["verdict"]]
            changes.append(_change("verdict", row["name"], earlier["verdict"], row["verdict"], worse=worse))
        told = earlier["headroom"], row["headroom"]
        if None not in told and told[0] != told[1]:
            changes.append(_change("headroom", row["name"], f"{told[0]:g}", f"{told[1]:g}"))
    return changes


def _worse(verdict: str) -> bool | None:
    return True if verdict != "pass" else None


def _change(what: str, about: str, before: str, now: str, *, worse: bool | None = None) -> dict[str, Any]:
    return {"what": what, "about": about, "before": before, "now": now, "worse": worse}
