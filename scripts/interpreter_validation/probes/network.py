"""Where does code get to: nowhere in SANDBOX (but S3), outside in PUBLIC, to what is declared in VPC."""

from typing import Any

from interpreter_fleet.manifest import Record
from interpreter_validation.asking import ask
from interpreter_validation.places import region_of, service_host
from interpreter_validation.result import ProbeError, ProbeResult
from interpreter_validation.session import Sessions
from interpreter_validation.settings import PATIENCE, Settings, Target
from interpreter_validation.verdict import Verdict

NAME = "network"


def run(sessions: Sessions, record: Record, settings: Settings) -> ProbeResult:
    """Several kinds of way at once: TCP by name and by address, on several ports; DNS over UDP; names; S3."""
    declared = [Target.parse(one) for one in record.reaches]
    # SANDBOX reaches S3 of its Region and no other service (recorded from the live service).
    sts = [Target(service_host(record, "sts"), 443)] if record.network_mode == "SANDBOX" else []
    outside = [one for one in (*settings.outside, *sts) if one not in declared]
    targets = [*outside, *declared]
    told: dict[str, Any] = {
        # Where something must answer, a busy machine gets more time than a closed way.
        "targets": [
            [one.host, one.port, settings.seconds * (PATIENCE if one in declared else 1)] for one in targets
        ],
        "names": sorted({one.host for one in settings.outside if one.is_name}),
        "resolvers": sorted({one.host for one in settings.outside if not one.is_name}),
        "s3": [service_host(record, "s3"), settings.seconds * PATIENCE],
        "seconds": settings.seconds,
    }
    with sessions.shared(record.id, record.base) as session:
        found = ask(sessions, session, "network", **told)
    tcp = dict(zip(targets, found["tcp"], strict=True))
    took = {str(target): float(one["ms"]) for target, one in tcp.items() if one["reached"]}
    if found["s3"]["reached"]:
        took["s3"] = float(found["s3"]["ms"])
    # A name and its address are one target: what is declared by name is not undeclared by address.
    allowed = {(tcp[one]["peer"], one.port) for one in declared if tcp[one]["reached"]}
    reached = [
        f"TCP {one} ({tcp[one]['said']})"
        for one in outside
        if tcp[one]["reached"] and (tcp[one]["peer"], one.port) not in allowed
    ]
    if record.network_mode == "PUBLIC":
        _no(_s3(record, found["s3"]), _public(reached, outside, tcp))
        return ProbeResult(NAME, Verdict.PASS, f"reached {', '.join(reached)}", milliseconds=took)
    reached += [f"UDP {host}:53 ({one['said']})" for host, one in found["udp"].items() if one["reached"]]
    if record.network_mode == "SANDBOX":
        # Whoever resolves names outside can carry data out in them.
        reached += [
            f"the name {name} ({one['said']})" for name, one in found["names"].items() if one["reached"]
        ]
        _no(_closed(record, reached, outside), _s3(record, found["s3"]))
        told_s3 = "S3 answers" if found["s3"]["reached"] else "S3 does not answer, and needs not"
        return ProbeResult(NAME, Verdict.PASS, f"nothing outside answers; {told_s3}", milliseconds=took)
    missed = [(one, tcp[one]["said"]) for one in declared if not tcp[one]["reached"]]
    _no(_closed(record, reached, outside), _reaches(record, missed), _s3(record, found["s3"]))
    detail = (
        f"reached {', '.join(record.reaches) or 'nothing, and nothing is declared'}; nothing outside answers"
    )
    return ProbeResult(NAME, Verdict.PASS, detail, milliseconds=took)


def _no(*problems: ProbeError | None) -> None:
    """Raises what there is of these, as one."""
    found = [one for one in problems if one]
    if found:
        raise ProbeError(
            "; ".join(map(str, found)),
            expected="; ".join(one.expected for one in found),
            seen="; ".join(one.seen for one in found),
            todo="; ".join(one.todo for one in found),
        )


def _s3(record: Record, found: dict[str, Any]) -> ProbeError | None:
    if record.bucket is None or found["reached"]:
        return None
    host = service_host(record, "s3")
    way = "the S3 gateway endpoint of its route table" if record.network_mode == "VPC" else "its network mode"
    return ProbeError(
        f"{host} does not answer, and the interpreter has storage there: {found['said']}",
        expected=f"{host} answers",
        seen=str(found["said"]),
        todo=f"check {way}: without it the interpreter cannot read or write its prefix",
    )


def _public(
    reached: list[str], outside: list[Target], tcp: dict[Target, dict[str, Any]]
) -> ProbeError | None:
    if reached:
        return None
    tried = "; ".join(f"{one}: {tcp[one]['said']}" for one in outside)
    return ProbeError(
        f"network mode is PUBLIC and nothing outside answers: {tried}",
        expected="a connection to one of " + ", ".join(map(str, outside)),
        seen=tried,
        todo="if PUBLIC is not needed, declare SANDBOX; if it is, see whether these targets answer elsewhere"
        " (`--outside HOST:PORT` names others)",
    )


def _closed(record: Record, reached: list[str], outside: list[Target]) -> ProbeError | None:
    if not reached:
        return None
    todo = (
        f"this is a way out for data: see GetCodeInterpreter of {record.id} for its network mode, replace it,"
        " and stop its sessions until then"
        if record.network_mode == "SANDBOX"
        else "narrow the security groups' egress rules or the route table, or declare the target under"
        f" `vpc.reaches` of {record.base} in fleet.yaml"
    )
    return ProbeError(
        f"network mode is {record.network_mode} and code gets out: {', '.join(reached)}",
        expected="no answer from " + ", ".join(map(str, outside)),
        seen=", ".join(reached),
        todo=todo,
    )


def _reaches(record: Record, missed: list[tuple[Target, str]]) -> ProbeError | None:
    if not missed:
        return None
    seen = "; ".join(f"{target}: {said}" for target, said in missed)
    return ProbeError(
        f"declared targets do not answer from {region_of(record)} in VPC mode: {seen}",
        expected="a connection to " + ", ".join(str(target) for target, _ in missed),
        seen=seen,
        todo="check the security groups' egress, the route table and the target's own security group",
    )
