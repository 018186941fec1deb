"""Parts that several functions are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.queues import SqsArrivals, SqsEventRetries, SqsOnward, SqsParkedNotices, SqsRuleCalls
from postroom.adapters.aws.transit import DynamoLedger, DynamoTransit
from postroom.bootstrap.environment import now_ms
from postroom.contracts.between_stations import Station
from postroom.model.limits import BOUNCE_DELAY_SECONDS
from postroom.parking.parking import Parking

if TYPE_CHECKING:
    from postroom.bootstrap.environment import Environment


def transit(settings: Environment) -> DynamoTransit:
    """Return what is on its way."""
    return DynamoTransit(clients.dynamodb(), settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms)


def ledger(settings: Environment) -> DynamoLedger:
    """Return what happened."""
    return DynamoLedger(clients.dynamodb(), settings["LEDGER_TABLE"])


def onward(settings: Environment) -> SqsOnward:
    """Return the way to the stations whose queues the function knows; it makes no orders for others.

    Its client is made when it is first needed: who needs it for every message makes it in time.
    """
    variables = settings.variables
    urls = {
        Station.DELIVER: variables.get("DELIVER_QUEUE_URL", ""),
        Station.BOUNCE: variables.get("BOUNCE_QUEUE_URL", ""),
        Station.RUN_SYNC_RULE: variables.get("RUN_SYNC_RULE_QUEUE_URL", ""),
        Station.RUN_ASYNC_RULE: variables.get("RUN_ASYNC_RULE_QUEUE_URL", ""),
    }
    return SqsOnward(clients.later(clients.sqs), urls, settings.sooner(BOUNCE_DELAY_SECONDS))


def parking(settings: Environment) -> Parking:
    """Return the parking; queues that the function does not know stay unused by it."""
    sqs, urls = clients.later(clients.sqs), settings.variables
    return Parking(
        transit=transit(settings),
        ledger=ledger(settings),
        notices=SqsParkedNotices(sqs, settings["PARKED_QUEUE_URL"]),
        onward=onward(settings),
        calls=SqsRuleCalls(sqs, urls.get("RUN_SYNC_RULE_QUEUE_URL", "")),
        arrivals=SqsArrivals(sqs, urls.get("INGEST_QUEUE_URL", "")),
        event_retries=SqsEventRetries(sqs, urls.get("RETRY_EVENTS_QUEUE_URL", "")),
        now=now_ms,
    )
