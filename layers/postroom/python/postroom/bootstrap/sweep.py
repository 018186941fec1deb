"""Wiring of functions/sweep."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.transit_scans import DynamoTransitScans
from postroom.bootstrap import parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import MetricsSettings, OrderQueueSettings, StationSettings, Url
from postroom.model.limits import OPEN_TOO_LONG_SECONDS, RETENTION_AFTER_FINAL_DAYS
from postroom.parking.sweep import Sweep, SweepTimes


class SweepSettings(StationSettings, OrderQueueSettings, MetricsSettings):
    inbound_bucket: str
    ingest_queue_url: Url


@ready
def build(settings: SweepSettings) -> Sweep:
    return Sweep(
        parking=parts.parking(settings),
        queues=parts.queues(settings),
        transit=parts.transit(settings),
        scans=DynamoTransitScans(clients.dynamodb(), settings.transit_table),
        archive=S3RawMail(clients.s3(), settings.inbound_bucket),
        metrics=parts.stack_metrics(settings),
        organizations=DynamoOrganizations(clients.dynamodb(), settings.directory_table),
        times=SweepTimes(
            open_too_long_ms=settings.shortened_ms(OPEN_TOO_LONG_SECONDS * 1000),
            keep_after_final_ms=settings.shortened_ms(RETENTION_AFTER_FINAL_DAYS * 86_400_000),
        ),
        now=now_ms,
    )
