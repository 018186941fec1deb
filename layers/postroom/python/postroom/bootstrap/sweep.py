"""Wiring of functions/sweep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import clients
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.sweep_rounds import DynamoSweepRounds
from postroom.adapters.aws.transit_scans import DynamoTransitScans
from postroom.bootstrap import parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import MetricsSettings, OrderQueueSettings, StationSettings, Url
from postroom.model.limits import OPEN_TOO_LONG_SECONDS, RETENTION_AFTER_FINAL_DAYS
from postroom.parking.stored import SweepTimes
from postroom.parking.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from postroom.parking.stored import Seen
    from postroom.ports.raw_mail import StoredRaw


class SweepSettings(StationSettings, OrderQueueSettings, MetricsSettings):
    inbound_bucket: str
    ingest_queue_url: Url


THREADS: Final = 8
"""Looks at stored mail at once: each waits for the network most of its time. Ours."""

MANY: Final = 100
"""Objects of a page from which threads are worth their start. Ours."""


@ready
def build(settings: SweepSettings) -> Sweep:
    return Sweep(
        parking=parts.parking(settings),
        queues=parts.queues(settings),
        transit=parts.transit(settings),
        scans=DynamoTransitScans(clients.dynamodb(), settings.transit_table),
        archive=S3RawMail(clients.s3(), settings.inbound_bucket),
        organizations=DynamoOrganizations(clients.dynamodb(), settings.directory_table),
        backlogs=parts.backlogs(settings),
        rounds=DynamoSweepRounds(clients.dynamodb(), settings.transit_table),
        metrics=parts.stack_metrics(settings),
        times=SweepTimes(
            open_too_long_ms=settings.shortened_ms(OPEN_TOO_LONG_SECONDS * 1000),
            keep_after_final_ms=settings.shortened_ms(RETENTION_AFTER_FINAL_DAYS * 86_400_000),
        ),
        now=now_ms,
        each=_each,
    )


def _each(look: Callable[[StoredRaw], Seen], page: Sequence[StoredRaw]) -> Iterable[Seen]:
    """Look at the objects of a page, at several at once if there are many; the results are in order."""
    if len(page) < MANY:
        return map(look, page)
    with ThreadPoolExecutor(THREADS, "look") as pool:
        return pool.map(look, page)
