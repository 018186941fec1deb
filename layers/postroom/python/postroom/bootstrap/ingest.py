"""Wiring of functions/ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.bootstrap import parts, ready
from postroom.bootstrap.environment import Environment, now_ms
from postroom.inbound.ingest import Ingest

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


@ready
def build(settings: Environment | None = None) -> Ingest:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    clients.sqs()  # every message needs it: better made now than while the first one waits
    return Ingest(
        directory=DynamoAddressees(DirectoryTable(clients.dynamodb(), settings["DIRECTORY_TABLE"])),
        rule_sets=S3RuleSets(clients.s3(), settings["INBOUND_BUCKET"]),
        raw=S3RawMail(clients.s3(), settings["INBOUND_BUCKET"]),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        bucket=settings["INBOUND_BUCKET"],
        plus_addressing=settings.enabled("PLUS_ADDRESSING"),
    )


def batch(logger: Logger) -> SqsBatch:
    """Return how its queue's batches are taken."""
    settings = Environment()
    return parts.batch(settings, logger, dead_letters=settings["INGEST_DLQ_URL"])
