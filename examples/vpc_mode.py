"""An interpreter in subnets and security groups that another team owns.

    cdk synth --app 'python3 examples/vpc_mode.py' -c security_groups=sg-0123456789abcdef0 \\
        -c subnets=subnet-0123456789abcdef0,subnet-0123456789abcdef1

The network is given by id and not made here: interfaces stay up to 8 hours after the interpreter is gone and
block the deletion of their security group, so the network has to outlive it.
"""

import sys

import aws_cdk as cdk

from interpreter_fleet import CodeInterpreter, Network


def warehouse(app: cdk.App, network: Network) -> cdk.Stack:
    """One interpreter with a warehouse in reach, and no storage of its own."""
    stack = cdk.Stack(app, "warehouse")
    CodeInterpreter(stack, "Queries", fleet="warehouse", base="queries", network=network)
    return stack


def ids(app: cdk.App, key: str) -> list[str]:
    """The ids that `-c key=a,b` names."""
    return [one for one in str(app.node.try_get_context(key) or "").split(",") if one]


if __name__ == "__main__":
    app = cdk.App()
    try:
        network = Network.vpc(subnets=ids(app, "subnets"), security_groups=ids(app, "security_groups"))
    except ValueError as error:
        sys.exit(f"-c subnets=… -c security_groups=…: {error}")
    warehouse(app, network)
    app.synth()
