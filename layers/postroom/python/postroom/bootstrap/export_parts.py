"""Parts of the functions that export mailboxes."""

from __future__ import annotations

import time

from postroom.adapters.aws import clients
from postroom.adapters.aws.assumed_roles import EXPORT_SESSION, AssumedRoles
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.export_staging import S3ExportStaging
from postroom.adapters.aws.export_uploads import S3ExportUploads
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.bootstrap import directory_parts, parts
from postroom.bootstrap.clock import now_ms, pause
from postroom.bootstrap.settings import QueueSettings, StationSettings, Url
from postroom.export.job import Export


class ExportSettings(StationSettings, QueueSettings):
    """Of functions that export mailboxes."""

    mailbox_table: str
    mail_bucket: str
    seal_export_queue_url: Url


def export(settings: ExportSettings) -> Export:
    """Return what the stations of an export share."""
    roles = AssumedRoles(clients.later(clients.sts), clients.s3_as, now_ms, EXPORT_SESSION)
    return Export(
        records=DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table)),
        owners=directory_parts.owners(settings),
        mailboxes=DynamoMailboxes(
            clients.dynamodb(), settings.mailbox_table, settings.transit_table, settings.ledger_table, now_ms
        ),
        keys=KmsMailboxKeys(clients.kms(), time.monotonic),
        uploads=S3ExportUploads(clients.s3(), roles),
        staging=S3ExportStaging(clients.s3_for_many(), settings.mail_bucket),
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        pause=pause,
    )
