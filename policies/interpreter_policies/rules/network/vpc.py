"""What the network rules have in common: subnets, groups and VPC of an interpreter in the templates."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from interpreter_policies.iam_resources import Assembly
from interpreter_policies.template import Parts, Template, UnresolvedError
from interpreter_policies.view import Interpreter

# A resource of a template: where it is, and its logical id.
Place = tuple[Template, str]
_IDS = {
    "AWS::EC2::SecurityGroup": "GroupId",
    "AWS::EC2::Subnet": "SubnetId",
    "AWS::EC2::VPC": "VpcId",
    "AWS::EC2::RouteTable": "RouteTableId",
}


def ids(interpreter: Interpreter, name: str) -> list[str]:
    """`Subnets` or `SecurityGroups` of VPC mode, as text; empty in the other modes."""
    config = interpreter.network.get("VpcConfig")
    found = config.get(name, []) if interpreter.network_mode == "VPC" and isinstance(config, dict) else []
    if name == "SecurityGroups" and isinstance(found, Parts):
        return [found.of]  # groups that are kept elsewhere, whatever their number
    return [interpreter.template.text(one) for one in (found if isinstance(found, list) else [found])]


@lru_cache(maxsize=256)
def places(assembly: Assembly, kind: str) -> dict[str, Place]:
    """The resources of a type, by the ways that templates write their ids."""
    return {
        template.symbol(text): (template, logical_id)
        for template in assembly
        for logical_id, _ in template.of_type(kind)
        for text in (logical_id, f"{logical_id}.{_IDS[kind]}")
    }


def subnets(interpreter: Interpreter) -> list[Place]:
    """Its subnets; UnresolvedError if one is not in the templates."""
    known = places(interpreter.assembly, "AWS::EC2::Subnet")
    found = ids(interpreter, "Subnets")
    if elsewhere := [one for one in found if one not in known]:
        raise UnresolvedError(f"subnet {elsewhere[0]} is not in the templates")
    return [known[one] for one in found]


def vpcs(interpreter: Interpreter) -> set[str]:
    """The VPC of its subnets, as text; one, unless the template is wrong. UnresolvedError as above."""
    return {text_of(place, "VpcId") for place in subnets(interpreter)}


def route_table(interpreter: Interpreter, subnet: Place) -> str:
    """The route table of a subnet, as text; "" for the VPC's main one."""
    known = places(interpreter.assembly, "AWS::EC2::Subnet")
    for place in all_of(interpreter, "AWS::EC2::SubnetRouteTableAssociation"):
        if known.get(text_of(place, "SubnetId")) == subnet:
            return text_of(place, "RouteTableId")
    return ""


def of_vpc(interpreter: Interpreter, kind: str, name: str) -> list[Place]:
    """The resources of a type whose property `name` is the VPC of the interpreter's subnets."""
    mine = {_canonical(interpreter, one) for one in vpcs(interpreter)}
    return [one for one in all_of(interpreter, kind) if _canonical(interpreter, text_of(one, name)) in mine]


def _canonical(interpreter: Interpreter, vpc: str) -> object:
    return places(interpreter.assembly, "AWS::EC2::VPC").get(vpc, vpc)


def all_of(interpreter: Interpreter, kind: str) -> Iterator[Place]:
    """The resources of a type in all templates."""
    for template in interpreter.assembly:
        for logical_id, _ in template.of_type(kind):
            yield template, logical_id


def properties(place: Place) -> dict[str, Any]:
    """As written."""
    template, logical_id = place
    return dict(template.resources[logical_id].get("Properties", {}))


def text_of(place: Place, name: str) -> str:
    """A property as text, "" if it is not there."""
    given = place[0].branch(properties(place).get(name))
    return "" if given is None else place[0].text(given)
