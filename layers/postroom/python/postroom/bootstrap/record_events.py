"""Wiring of functions/record_events, and what functions/retry_events has in common with it."""

from __future__ import annotations

import sys
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoEventLogSettings
from postroom.adapters.aws.assumed_roles import AssumedRoles
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.event_bus import EventBridgeBus
from postroom.adapters.aws.event_log import CloudWatchEventLogs
from postroom.adapters.aws.lambda_batches import failures, ledger_records
from postroom.adapters.aws.metrics import EmbeddedMetrics
from postroom.adapters.aws.queues import SqsQueues
from postroom.bootstrap import ready
from postroom.bootstrap.environment import Environment, now_ms, pause
from postroom.contracts.pointers import Part
from postroom.ledger.bus import BusProjection
from postroom.ledger.event_log import EventLogProjection
from postroom.ledger.lines import MAX_BATCH_LINES
from postroom.ledger.record_events import RecordEvents
from postroom.ledger.retry_events import FIRST_RETRY_SECONDS

if TYPE_CHECKING:
    from postroom.ledger.projection import Projection

__all__ = ["build", "failures", "ledger_records", "projections"]


@ready
def build(settings: Environment | None = None) -> RecordEvents:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    return RecordEvents(
        projections=projections(settings),
        metrics=EmbeddedMetrics(settings["METRICS_NAMESPACE"], write_line),
        queues=SqsQueues(clients.later(clients.sqs), {"retry_events": settings["RETRY_EVENTS_QUEUE_URL"]}),
        delay_s=settings.sooner(FIRST_RETRY_SECONDS),
    )


def projections(settings: Environment, *, most: int = MAX_BATCH_LINES) -> dict[Part, Projection]:
    """Return the places that facts go to; ``most`` is how many lines one call writes to a log."""
    directory = DirectoryTable(clients.dynamodb(), settings["DIRECTORY_TABLE"])
    default_enabled = settings.enabled("EVENT_LOG_DEFAULT")
    instance = uuid.uuid4().hex
    logs = CloudWatchEventLogs(
        clients.logs(),
        AssumedRoles(clients.later(clients.sts), clients.logs_as, now_ms),
        lambda: f"{datetime.now(UTC):%Y/%m/%d}/{instance}",
    )
    return {
        Part.LOG: EventLogProjection(DynamoEventLogSettings(directory, default_enabled=default_enabled), logs, most),
        Part.BUS: BusProjection(EventBridgeBus(clients.events(), settings["EVENT_BUS_NAME"], pause, time.monotonic)),
    }


def write_line(line: str) -> None:
    """Write one line to the function's log."""
    sys.stdout.write(f"{line}\n")
