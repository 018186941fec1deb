"""Wiring of functions/bounce."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.bounces import SesBounceSender
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import directory_parts, parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import QueueSettings, StationSettings, Url
from postroom.bounce.bounce import LOOK_AGAIN_S, WAIT_FOR_OTHERS_MS, Bouncer
from postroom.bounce.caps import Caps
from postroom.effects.once import Once
from postroom.outbound.journal_feedback import JournalFeedback

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class BounceSettings(StationSettings, QueueSettings):
    inbound_bucket: str
    bounce_queue_url: Url
    deliver_queue_url: Url
    transmit_queue_url: Url
    bounces_per_sender: int
    bounces_per_sender_domain: int
    bounces_per_organization: int
    bounces_per_stack: int


@ready
def build(settings: BounceSettings) -> Bouncer:
    transit, ledger, queues = parts.transit(settings), parts.ledger(settings), parts.queues(settings)
    return Bouncer(
        owners=directory_parts.owners(settings),
        transit=transit,
        once=Once(transit, now_ms, random.random),
        ledger=ledger,
        raw=S3RawMail(clients.s3(), settings.inbound_bucket),
        sender=SesBounceSender(clients.ses_sending()),
        journal=JournalFeedback(ledger, transit, queues, now_ms),
        queues=queues,
        parking=parts.parking(settings),
        now=now_ms,
        caps=Caps(
            per_sender=settings.bounces_per_sender,
            per_domain=settings.bounces_per_sender_domain,
            per_organization=settings.bounces_per_organization,
            per_stack=settings.bounces_per_stack,
        ),
        look_again_s=settings.shortened_s(LOOK_AGAIN_S),
        wait_for_others_ms=settings.shortened_ms(WAIT_FOR_OTHERS_MS),
    )


def batch(settings: BounceSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
