"""Wiring of functions/deliver."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.bootstrap import directory_parts, parts, ready
from postroom.bootstrap.clock import now_ms, pause
from postroom.bootstrap.settings import QueueSettings, StationSettings, Url
from postroom.delivery.deliver import Deliver

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class DeliverSettings(StationSettings, QueueSettings):
    mailbox_table: str
    inbound_bucket: str
    mail_bucket: str
    deliver_queue_url: Url
    update_calendar_queue_url: Url
    bounce_queue_url: Url
    accept_outbound_queue_url: Url


@ready
def build(settings: DeliverSettings) -> Deliver:
    return Deliver(
        owners=directory_parts.owners(settings),
        raw=S3RawMail(clients.s3(), settings.inbound_bucket),
        sealed=S3SealedMail(clients.s3(), settings.mail_bucket),
        keys=KmsMailboxKeys(clients.kms(), time.monotonic),
        mailboxes=DynamoMailboxes(
            clients.dynamodb(), settings.mailbox_table, settings.transit_table, settings.ledger_table, now_ms
        ),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        random=os.urandom,
        pause=pause,
    )


def batch(settings: DeliverSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, settings.dead_letter_queue_url, settings.deliver_queue_url)
