"""Record what SES reports of sent messages: bounces, complaints, rejections, delays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from postroom.bootstrap import record_feedback as bootstrap

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postroom.adapters.aws.batches import SqsRecord

logger = Logger(service="record_feedback")
settings = bootstrap.RecordFeedbackSettings.read()  # once per execution environment, during init
feedback = bootstrap.build(settings)
batch = bootstrap.batch(settings, logger)


def accept(record: SqsRecord) -> None:
    """Record one event; any error marks this record alone as failed."""
    feedback.accept(record.body)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process one SQS batch; see events/record_feedback.json."""
    return batch.process(event, accept, context.get_remaining_time_in_millis)
