"""Wiring of functions/accept_outbound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import QueueSettings, TimedSettings, Url
from postroom.outbound.accept_outbound import AcceptOutbound

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class AcceptOutboundSettings(TimedSettings, QueueSettings):
    inbound_bucket: str
    ingest_queue_url: Url
    run_sync_rule_queue_url: Url
    run_async_rule_queue_url: Url
    bounce_queue_url: Url
    accept_outbound_queue_url: Url
    transmit_queue_url: Url


@ready
def build(settings: AcceptOutboundSettings) -> AcceptOutbound:
    clients.sqs()  # every order needs it: better made now than while the first one waits
    return AcceptOutbound(
        raw=S3RawMail(clients.s3(), settings.inbound_bucket),
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
    )


def batch(settings: AcceptOutboundSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
