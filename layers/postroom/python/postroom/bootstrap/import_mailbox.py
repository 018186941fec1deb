"""Wiring of functions/import_mailbox."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import clients
from postroom.adapters.aws.assumed_roles import IMPORT_SESSION, AssumedRoles
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.import_sources import S3ImportSources
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.bootstrap import calendar_parts, directory_parts, parts, ready
from postroom.bootstrap.clock import now_ms, pause
from postroom.bootstrap.settings import DirectorySettings, QueueSettings, TimedSettings, Url
from postroom.imports.import_mailbox import ImportMailbox

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch

STORE_THREADS: Final = 9
"""How many objects are stored at the same time: below the connections of a client (10). Ours."""


class ImportMailboxSettings(calendar_parts.CalendarSettings, DirectorySettings, QueueSettings, TimedSettings):
    mail_bucket: str
    import_mailbox_queue_url: Url


@ready
def build(settings: ImportMailboxSettings) -> ImportMailbox:
    mailboxes = DynamoMailboxes(
        clients.dynamodb(), settings.mailbox_table, settings.transit_table, settings.ledger_table, now_ms
    )
    calendars = calendar_parts.store(
        settings,
        mailboxes=mailboxes,
        keys=KmsMailboxKeys(clients.kms(), time.monotonic),
        sealed=S3SealedMail(clients.s3(), settings.mail_bucket),
        executor=ThreadPoolExecutor(STORE_THREADS),
    )
    roles = AssumedRoles(clients.later(clients.sts), clients.s3_as, now_ms, IMPORT_SESSION)
    return ImportMailbox(
        records=DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table)),
        owners=directory_parts.owners(settings),
        mailboxes=mailboxes,
        calendars=calendars,
        sources=S3ImportSources(roles),
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        now=now_ms,
        pause=pause,
    )


def batch(settings: ImportMailboxSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
