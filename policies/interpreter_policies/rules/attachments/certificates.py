"""ACCI-070."""

from collections.abc import Sequence

from interpreter_policies.rule import Outcome, Rule, failed
from interpreter_policies.rules.reach import all_but, within
from interpreter_policies.view import Interpreter


class Attachments(Rule):
    """Root certificates come from secrets of the own account, and the role can mount no file system.

    A session's caller can ask for certificates and file systems that no template shows; the role decides.
    """

    id = "ACCI-070"
    title = "certificates are the account's own, and no file system can be mounted"
    severity = "medium"
    why = "A foreign root certificate reads all TLS; a file system carries data from session to session."
    fix = "Keep the certificates in secrets of this account; remove elasticfilesystem:Client* from the role."
    source = "StartCodeInterpreterSession API model: certificates, filesystemConfigurations"

    def check(self, interpreter: Interpreter, fleet: Sequence[Interpreter]) -> Outcome:
        template = interpreter.template
        for certificate in template.listed(interpreter.properties.get("Certificates")):
            location = certificate.get("Location", {}) if isinstance(certificate, dict) else {}
            secret = template.text(location.get("SecretsManager", {}).get("SecretArn", "nothing"))
            own = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:"
            owned = (
                secret.startswith((own, own.replace("<AWS::Partition>", "aws"), "<")) and "*" not in secret
            )
            if not owned:
                return failed(f"a certificate comes from {secret}, expected a secret of the own account")
        return within(interpreter, _NO_MOUNT, "the role mounts nothing")


_NO_MOUNT = all_but("elasticfilesystem:client*", "s3files:*")
