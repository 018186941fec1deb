"""Parts that several functions are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.attempts import AttemptCounts
from postroom.adapters.aws.batches import SqsBatch
from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.metrics import EmbeddedStackMetrics
from postroom.adapters.aws.parked import DynamoParkedThings
from postroom.adapters.aws.postponement import SqsPostponement
from postroom.adapters.aws.queues import SqsBacklogs, SqsDeadLetters, SqsQueues
from postroom.adapters.aws.transit import DynamoTransit
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.lines import write_line
from postroom.contracts.orders import STATIONS
from postroom.model.limits import RESERVE_MS
from postroom.parking.parking import Parking

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger

    from postroom.bootstrap.settings import (
        BatchSettings,
        FlowSettings,
        LedgerSettings,
        MetricsSettings,
        TimedSettings,
        Url,
    )


def transit(settings: FlowSettings) -> DynamoTransit:
    """Return the table of what is in transit."""
    return DynamoTransit(clients.dynamodb(), settings.transit_table, settings.ledger_table, now_ms)


def parked_things(settings: FlowSettings) -> DynamoParkedThings:
    """Return what is parked."""
    return DynamoParkedThings(clients.dynamodb(), settings.transit_table, settings.ledger_table, now_ms)


def ledger(settings: LedgerSettings) -> DynamoLedger:
    """Return the ledger of facts."""
    return DynamoLedger(clients.dynamodb(), settings.ledger_table)


def queues(settings: TimedSettings) -> SqsQueues:
    """Return the queues of those stations whose URLs are among the settings. The function sends to no others.

    The client is made when it is first used. A function that sends for every message makes it earlier.
    """
    return SqsQueues(clients.later(clients.sqs), _urls(settings), settings.shortened_s)


def backlogs(settings: TimedSettings) -> SqsBacklogs:
    """Return what asks the same queues for their backlogs."""
    return SqsBacklogs(clients.later(clients.sqs), _urls(settings))


def _urls(settings: TimedSettings) -> dict[str, str]:
    fields = {name: station.queue.lower() for name, station in STATIONS.items()}
    return {name: getattr(settings, field) for name, field in fields.items() if hasattr(settings, field)}


def parking(settings: FlowSettings) -> Parking:
    """Return what parks orders."""
    return Parking(parked_things(settings), ledger(settings), transit(settings), now_ms)


def stack_metrics(settings: MetricsSettings) -> EmbeddedStackMetrics:
    """Return the metrics of the stack itself."""
    return EmbeddedStackMetrics(settings.metrics_namespace, write_line, now_ms)


def batch(
    settings: BatchSettings,
    logger: Logger,
    dead_letters: Url | None = None,
    queue: Url | None = None,
    *,
    reserve_ms: int = RESERVE_MS,
    may_be_slow: Callable[[str], bool] = lambda _body: False,
) -> SqsBatch:
    """Return the loop over a batch of messages.

    Args:
        settings: of the function.
        logger: of the function.
        dead_letters: URL of the queue for messages that failed too often; without one, a message is tried for ever.
        queue: URL of the queue itself, if messages that lost a race for a row come again in seconds.
        reserve_ms: longest time that a record takes, if that is longer than usual.
        may_be_slow: whether the record with a body is processed after the others.
    """
    counts = AttemptCounts(clients.dynamodb(), settings.transit_table, now_ms)
    given_up = SqsDeadLetters(clients.later(clients.sqs), dead_letters) if dead_letters else None
    postponement = SqsPostponement(clients.later(clients.sqs), queue) if queue else None
    return SqsBatch(
        logger,
        counts,
        stack_metrics(settings),
        given_up,
        postponement,
        reserve_ms=reserve_ms,
        may_be_slow=may_be_slow,
    )
