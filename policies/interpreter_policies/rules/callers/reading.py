"""What the rules on callers have in common: who, in the templates, may use an interpreter."""

from functools import lru_cache

from interpreter_policies.iam.document import Statement
from interpreter_policies.iam.evaluator import names
from interpreter_policies.iam.globs import glob, matches
from interpreter_policies.iam.meeting import may_meet
from interpreter_policies.iam_resources import Assembly
from interpreter_policies.identities import Identity, identities
from interpreter_policies.template import UnresolvedError
from interpreter_policies.view import Interpreter, holders

SESSION_ACTIONS = (
    "bedrock-agentcore:startcodeinterpretersession",
    "bedrock-agentcore:invokecodeinterpreter",
)
# Managed policies of AWS that allow the use of interpreters.
_GRANTING = ("AdministratorAccess", "PowerUserAccess", "BedrockAgentCoreFullAccess")
# Made by AWS for one service's own needs; none of them is on AgentCore.
_HARMLESS = ":iam::aws:policy/service-role/"


@lru_cache(maxsize=64)
def callers(assembly: Assembly) -> tuple[Identity, ...]:
    """The identities of the templates, but the interpreters' own execution roles."""
    own = holders(assembly)
    return tuple(one for one in identities(assembly) if (one.template.scope, one.logical_id) not in own)


def granting(identity: Identity, actions: tuple[str, ...]) -> list[Statement]:
    """The statements that allow one of these actions, whatever their conditions."""
    return [
        one
        for one in identity.statements
        if one.effect == "Allow" and any(names(one.actions, one.not_actions, action) for action in actions)
    ]


def reaches(statement: Statement, resource: str) -> bool:
    """Whether a statement's resources may be this one; variables and conditions are taken for met."""
    if statement.not_resources:
        return not any(matches(glob(one), resource) for one in statement.not_resources)
    return any(
        "${" in one or matches(glob(one), resource) or may_meet(one, resource) for one in statement.resources
    )


def own_arns(interpreter: Interpreter) -> list[str]:
    """The ways that templates write the ARN of an interpreter."""
    ending = interpreter.id_pattern.replace("*", "0000000000")
    return [
        interpreter.template.symbol(f"{interpreter.logical_id}.CodeInterpreterArn"),
        *(
            f"arn:{partition}:bedrock-agentcore:<AWS::Region>:<AWS::AccountId>:code-interpreter-custom/{ending}"
            for partition in ("<AWS::Partition>", "aws")
        ),
    ]


def known_grant(identity: Identity) -> str | None:
    """A managed policy of AWS that allows it everything here, None if it has none."""
    return next((one for one in identity.unread if one.endswith(_GRANTING)), None)


def refuse_unread(identity: Identity) -> None:
    """UnresolvedError if the identity has policies that may hold the grant and are not in the templates."""
    for one in identity.unread:
        if _HARMLESS not in one:
            raise UnresolvedError(f"{identity.title} has {one}, which is not in the templates")
