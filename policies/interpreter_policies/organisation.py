"""Documents for a whole organisation: what no template can leave out, because AWS asks them.

Service control policies (SCPs) on whoever creates, a permissions boundary for execution roles, and rules in
CloudFormation Guard for a hook. Sources: AgentCore user guide, "IAM condition keys for VPC settings"; service
authorization reference of AgentCore; CloudFormation user guide, Guard hooks.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GUARD = Path(__file__).with_name("interpreters.guard")
# An SCP may have this many characters, spaces included (Organizations user guide, quotas).
MAX_SCP = 5120
DEPLOY_ROLES = ("arn:*:iam::*:role/cdk-*-cfn-exec-role-*",)
_CREATE = "bedrock-agentcore:CreateCodeInterpreter"
_DELETE = "bedrock-agentcore:DeleteCodeInterpreter"
_SESSIONS = (
    "bedrock-agentcore:StartCodeInterpreterSession",
    "bedrock-agentcore:InvokeCodeInterpreter",
    "bedrock-agentcore:GetCodeInterpreterSession",
    "bedrock-agentcore:StopCodeInterpreterSession",
)
_SUBNET, _GROUP = re.compile(r"subnet-[0-9a-f]{8,17}"), re.compile(r"sg-[0-9a-f]{8,17}")
_ROLE = re.compile(r"arn:[^:]+:iam::(\*|[0-9]{12}):role/.+")


def force_vpc(subnets: Sequence[str] = (), security_groups: Sequence[str] = ()) -> dict[str, Any]:
    """SCP: an interpreter is created in VPC mode only, in these subnets and groups if any are given."""
    statements = []
    for name, key, given in (("Subnets", "subnets", subnets), ("Groups", "securityGroups", security_groups)):
        condition = {"Null": {f"bedrock-agentcore:{key}": "true"}}
        statements.append(_deny(f"NoInterpreterWithout{name}", [_CREATE], "*", condition))
        if given:
            other = {"ForAnyValue:StringNotEquals": {f"bedrock-agentcore:{key}": sorted(given)}}
            statements.append(_deny(f"NoOther{name}", [_CREATE], "*", other))
    return _document(*statements)


def no_managed_interpreter() -> dict[str, Any]:
    """SCP: nobody uses the interpreter that AWS manages: it has no network and no role of one's own."""
    managed = "arn:*:bedrock-agentcore:*:aws:code-interpreter/*"
    return _document(_deny("NoManagedInterpreter", list(_SESSIONS), managed))


def only_the_deploy_role(deploy_roles: Sequence[str] = DEPLOY_ROLES) -> dict[str, Any]:
    """SCP: only these roles (ARNs, wildcards allowed) create and delete interpreters and pass their roles."""
    others = {"ArnNotLike": {"aws:PrincipalArn": sorted(deploy_roles)}}
    return _document(
        _deny("OnlyTheDeployRoleCreates", [_CREATE, _DELETE], "*", others),
        _deny("OnlyTheDeployRolePasses", ["iam:PassRole"], "arn:*:iam::*:role/BedrockAgentCore/*", others),
    )


def boundary() -> dict[str, Any]:
    """Permissions boundary of an execution role: objects and bound lists in the own account, no more."""
    own = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    listing = {**own, "StringLike": {"s3:prefix": "?*/*"}}
    return _document(
        {
            "Sid": "Objects",
            "Effect": "Allow",
            "Action": objects,
            "Resource": "arn:*:s3:::*/*",
            "Condition": own,
        },
        {
            "Sid": "List",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:*:s3:::*",
            "Condition": listing,
        },
    )


def documents(
    subnets: Sequence[str] = (),
    security_groups: Sequence[str] = (),
    deploy_roles: Sequence[str] = DEPLOY_ROLES,
) -> dict[str, str]:
    """File name → text of every document. ValueError for an SCP that is longer than AWS takes."""
    found = {
        "scp-force-vpc.json": force_vpc(subnets, security_groups),
        "scp-no-managed-interpreter.json": no_managed_interpreter(),
        "scp-only-the-deploy-role.json": only_the_deploy_role(deploy_roles),
        "boundary-execution-role.json": boundary(),
    }
    texts = {name: json.dumps(body, indent=2) + "\n" for name, body in found.items()}
    for name, text in texts.items():
        if name.startswith("scp-") and len(text) > MAX_SCP:
            raise ValueError(f"{name} would have {len(text)} characters, allowed are {MAX_SCP}; name fewer")
    return {**texts, GUARD.name: GUARD.read_text()}


def _deny(sid: str, actions: list[str], resource: str, condition: Any = None) -> dict[str, Any]:
    found = {"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": resource}
    return found if condition is None else {**found, "Condition": condition}


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


_EPILOG = """\
examples:
  organisation.py --output org/
  organisation.py --output org/ --subnet subnet-0123456789abcdef0 --security-group sg-0123456789abcdef0
  organisation.py --output org/ --deploy-role 'arn:aws:iam::*:role/deploy-interpreters'

exit status: 0 written, or already as they should be; 2 wrong usage; 3 could not be written
docs/organisation.md says what each document does, and what none of them can.
"""


def main(argv: list[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="organisation.py",
        description="Write the organisation's documents: service control policies, a boundary, a Guard file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where to write them")
    parser.add_argument(
        "--subnet", action="append", default=[], metavar="ID", help="allow this subnet only; may be repeated"
    )
    parser.add_argument(
        "--security-group", action="append", default=[], metavar="ID", help="allow this group only; the same"
    )
    parser.add_argument(
        "--deploy-role",
        action="append",
        metavar="ARN",
        help=f"who may create interpreters; may be repeated (default: {DEPLOY_ROLES[0]})",
    )
    options = parser.parse_args(argv)
    for name, pattern, given in (
        ("--subnet", _SUBNET, options.subnet),
        ("--security-group", _GROUP, options.security_group),
        ("--deploy-role", _ROLE, options.deploy_role or ()),
    ):
        for one in given:
            if not pattern.fullmatch(one):
                parser.error(f"{name} is {one!r}, expected {pattern.pattern}")
    try:
        texts = documents(options.subnet, options.security_group, options.deploy_role or DEPLOY_ROLES)
        for name in _write(texts, options.output):
            print(f"wrote {options.output / name}")
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        print(f"organisation.py: could not write: {error}", file=sys.stderr)
        return 3
    return 0


def _write(texts: dict[str, str], folder: Path) -> list[str]:
    """Writes what differs; gives the names of what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = [
        name
        for name, text in texts.items()
        if not (folder / name).exists() or (folder / name).read_text() != text
    ]
    for name in changed:
        (folder / name).write_text(texts[name])
    return changed


if __name__ == "__main__":
    sys.exit(main())
