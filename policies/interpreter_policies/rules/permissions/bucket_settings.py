"""ACCI-027."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule
from interpreter_policies.rules.reach import all_but, within
from interpreter_policies.view import Interpreter


class BucketSettings(Rule):
    """The role cannot change buckets or who may read objects."""

    id = "ACCI-027"
    title = "role cannot change buckets or object ACLs"
    severity = "high"
    why = "Who can set a bucket's policy or an object's ACL can open it to everybody."
    fix = "Remove these actions; reading and writing objects needs none of them."
    source = "service authorization reference of Amazon S3"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        return within(interpreter, _ENVELOPE, "allows none of these actions")


_ENVELOPE = all_but(
    "s3:createbucket",
    "s3:deletebucket*",
    "s3:putbucket*",
    "s3:putobjectacl",
    "s3:putobjectversionacl",
    "s3:putreplicationconfiguration",
    "s3:replicateobject",
    "s3:putencryptionconfiguration",
    "s3:putlifecycleconfiguration",
    "s3:putaccesspointpolicy",
    "s3:bypassgovernanceretention",
    "s3:createaccesspoint*",
    "s3:putaccesspointpublicaccessblock",
    "s3:putaccountpublicaccessblock",
    "s3:putinventoryconfiguration",
    "s3:initiatereplication",
    "s3:putmultiregionaccesspointpolicy",
)
