"""Wiring of functions/retry_events."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.lambda_batches import failures, retried_messages
from postroom.adapters.aws.postponement import SqsPostponement
from postroom.bootstrap import parts, ready
from postroom.bootstrap.record_events import EventSettings, projections
from postroom.bootstrap.settings import LedgerSettings
from postroom.ledger.retry_events import RETRY_SCHEDULE_SECONDS, RetryEvents

__all__ = ["build", "failures", "retried_messages"]


class RetryEventsSettings(EventSettings, LedgerSettings):
    """The ledger holds the facts that a message names."""


@ready
def build(settings: RetryEventsSettings) -> RetryEvents:
    """Each line is written with a call of its own, so that the log service names a faulty one."""
    return RetryEvents(
        ledger=parts.ledger(settings),
        projections=projections(settings, most=1),
        postponement=SqsPostponement(clients.later(clients.sqs), settings.retry_events_queue_url),
        schedule_s=tuple(settings.shortened_s(gap) for gap in RETRY_SCHEDULE_SECONDS),
    )
