"""Park messages of the dead-letter queue, each with its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import park as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="park")
settings = bootstrap.ParkSettings.read()  # once per execution environment, during init
dead_letters = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


def accept(record: SqsRecord) -> None:
    """Park one dead letter; any error marks this record alone as failed."""
    dead_letters.accept(record.queue_arn, record.body, record.receives, record.cause)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/park.json."""
    return batch.process(event, accept, context.get_remaining_time_in_millis)
