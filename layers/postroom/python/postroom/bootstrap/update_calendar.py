"""Wiring of functions/update_calendar."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.mailbox_heads import DynamoMailboxHeads
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.bootstrap import calendar_parts, directory_parts, parts, ready, reply_parts
from postroom.bootstrap.clock import now_ms, pause
from postroom.bootstrap.settings import QueueSettings, StationSettings, Url
from postroom.meetings.resources import Resources
from postroom.meetings.update_calendar import UpdateCalendar

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class UpdateCalendarSettings(
    StationSettings, QueueSettings, reply_parts.ReplySettings, calendar_parts.CalendarSettings
):
    inbound_bucket: str
    mail_bucket: str
    postponed_queue_url: Url
    outsiders_may_book: bool


@ready
def build(settings: UpdateCalendarSettings) -> UpdateCalendar:
    table = DirectoryTable(clients.dynamodb(), settings.directory_table)
    directory, records = DynamoAddressees(table), DynamoDirectory(table)
    raw = S3RawMail(clients.s3(), settings.inbound_bucket)
    transit = parts.transit(settings)
    return UpdateCalendar(
        owners=directory_parts.owners(settings),
        records=records,
        directory=directory,
        raw=raw,
        calendars=calendar_parts.store(
            settings,
            mailboxes=DynamoMailboxHeads(clients.dynamodb(), settings.mailbox_table),
            keys=KmsMailboxKeys(clients.kms(), time.monotonic),
            sealed=S3SealedMail(clients.s3(), settings.mail_bucket),
        ),
        resources=Resources(
            directory=directory,
            records=records,
            replies=reply_parts.replies(directory, raw, settings.inbound_bucket),
            transit=transit,
            ledger=parts.ledger(settings),
            now=now_ms,
            outsiders_may_book=settings.outsiders_may_book,
        ),
        transit=transit,
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        pause=pause,
    )


def batch(settings: UpdateCalendarSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, settings.dead_letter_queue_url, settings.postponed_queue_url)
