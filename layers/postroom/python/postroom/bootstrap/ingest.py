"""Wiring of functions/ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.bootstrap import flow_parts, parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import QueueSettings
from postroom.inbound.ingest import Ingest

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class IngestSettings(flow_parts.FlowParkingSettings, QueueSettings):
    inbound_bucket: str
    plus_addressing: bool
    flows_together: bool


@ready
def build(settings: IngestSettings) -> Ingest:
    clients.sqs()  # every message needs it: better made now than while the first one waits
    return Ingest(
        directory=DynamoAddressees(DirectoryTable(clients.dynamodb(), settings.directory_table)),
        rule_sets=S3RuleSets(clients.s3(), settings.inbound_bucket),
        raw=S3RawMail(clients.s3(), settings.inbound_bucket),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        queues=parts.queues(settings),
        parking=flow_parts.flow_parking(settings),
        now=now_ms,
        bucket=settings.inbound_bucket,
        plus_addressing=settings.plus_addressing,
        lone=not settings.flows_together,
    )


def batch(settings: IngestSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
