"""Wiring of functions/record_feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.bootstrap import parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import QueueSettings, TimedSettings, Url
from postroom.outbound.record_feedback import RecordFeedback
from postroom.outbound.timetable import NOTICE_MS

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class RecordFeedbackSettings(TimedSettings, QueueSettings):
    bounce_queue_url: Url
    transmit_queue_url: Url


@ready
def build(settings: RecordFeedbackSettings) -> RecordFeedback:
    return RecordFeedback(
        ledger=parts.ledger(settings),
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        now=now_ms,
        notice_ms=settings.shortened_ms(NOTICE_MS),
    )


def batch(settings: RecordFeedbackSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
