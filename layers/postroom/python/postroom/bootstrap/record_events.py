"""Wiring of functions/record_events, and what functions/retry_events has in common with it."""

from __future__ import annotations

import time
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
from postroom.bootstrap import audit_parts, log_stream_names, ready
from postroom.bootstrap.clock import now_ms, pause
from postroom.bootstrap.lines import write_line
from postroom.bootstrap.settings import (
    Arn,
    AuditDeliveriesSettings,
    AuditTrailSettings,
    OrganizationMetricsSettings,
    TimedSettings,
    Url,
)
from postroom.contracts.log_batches import MAX_BATCH_LINES
from postroom.contracts.pointers import Part
from postroom.ledger.audit import AuditProjection
from postroom.ledger.bus import BusProjection
from postroom.ledger.event_log import EventLogProjection
from postroom.ledger.record_events import RecordEvents
from postroom.ledger.retry_events import FIRST_RETRY_SECONDS

if TYPE_CHECKING:
    from postroom.ledger.projection import Projection

__all__ = ["build", "failures", "ledger_records", "projections"]


class EventSettings(AuditDeliveriesSettings, AuditTrailSettings, TimedSettings):
    """Of functions that write facts to event logs, to the event bus and to audit logs."""

    retry_events_queue_url: Url
    event_bus_name: str
    event_log_default: bool
    organization_arns: Arn


class RecordEventsSettings(EventSettings, OrganizationMetricsSettings):
    """Metrics are counted once only, so retry_events has none."""


@ready
def build(settings: RecordEventsSettings) -> RecordEvents:
    return RecordEvents(
        projections=projections(settings),
        metrics=EmbeddedMetrics(settings.metrics_namespace, write_line, settings.organization_metrics),
        queues=SqsQueues(clients.later(clients.sqs), {"retry_events": settings.retry_events_queue_url}),
        delay_s=settings.shortened_s(FIRST_RETRY_SECONDS),
    )


def projections(settings: EventSettings, *, most: int = MAX_BATCH_LINES) -> dict[Part, Projection]:
    """Return the places that facts are written to; ``most`` is the number of lines that one call writes to a log."""
    directory = DirectoryTable(clients.dynamodb(), settings.directory_table)
    default_enabled = settings.event_log_default
    logs = CloudWatchEventLogs(
        clients.logs(),
        AssumedRoles(clients.later(clients.sts), clients.logs_as, now_ms),
        log_stream_names.daily(),
    )
    return {
        Part.LOG: EventLogProjection(
            DynamoEventLogSettings(directory, default_enabled=default_enabled), logs, settings.organization_arns, most
        ),
        Part.BUS: BusProjection(EventBridgeBus(clients.events(), settings.event_bus_name, pause, time.monotonic)),
        Part.AUDIT: AuditProjection(
            audit_parts.deliveries(settings), audit_parts.trail(settings), settings.organization_arns
        ),
    }
