"""Wiring of functions/run_sync_rule."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.message_contents import DynamoMessageContents
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import parts, ready, rule_parts
from postroom.bootstrap.environment import Environment, now_ms
from postroom.rules.run_sync_rule import RunSyncRule

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


@ready
def build(settings: Environment | None = None) -> RunSyncRule:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    dynamodb = clients.dynamodb()
    clients.sqs()  # every call needs it: better made now than while the first one waits
    return RunSyncRule(
        caller=rule_parts.caller(settings),
        open_calls=rule_parts.open_calls(settings),
        directory=DynamoAddressees(DirectoryTable(dynamodb, settings["DIRECTORY_TABLE"])),
        raw=S3RawMail(clients.later(clients.s3), settings["INBOUND_BUCKET"]),
        contents=DynamoMessageContents(dynamodb, settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        chance=random.random,
        plus_addressing=settings.enabled("PLUS_ADDRESSING"),
        speed=settings.speed,
    )


def batch(logger: Logger) -> SqsBatch:
    """Return how its queue's batches are taken."""
    settings = Environment()
    return parts.batch(settings, logger, dead_letters=settings["RUN_SYNC_RULE_DLQ_URL"])
