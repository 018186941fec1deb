"""Wiring of functions/run_sync_rule."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import parts, ready, rule_parts
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import OrderQueueSettings
from postroom.rules.run_sync_rule import RunSyncRule

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class RunSyncRuleSettings(rule_parts.RuleSettings, OrderQueueSettings):
    inbound_bucket: str
    plus_addressing: bool


@ready
def build(settings: RunSyncRuleSettings) -> RunSyncRule:
    dynamodb = clients.dynamodb()
    clients.sqs()  # every call needs it: better made now than while the first one waits
    return RunSyncRule(
        caller=rule_parts.caller(settings),
        open_calls=rule_parts.open_calls(settings),
        directory=DynamoAddressees(DirectoryTable(dynamodb, settings.directory_table)),
        raw=S3RawMail(clients.later(clients.s3), settings.inbound_bucket),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        chance=random.random,
        plus_addressing=settings.plus_addressing,
        speed=settings.postroom_speed,
    )


def batch(settings: RunSyncRuleSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
