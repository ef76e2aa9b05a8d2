"""ACCI-050."""

from collections.abc import Sequence
from typing import Any

from interpreter_policies.iam.document import Condition, Statement
from interpreter_policies.iam.proof import counterexample
from interpreter_policies.iam_resources import Assembly, read
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
        written = template.resources[logical_id].get("Properties", {})
        # Only these: what its tags are, say, does not matter.
        properties = {name: _object(template.plain(template.branch(written.get(name)))) for name in _ASKED}
        block = properties["PublicAccessBlockConfiguration"]
        if missing := [name for name in _BLOCKS if template.text(block.get(name, False)) != "true"]:
            return failed(f"bucket {logical_id} does not set {', '.join(missing)}")
        if not properties["BucketEncryption"].get("ServerSideEncryptionConfiguration"):
            return failed(f"bucket {logical_id} has no BucketEncryption")
        if properties["VersioningConfiguration"].get("Status") != "Enabled":
            return failed(f"bucket {logical_id} is not versioned")
        if not _tls_only(template, logical_id):
            return failed(f"no policy of bucket {logical_id} denies requests without TLS")
        return passed(f"bucket {logical_id} is private, encrypted, versioned, TLS only")


_ASKED = ("PublicAccessBlockConfiguration", "BucketEncryption", "VersioningConfiguration")
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def bucket_named(assembly: Assembly, name: str) -> tuple[Template, str] | None:
    """The template and logical id of the bucket with this name."""
    for template in assembly:
        for logical_id, _ in template.of_type("AWS::S3::Bucket"):
            if template.text({"Ref": logical_id}) == name:
                return template, logical_id
    return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tls_only(template: Template, logical_id: str) -> bool:
    """Whether the bucket's policies deny everybody what does not come over TLS, and not the rest: proven."""
    arn = template.text({"Fn::GetAtt": [logical_id, "Arn"]})
    name = template.text({"Ref": logical_id})
    denies = [
        one
        for _, resource in template.of_type("AWS::S3::BucketPolicy")
        if template.text(resource.get("Properties", {}).get("Bucket")) == name
        for one in read(template, resource["Properties"].get("PolicyDocument"))
        if one.effect == "Deny" and one.principal in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    ]
    plain, over_tls = (
        Statement(
            "Allow",
            actions=("s3:*",),
            resources=(arn, f"{arn}/*"),
            conditions=(Condition("Bool", "aws:securetransport", (secure,)),),
        )
        for secure in ("false", "true")
    )
    return (
        counterexample((plain, *denies), ()) is None and counterexample((over_tls, *denies), ()) is not None
    )
