"""fleet.yaml in, CloudFormation stacks out; the policy check stands in the way.

`cdk synth` and `cdk deploy` run this. `-c fleet=path` names another file.
"""

import sys
from pathlib import Path

import aws_cdk as cdk

from interpreter_fleet import FleetFileError, FleetTooLargeError, InterpreterFleet, load
from interpreter_policies.adapters import synth_gate


def main() -> int:
    """Exit 0 with templates in cdk.out, 2 when the fleet's file is wrong."""
    app = cdk.App()
    path = Path(app.node.try_get_context("fleet") or "fleet.yaml")
    try:
        InterpreterFleet(app, load(path))
    except FleetFileError as error:
        print(error, file=sys.stderr)
        return 2
    except FleetTooLargeError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    synth_gate.register(app)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
