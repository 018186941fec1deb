"""Parts of functions that leave audit records."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_trail import SqsAuditTrail
from postroom.adapters.aws.metrics import EmbeddedMetrics
from postroom.bootstrap.lines import write_line
from postroom.bootstrap.settings import AuditTrailSettings
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
