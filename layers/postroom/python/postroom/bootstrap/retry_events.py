"""Wiring of functions/retry_events."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.lambda_batches import failures, retried_messages
from postroom.adapters.aws.postponement import SqsPostponement
from postroom.bootstrap import parts, ready
from postroom.bootstrap.environment import Environment
from postroom.bootstrap.record_events import projections
from postroom.ledger.retry_events import RETRY_SCHEDULE_SECONDS, RetryEvents

__all__ = ["build", "failures", "retried_messages"]


@ready
def build(settings: Environment | None = None) -> RetryEvents:
    """Return the station as template.yaml sets it up; each line goes by itself, so that a faulty one shows."""
    settings = settings or Environment()
    return RetryEvents(
        ledger=parts.ledger(settings),
        projections=projections(settings, most=1),
        postponement=SqsPostponement(clients.later(clients.sqs), settings["RETRY_EVENTS_QUEUE_URL"]),
        schedule_s=tuple(settings.sooner(gap) for gap in RETRY_SCHEDULE_SECONDS),
    )
