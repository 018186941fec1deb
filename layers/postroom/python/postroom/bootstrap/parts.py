"""Parts that several functions are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.attempts import AttemptCounts
from postroom.adapters.aws.batches import SqsBatch
from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.adapters.aws.queues import SqsDeadLetters, SqsParkedNotices, SqsQueues
from postroom.adapters.aws.transit import DynamoTransit
from postroom.bootstrap.environment import now_ms
from postroom.contracts.orders import STATIONS
from postroom.parking.parking import Parking

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.bootstrap.environment import Environment


def transit(settings: Environment) -> DynamoTransit:
    """Return what is on its way."""
    return DynamoTransit(clients.dynamodb(), settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms)


def ledger(settings: Environment) -> DynamoLedger:
    """Return what happened."""
    return DynamoLedger(clients.dynamodb(), settings["LEDGER_TABLE"])


def queues(settings: Environment) -> SqsQueues:
    """Return the way to the stations whose queues the function knows; it sends to no others.

    Its client is made when it is first needed: a function that needs it for every message makes it in time.
    """
    urls = {name: settings[station.queue] for name, station in STATIONS.items() if station.queue in settings.variables}
    return SqsQueues(clients.later(clients.sqs), urls, settings.sooner)


def parking(settings: Environment) -> Parking:
    """Return the parking; queues that the function does not know stay unused by it."""
    directory = settings.variables.get("DIRECTORY_TABLE")
    return Parking(
        transit=transit(settings),
        ledger=ledger(settings),
        notices=SqsParkedNotices(clients.later(clients.sqs), settings["PARKED_QUEUE_URL"]),
        queues=queues(settings),
        now=now_ms,
        organizations=DynamoOrganizations(clients.dynamodb(), directory) if directory else None,
    )


def batch(settings: Environment, logger: Logger, dead_letters: str = "") -> SqsBatch:
    """Return how a station takes SQS's batches.

    Args:
        settings: of the function.
        logger: of the function.
        dead_letters: URL of its dead-letter queue; without one, a record is tried for ever.
    """
    counts = AttemptCounts(clients.dynamodb(), settings["TRANSIT_TABLE"], now_ms)
    queue = SqsDeadLetters(clients.later(clients.sqs), dead_letters) if dead_letters else None
    return SqsBatch(logger, counts, queue)
