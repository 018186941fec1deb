"""Parts that several functions are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.queues import SqsArrivals, SqsDeliveries, SqsEventRetries, SqsParkedNotices
from postroom.adapters.aws.transit import DynamoLedger, DynamoTransit
from postroom.bootstrap.environment import now_ms
from postroom.parking.parking import Parking

if TYPE_CHECKING:
    from postroom.bootstrap.environment import Environment


def transit(settings: Environment) -> DynamoTransit:
    """Return what is on its way."""
    return DynamoTransit(clients.dynamodb(), settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms)


def ledger(settings: Environment) -> DynamoLedger:
    """Return what happened."""
    return DynamoLedger(clients.dynamodb(), settings["LEDGER_TABLE"])


def parking(settings: Environment) -> Parking:
    """Return the parking; queues that the function does not know stay unused by it."""
    sqs, urls = clients.later(clients.sqs), settings.variables
    return Parking(
        transit=transit(settings),
        ledger=ledger(settings),
        notices=SqsParkedNotices(sqs, settings["PARKED_QUEUE_URL"]),
        deliveries=SqsDeliveries(sqs, urls.get("DELIVER_QUEUE_URL", "")),
        arrivals=SqsArrivals(sqs, urls.get("INGEST_QUEUE_URL", "")),
        event_retries=SqsEventRetries(sqs, urls.get("RETRY_EVENTS_QUEUE_URL", "")),
        now=now_ms,
    )
