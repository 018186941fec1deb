"""Wiring of functions/bounce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.bounces import SesBounceSender
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import directory_parts, parts, ready
from postroom.bootstrap.environment import Environment, now_ms
from postroom.bounce.bounce import Bouncer, Patience

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


@ready
def build(settings: Environment | None = None) -> Bouncer:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    ours = Patience()
    return Bouncer(
        owners=directory_parts.owners(settings),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        raw=S3RawMail(clients.s3(), settings["INBOUND_BUCKET"]),
        sender=SesBounceSender(clients.ses_sending()),
        queues=parts.queues(settings),
        parking=parts.parking(settings),
        now=now_ms,
        patience=Patience(
            between=settings.sooner(ours.between),
            for_others=settings.sooner(ours.for_others / 1000) * 1000,
            for_another=ours.for_another,  # as long as a function may run: no speed changes that
        ),
    )


def batch(logger: Logger) -> SqsBatch:
    """Return how its queue's batches are taken."""
    settings = Environment()
    return parts.batch(settings, logger, dead_letters=settings["BOUNCE_DLQ_URL"])
