"""Beside the way: tell the sender of a message who did not get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response

from postroom.adapters.aws.batches import SqsBatch
from postroom.bootstrap import bounce as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="bounce")
bouncer = bootstrap.build()  # once per execution environment, during init
batch = SqsBatch(logger)


def accept(record: SQSRecord) -> None:
    """Carry out one order; any error marks this record alone as failed."""
    bouncer.accept(record.body)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Process one SQS batch; see events/bounce.json."""
    return process_partial_response(event=event, record_handler=accept, processor=batch, context=context)
