"""Parts of functions that leave or deliver audit records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_trail import SqsAuditTrail

if TYPE_CHECKING:
    from postroom.adapters.aws.audit_deliveries import AwsAuditDeliveries
    from postroom.bootstrap.settings import AuditDeliveriesSettings, AuditTrailSettings, CountedTrailSettings
    from postroom.effects.counted_trail import CountedTrail


def trail(settings: AuditTrailSettings) -> SqsAuditTrail:
    """Return where audit records go. The client is made when it is first used."""
    return SqsAuditTrail(clients.later(clients.sqs), settings.audit_queue_url)


def counted_trail(settings: CountedTrailSettings) -> CountedTrail:
    """Return where audit records go of decisions about access; metrics of them are lines of the function's log."""
    from postroom.adapters.aws.metrics import EmbeddedMetrics  # functions that count nothing start without these
    from postroom.bootstrap.lines import write_line
    from postroom.effects.counted_trail import CountedTrail

    metrics = EmbeddedMetrics(settings.metrics_namespace, write_line, settings.organization_metrics)
    return CountedTrail(trail(settings), metrics)


def deliveries(settings: AuditDeliveriesSettings) -> AwsAuditDeliveries:
    """Return where organizations want their audit records."""
    import time  # functions that only leave records start without these

    from postroom.adapters.aws.audit_deliveries import AwsAuditDeliveries
    from postroom.adapters.aws.directory import DynamoDirectory
    from postroom.adapters.aws.directory_table import DirectoryTable

    directory = DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))
    logs, age_s = clients.later(clients.logs), settings.audit_settings_cache_s
    return AwsAuditDeliveries(directory, logs, age_s=age_s, monotonic=time.monotonic)
