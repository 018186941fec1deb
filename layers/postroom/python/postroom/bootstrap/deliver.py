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
from postroom.bootstrap.environment import Environment, now_ms, pause
from postroom.delivery.deliver import Deliver

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


@ready
def build(settings: Environment | None = None) -> Deliver:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    return Deliver(
        owners=directory_parts.owners(settings),
        raw=S3RawMail(clients.s3(), settings["INBOUND_BUCKET"]),
        sealed=S3SealedMail(clients.s3(), settings["MAIL_BUCKET"]),
        keys=KmsMailboxKeys(clients.kms(), time.monotonic),
        mailboxes=DynamoMailboxes(
            clients.dynamodb(), settings["MAILBOX_TABLE"], settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms
        ),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        random=os.urandom,
        pause=pause,
    )


def batch(logger: Logger) -> SqsBatch:
    """Return how its queue's batches are taken."""
    settings = Environment()
    return parts.batch(settings, logger, dead_letters=settings["DELIVER_DLQ_URL"])
