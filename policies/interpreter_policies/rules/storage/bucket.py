"""ACCI-050."""

from collections.abc import Sequence

from interpreter_policies.iam.document import Condition, Statement, parse
from interpreter_policies.iam_resources import Assembly
from interpreter_policies.rule import Outcome, Rule, failed, passed
from interpreter_policies.template import Template, UnresolvedError
from interpreter_policies.view import Interpreter


class Bucket(Rule):
    """The bucket is private, encrypted, versioned and answers over TLS only."""

    id = "ACCI-050"
    title = "bucket is private, encrypted, versioned, TLS only"
    severity = "high"
    why = "The role's limits are worth little if the bucket lets others in."
    fix = "Block public access, encrypt, version, and deny requests without aws:SecureTransport."
    source = "AWS docs, S3 security best practices"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        storage = interpreter.storage
        if storage is None:
            return passed("has no storage")
        found = bucket_named(interpreter.assembly, storage.bucket)
        if found is None:
            raise UnresolvedError(f"bucket {storage.bucket} is not in these templates")
        template, logical_id = found
        properties = template.plain(template.resources[logical_id].get("Properties", {}))
        block = properties.get("PublicAccessBlockConfiguration", {})
        if missing := [name for name in _BLOCKS if template.text(block.get(name, False)) != "true"]:
            return failed(f"bucket {logical_id} does not set {', '.join(missing)}")
        if not properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration"):
            return failed(f"bucket {logical_id} has no BucketEncryption")
        if properties.get("VersioningConfiguration", {}).get("Status") != "Enabled":
            return failed(f"bucket {logical_id} is not versioned")
        if not _tls_only(template, logical_id):
            return failed(f"no policy of bucket {logical_id} denies requests without TLS")
        return passed(f"bucket {logical_id} is private, encrypted, versioned, TLS only")


_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def bucket_named(assembly: Assembly, name: str) -> tuple[Template, str] | None:
    """The template and logical id of the bucket with this name."""
    for template in assembly:
        for logical_id, _ in template.of_type("AWS::S3::Bucket"):
            if template.text({"Ref": logical_id}) == name:
                return template, logical_id
    return None


def _tls_only(template: Template, logical_id: str) -> bool:
    arn = template.text({"Fn::GetAtt": [logical_id, "Arn"]})
    # The bucket itself, and the objects in it: a Deny on one says nothing of the other.
    needed = {arn, f"{arn}/*"}

    def covered(statement: Statement) -> set[str]:
        return needed if "*" in statement.resources else set(statement.resources)

    for _, resource in template.of_type("AWS::S3::BucketPolicy"):
        properties = resource["Properties"]
        if template.reference(properties.get("Bucket")) != logical_id:
            continue
        for statement in parse(template.plain(properties.get("PolicyDocument"))):
            if (
                statement.effect == "Deny"
                and _everybody_without_tls(statement)
                and needed <= covered(statement)
            ):
                return True
    return False


def _everybody_without_tls(statement: Statement) -> bool:
    everybody = statement.principal in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    without_tls = (Condition("Bool", "aws:securetransport", ("false",)),)
    return everybody and statement.actions in (("s3:*",), ("*",)) and statement.conditions == without_tls
