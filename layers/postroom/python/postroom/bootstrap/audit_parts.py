"""Parts of functions that leave or deliver audit records."""

from __future__ import annotations

import time

from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_deliveries import AwsAuditDeliveries
from postroom.adapters.aws.audit_trail import SqsAuditTrail
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.metrics import EmbeddedMetrics
from postroom.bootstrap.lines import write_line
from postroom.bootstrap.settings import AuditDeliveriesSettings, AuditTrailSettings
from postroom.effects.counted_trail import CountedTrail


class AccessSettings(AuditTrailSettings):
    """Of functions that decide about access: what they refuse is also a metric."""

    metrics_namespace: str


def trail(settings: AuditTrailSettings) -> SqsAuditTrail:
    """Return where audit records go. The client is made when it is first used."""
    return SqsAuditTrail(clients.later(clients.sqs), settings.audit_queue_url)


def counted_trail(settings: AccessSettings) -> CountedTrail:
    """Return where audit records of decisions about access go; they are counted, too."""
    return CountedTrail(trail(settings), EmbeddedMetrics(settings.metrics_namespace, write_line))


def deliveries(settings: AuditDeliveriesSettings) -> AwsAuditDeliveries:
    """Return where organizations want their audit records."""
    directory = DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))
    logs, age_s = clients.later(clients.logs), settings.audit_settings_cache_s
    return AwsAuditDeliveries(directory, logs, age_s=age_s, monotonic=time.monotonic)
