"""Wiring of the program that speaks SMTP with mail clients; it is no function, and has the settings of one."""

from __future__ import annotations

import uuid

from postroom.access.compiled_rules import CompiledRules
from postroom.access.decision import Access
from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.passwords import Argon2Passwords, RememberedPasswords
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.submissions import LambdaSubmits, Staging
from postroom.bootstrap import audit_parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import CountedTrailSettings, DirectorySettings
from postroom.smtp.front import Front


class SmtpSettings(DirectorySettings, CountedTrailSettings):
    """Of the program: those of the authorizer, and where messages go."""

    inbound_bucket: str
    submit_function: str


@ready
def build(settings: SmtpSettings) -> Front:
    """Return what answers sessions."""
    directory = DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))
    staging = Staging(S3RawMail(clients.s3(), settings.inbound_bucket), _new_id)
    return Front(
        accounts=directory,
        passwords=RememberedPasswords(Argon2Passwords()),
        access=Access(CompiledRules(directory), directory),
        trail=audit_parts.counted_trail(settings),
        submits=LambdaSubmits(clients.submissions(), settings.submit_function, staging),
        now_ms=now_ms,
        new_id=_new_id,
    )


def _new_id() -> str:
    return str(uuid.uuid4())
