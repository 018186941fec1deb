"""Wiring of functions/bounce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.bounces import SesBounceSender
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import directory_parts, parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import StationSettings, Url
from postroom.bounce.bounce import Bouncer, Patience

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class BounceSettings(StationSettings):
    inbound_bucket: str
    bounce_queue_url: Url
    bounce_dlq_url: Url


@ready
def build(settings: BounceSettings) -> Bouncer:
    ours = Patience()
    return Bouncer(
        owners=directory_parts.owners(settings),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        raw=S3RawMail(clients.s3(), settings.inbound_bucket),
        sender=SesBounceSender(clients.ses_sending()),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        patience=Patience(
            between=settings.shortened_s(ours.between),
            for_others=settings.shortened_ms(ours.for_others),
            for_another=ours.for_another,  # as long as a function may run: no speed changes that
        ),
    )


def batch(settings: BounceSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.bounce_dlq_url)
