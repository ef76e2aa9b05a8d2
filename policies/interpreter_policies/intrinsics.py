"""CloudFormation's intrinsic functions: what one gives, as text with symbols.

What could hold a wildcard, or is not understood, raises UnresolvedError: it is never guessed. What has a few
possible values raises Undecided. Source: CloudFormation user guide, intrinsic function reference.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .template import Template

PSEUDO = (
    "AWS::AccountId",
    "AWS::Partition",
    "AWS::Region",
    "AWS::URLSuffix",
)
# These differ from one stack of a deployment to the next.
_OF_STACK = ("AWS::StackId", "AWS::StackName")
# What an export is worth that several stacks have.
AMBIGUOUS = "<AMBIGUOUS>"
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")
_SYMBOL = re.compile(r"<[^<>]+>")
_MARK = re.compile("\0")
# Values of these parameter types are names of things that exist, or numbers: no wildcard is among them.
_PLAIN_PARAMETER = re.compile(r"Number|AWS::EC2::[A-Za-z]+::Id|AWS::Route53::HostedZone::Id")
# The same, some of them.
_PLAIN_LIST = re.compile(r"List<AWS::EC2::[A-Za-z]+::Id>")


class UnresolvedError(ValueError):
    """A value that the template alone does not tell."""


class Undecided(UnresolvedError):  # noqa: N818 - a question, and only an error when nobody asks it
    """A value with a few possibilities: `key` is what to give `Template.choosing`, with one of `options`."""

    def __init__(self, template: "Template", key: str, options: Iterable[str]) -> None:
        super().__init__(f"{key} may be {', '.join(options)}")
        self.template = template
        self.key = key
        self.options = tuple(options)


# Attributes that hold what somebody has put there, wildcards too.
_ANYTHING = (("AWS::SSM::Parameter", "Value"), ("AWS::CloudFormation::WaitCondition", "Data"))


class _Absent:
    """What AWS::NoValue leaves: its key or element is not there."""


ABSENT = _Absent()


@dataclass(frozen=True)
class Parts:
    """The parts of an unknown text: each an unknown value of its own, how many is not known."""

    of: str
    delimiter: str = ""

    def __getitem__(self, index: int) -> str:
        return "<" + " ".join((self.of.strip("<>"), f"{self.delimiter}{index}")) + ">"


def _position(text: str) -> int:
    if not text.isdigit():
        raise UnresolvedError(f"Fn::Select has index {text!r}, expected a number, 0 for the first")
    return int(text)


def resolve(template: "Template", function: str, argument: Any) -> Any:
    """What an intrinsic function gives. Raises UnresolvedError."""
    resolver = _FUNCTIONS.get(function)
    if resolver is None:
        raise UnresolvedError(f"{function} cannot be resolved from the template")
    try:
        return resolver(template, argument)
    except UnresolvedError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise UnresolvedError(f"{function} has an argument it does not take: {argument!r}") from error


def _ref(template: "Template", name: str) -> Any:
    if name in template.choices:
        chosen, declared = template.choices[name], template.body.get("Parameters", {}).get(name, {})
        is_list = str(declared.get("Type")).startswith(("List<", "CommaDelimitedList"))
        return [one.strip() for one in chosen.split(",")] if is_list else chosen
    if name in PSEUDO:
        return f"<{name}>"
    if name in _OF_STACK:
        return template.symbol(name)
    if name == "AWS::NoValue":
        return ABSENT
    if name in template.resources:
        if template.resources[name].get("Type") == "AWS::S3::Bucket":
            return _bucket_name(template, name)
        return template.symbol(name)
    return _parameter(template, name)


def _parameter(template: "Template", name: str) -> Any:
    declared = template.body.get("Parameters", {}).get(name)
    if declared is None:
        raise UnresolvedError(f"Ref names {name!r}, which is not in the template")
    options = declared.get("AllowedValues")
    kind = str(declared.get("Type"))
    if options and kind in ("String", "Number"):
        raise Undecided(template, name, [template.text(option) for option in options])
    if _PLAIN_PARAMETER.fullmatch(kind):
        return template.symbol(name)
    if _PLAIN_LIST.fullmatch(kind):
        return Parts(template.symbol(name), ",")
    default = f", {declared['Default']!r} is only its default" if "Default" in declared else ""
    raise UnresolvedError(f"parameter {name} may have any value{default}")


def _get_att(template: "Template", target: Any) -> str:
    name, _, attribute = target.partition(".") if isinstance(target, str) else (target[0], "", target[1])
    resource = template.resources.get(name)
    if resource is None:
        raise UnresolvedError(f"Fn::GetAtt names {name!r}, which is not in the template")
    kind = str(resource.get("Type"))
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        raise UnresolvedError(f"attribute {attribute} of custom resource {name} may have any value")
    if (kind, attribute) in _ANYTHING:
        raise UnresolvedError(f"attribute {attribute} of {name} may have any value")
    if kind == "AWS::CloudFormation::Stack":
        raise UnresolvedError(f"output {attribute} of nested stack {name} may have any value")
    if kind == "AWS::S3::Bucket" and attribute == "Arn":
        return f"arn:<AWS::Partition>:s3:::{_bucket_name(template, name)}"
    return template.symbol(f"{name}.{template.text(attribute)}")


def _bucket_name(template: "Template", name: str) -> str:
    given = template.branch(template.resources[name].get("Properties", {}).get("BucketName"))
    return template.symbol(name) if given is None else template.text(given)


def _join(template: "Template", argument: Any) -> str:
    separator, parts = argument
    parts = template.plain(parts)
    if not isinstance(parts, list):
        raise UnresolvedError(f"Fn::Join of {parts!r}")
    return str(separator).join(template.text(part) for part in parts)


def _sub(template: "Template", argument: Any) -> str:
    text, given = argument if isinstance(argument, list) else (argument, {})

    def one(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return f"${{{name}}}"
        if name in given:
            return template.text(given[name])
        return template.text({"Fn::GetAtt": name} if "." in name else {"Ref": name})

    return _SUB.sub(one, text)


def _select(template: "Template", argument: Any) -> Any:
    index, parts = argument
    return template.plain(parts)[_position(template.text(index))]


def _split(template: "Template", argument: Any) -> "list[str] | Parts":
    delimiter, text = argument[0], template.text(argument[1])
    # A pseudo parameter's value is of these characters; another delimiter is not within it.
    within = re.search(r"[^a-z0-9.-]", str(delimiter)) is None
    hiding = [one for one in _SYMBOL.findall(text) if within or not one.startswith("<AWS::")]
    if not hiding:
        kept = iter(_SYMBOL.findall(text))
        return [_MARK.sub(lambda _: next(kept), part) for part in _SYMBOL.sub("\0", text).split(delimiter)]
    if hiding == [text]:
        return Parts(text, delimiter)
    raise UnresolvedError(f"Fn::Split of {text!r}: {hiding[0]} may hold {delimiter!r}")


def _find_in_map(template: "Template", argument: Any) -> Any:
    name, first, second, *more = argument
    default = more[0]["DefaultValue"] if more else None
    found = template.body["Mappings"][template.text(name)]
    for key in (template.text(key) for key in (first, second)):
        if _SYMBOL.search(key):
            choice = f"{name}[{key}]"
            if choice not in template.choices:
                raise Undecided(template, choice, [*sorted(found), *([_NOT_IN_MAP] if more else [])])
            key = template.choices[choice]
        if key not in found and more:
            return template.plain(default)
        if key not in found:
            raise UnresolvedError(f"mapping {name} has no {key!r}")
        found = found[key]
    return found


# The choice of a key that a mapping does not have, where it has a default.
_NOT_IN_MAP = "(none of its keys)"


def _import(template: "Template", argument: Any) -> str:
    return _exported(template, f"export {template.text(argument)!r}")


def _stack_output(template: "Template", argument: dict[str, Any]) -> str:
    if template.text(argument.get("Region", "<AWS::Region>")) != "<AWS::Region>":
        raise UnresolvedError(f"Fn::GetStackOutput of another region: {argument['Region']!r}")
    name = f"{template.text(argument['StackName'])}.{template.text(argument['OutputName'])}"
    return _exported(template, f"stack output {name!r}")


def _exported(template: "Template", name: str) -> str:
    found = template.exports.get(template.beside(name), template.exports.get(name))
    if found is None:
        raise UnresolvedError(f"{name} is not in these templates")
    if found == AMBIGUOUS:
        raise UnresolvedError(f"{name} is in several of these templates")
    return found


def _zones(template: "Template", argument: Any) -> "Parts":
    return Parts(f"zones of {template.text(argument) or '<AWS::Region>'}".replace("<", "").replace(">", ""))


def _if(template: "Template", argument: Any) -> Any:
    return template.plain(taken(template, argument))


def taken(template: "Template", argument: Any) -> Any:
    """The branch of an Fn::If that its condition takes, as written."""
    if not (isinstance(argument, list) and len(argument) == 3):
        raise UnresolvedError(f"Fn::If has {argument!r}, expected a condition's name and two values")
    name, yes, no = argument
    return yes if yes == no or condition(template, name) else no


def condition(template: "Template", name: str) -> bool:
    """Whether a named condition holds; Undecided if only the deployment tells."""
    if not isinstance(name, str):
        raise UnresolvedError(f"condition is {name!r}, expected the name of one")
    choice = f"condition {name}"
    if choice in template.choices:
        return template.choices[choice] == "true"
    expression = template.body.get("Conditions", {}).get(name)
    if expression is None:
        raise UnresolvedError(f"condition {name!r} is not in the template")
    decided = _truth(template, expression)
    if decided is None:
        raise Undecided(template, choice, ("true", "false"))
    return decided


def _any_or_all(template: "Template", parts: list[Any], *, decisive: bool) -> bool | None:
    """Fn::Or (True decides) and Fn::And (False does): one part that decides settles it."""
    open_part: Undecided | None = None
    unknown = False
    for one in parts:
        try:
            found = _truth(template, one)
        except Undecided as choice:
            open_part = open_part or choice
            continue
        if found is decisive:
            return decisive
        unknown = unknown or found is None
    if open_part is not None:
        raise open_part
    return None if unknown else not decisive


def _truth(template: "Template", expression: Any) -> bool | None:
    """Whether a condition holds; None if that hangs on what only the deployment tells."""
    (function, argument), *_ = expression.items()
    if function == "Condition":
        return condition(template, argument)
    if function == "Fn::Not":
        found = _truth(template, argument[0])
        return None if found is None else not found
    if function in ("Fn::And", "Fn::Or"):
        return _any_or_all(template, argument, decisive=function == "Fn::Or")
    if function == "Fn::Equals":
        try:
            left, right = (template.text(one) for one in argument)
        except Undecided:
            raise
        except UnresolvedError:
            return None
        if left == right:
            return True
        return None if _SYMBOL.search(left + right) else False
    raise UnresolvedError(f"{function} is no condition function")


_FUNCTIONS: dict[str, Callable[["Template", Any], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::GetAZs": _zones,
    "Fn::GetStackOutput": _stack_output,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
    "Fn::ImportValue": _import,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
