"""Read what SQS gave up on, and park it with its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response

from postroom.adapters.aws.batches import SqsBatch
from postroom.bootstrap import park as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="park")
dead_letters = bootstrap.build()  # once per execution environment, during init
batch = SqsBatch(logger)


def accept(record: SQSRecord) -> None:
    """Park one dead letter; any error marks this record alone as failed."""
    dead_letters.accept(record.event_source_arn, record.body, record.attributes.approximate_receive_count)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Process one SQS batch; see events/park.json."""
    return process_partial_response(event=event, record_handler=accept, processor=batch, context=context)
