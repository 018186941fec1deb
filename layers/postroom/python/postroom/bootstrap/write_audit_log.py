"""Wiring of functions/write_audit_log."""

from __future__ import annotations

import time

from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_buckets import S3AuditObjects
from postroom.adapters.aws.audit_logs import ApiTrailLog, CloudWatchAuditLogs, LogGroupWriter
from postroom.adapters.aws.audit_streams import FirehoseAuditStreams
from postroom.adapters.aws.destination_policies import DestinationPolicies
from postroom.adapters.aws.lambda_batches import failures, retried_messages
from postroom.adapters.aws.postponement import SqsPostponement
from postroom.adapters.aws.queues import SqsDeadLetters, SqsQueues
from postroom.adapters.aws.written_objects import DynamoWrittenObjects
from postroom.audit.write_audit_log import FIRST_RETRY_SECONDS, RETRY_SCHEDULE_SECONDS, WriteAuditLog
from postroom.bootstrap import audit_parts, log_stream_names, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import AuditDeliveriesSettings, TimedSettings, Url
from postroom.contracts.audit_sending import RETRY
from postroom.model.audit_deliveries import DestinationKind
from postroom.model.audit_targets import Place

__all__ = ["build", "failures", "retried_messages"]


class WriteAuditLogSettings(AuditDeliveriesSettings, TimedSettings):
    transit_table: str
    account_id: str
    api_trail_log_group: str
    retry_audit_queue_url: Url
    dead_letter_queue_url: Url


@ready
def build(settings: WriteAuditLogSettings) -> WriteAuditLog:
    """Each execution environment writes log streams of its own, one per day.

    The first retry waits as long as deliveries may be remembered. Another environment gets it, and must not take a
    delivery that was added meanwhile for one that was deleted: it would drop the records.
    """
    logs, sqs = clients.logs(), clients.later(clients.sqs)
    s3, firehose = clients.later(clients.audit_buckets), clients.later(clients.firehose)
    place = Place(logs.meta.partition, logs.meta.region_name, settings.account_id)
    kept_ms, own = settings.audit_settings_cache_s * 1000, frozenset({settings.api_trail_log_group})
    policies = DestinationPolicies(logs, s3, firehose, place, now_ms, kept_ms, own)
    writer = LogGroupWriter(logs, log_stream_names.daily(), now_ms)
    written = DynamoWrittenObjects(clients.dynamodb(), settings.transit_table)
    return WriteAuditLog(
        deliveries=audit_parts.deliveries(settings),
        destinations={
            DestinationKind.CLOUDWATCH_LOGS: CloudWatchAuditLogs(writer, policies, place),
            DestinationKind.S3: S3AuditObjects(s3, policies, written, place, now_ms),
            DestinationKind.FIREHOSE: FirehoseAuditStreams(firehose, policies, place, time.sleep),
        },
        api_trail=ApiTrailLog(writer, settings.api_trail_log_group),
        queues=SqsQueues(sqs, {RETRY: settings.retry_audit_queue_url}),
        dead_letters=SqsDeadLetters(sqs, settings.dead_letter_queue_url),
        postponement=SqsPostponement(sqs, settings.retry_audit_queue_url),
        first_retry_s=max(settings.shortened_s(FIRST_RETRY_SECONDS), settings.audit_settings_cache_s),
        schedule_s=tuple(settings.shortened_s(gap) for gap in RETRY_SCHEDULE_SECONDS),
    )
