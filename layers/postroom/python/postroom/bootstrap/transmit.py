"""Wiring of functions/transmit."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.mailbox_heads import DynamoMailboxHeads
from postroom.adapters.aws.open_transmissions import DynamoOpenTransmissions
from postroom.adapters.aws.outgoing import SesV2Sender
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.transit_keys import KmsTransitKeys
from postroom.bootstrap import directory_parts, parts, ready, relay_parts
from postroom.bootstrap.clock import now_ms, pause
from postroom.bootstrap.settings import QueueSettings, StationSettings, Url
from postroom.outbound.inside import OwnAddresses
from postroom.outbound.reading import OrderReader, names_gateway
from postroom.outbound.timetable import NOTICE_MS, Timetable
from postroom.outbound.transmit import Transmit

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch

LONGEST_ATTEMPT_MS = 245_000
"""Remaining time of the function below which no further order is begun: a gateway may take ``MAX_SECONDS``. Ours."""


class TransmitSettings(StationSettings, QueueSettings, relay_parts.RelaySettings):
    inbound_bucket: str
    mailbox_table: str
    configuration_set: str
    transmit_retry_seconds: int
    transmit_queue_url: Url
    bounce_queue_url: Url
    deliver_queue_url: Url


@ready
def build(settings: TransmitSettings) -> Transmit:
    dynamodb = clients.dynamodb()
    keys = KmsTransitKeys(clients.kms(), dynamodb, settings.transit_table, settings.stack_key_arn, now_ms)
    raw = S3RawMail(clients.s3(), settings.inbound_bucket, keys)
    table = DirectoryTable(dynamodb, settings.directory_table)
    transit, ledger, queues = parts.transit(settings), parts.ledger(settings), parts.queues(settings)
    heads = DynamoMailboxHeads(dynamodb, settings.mailbox_table)
    return Transmit(
        read=OrderReader(raw, OwnAddresses(DynamoAddressees(table), heads, raw, transit, ledger, queues)).read,
        owners=directory_parts.owners(settings),
        gateways=DynamoDirectory(table),
        transit=transit,
        open=DynamoOpenTransmissions(dynamodb, settings.transit_table, settings.ledger_table, now_ms),
        ledger=ledger,
        ses=SesV2Sender(clients.ses_v2_sending(), settings.configuration_set),
        relays=relay_parts.relays(settings),
        queues=queues,
        parking=parts.parking(settings),
        now=now_ms,
        chance=random.random,
        new_run=lambda: uuid.uuid4().hex,
        pause=pause,
        times=Timetable(
            retry_ms=settings.shortened_ms(settings.transmit_retry_seconds * 1000),
            notice_ms=settings.shortened_ms(NOTICE_MS),
            speed=settings.postroom_speed,
        ),
    )


def batch(settings: TransmitSettings, logger: Logger) -> SqsBatch:
    queues = (settings.dead_letter_queue_url, settings.transmit_queue_url)
    return parts.batch(settings, logger, *queues, reserve_ms=LONGEST_ATTEMPT_MS, may_be_slow=names_gateway)
