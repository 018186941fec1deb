"""Wiring of functions/write_audit_digests."""

from __future__ import annotations

import time
from typing import Final

from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_deliveries import AwsAuditDeliveries
from postroom.adapters.aws.digest_objects import S3DigestObjects
from postroom.adapters.aws.digest_signatures import KmsDigestSigner
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.written_objects import DynamoWrittenObjects
from postroom.bootstrap import directory_parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import Arn, DirectorySettings
from postroom.digests.write import AuditDigests

AGE_S: Final = 60
"""How long deliveries are kept in memory, in seconds: for one run, which has many chains of one organization. Ours."""


class WriteAuditDigestsSettings(DirectorySettings):
    transit_table: str
    audit_signing_key_arn: Arn


@ready
def build(settings: WriteAuditDigestsSettings) -> AuditDigests:
    """Account and Region are those of the signing key, which is the stack's."""
    _, _, _, region, account, _ = settings.audit_signing_key_arn.split(":", 5)
    directory = DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))
    return AuditDigests(
        chains=DynamoWrittenObjects(clients.dynamodb(), settings.transit_table),
        objects=S3DigestObjects(clients.s3(), account),
        signer=KmsDigestSigner(clients.kms(), settings.audit_signing_key_arn),
        deliveries=AwsAuditDeliveries(directory, clients.logs(), age_s=AGE_S, monotonic=time.monotonic),
        owners=directory_parts.owners(settings),
        account=account,
        region=region,
        now=now_ms,
    )
